package toolstest

import (
	"path/filepath"
	"testing"

	"toolpit/internal/store"
	"toolpit/internal/store/sqlitestore"
)

// OpenStore opens an empty store for the time of the test.
func OpenStore(t *testing.T, cfg store.Config) store.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
