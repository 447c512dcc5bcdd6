package sqlitestore

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/store"
)

func TestDurability(t *testing.T) {
	const normal, full = 1, 2 // of PRAGMA synchronous
	for level, want := range map[store.Durability]struct {
		honours     []store.Durability
		synchronous int64
	}{
		store.Memory:   {[]store.Durability{store.Memory, store.EverySec}, normal},
		store.EverySec: {[]store.Durability{store.Memory, store.EverySec}, normal},
		store.Fsync:    {[]store.Durability{store.Memory, store.EverySec, store.Fsync}, full},
	} {
		s, err := Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), store.Config{Durability: level})
		if err != nil {
			t.Fatal(err)
		}
		honours, err := s.Honours(t.Context())
		if diff := cmp.Diff(want.honours, honours); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", level, err, diff)
		}
		writer, err := s.writer.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r, err := writer.one("PRAGMA synchronous")
		if err != nil || r.int(0) != want.synchronous {
			t.Errorf("%s: COMMIT is synchronous to the degree %d, %v; want %d", level, r.int(0), err, want.synchronous)
		}
		s.writer.give(writer)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), store.Config{Durability: store.Replicated}); !store.IsUnfit(err) {
		t.Errorf("Open for a replicated store = %v, want Unfit", err)
	}
}
