package basic_test

import (
	"path/filepath"
	"testing"

	"toolpit/internal/store"
	"toolpit/internal/store/sqlitestore"
	"toolpit/internal/tools/basic"
	"toolpit/internal/tools/toolstest"
)

func openStore(t *testing.T) store.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), store.Config{})
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

func TestTools_KeepTheContract(t *testing.T) {
	t.Parallel()
	toolstest.Run(t, toolstest.Subject{
		Tools: basic.Tools(),
		Store: openStore(t),
		Volatile: map[string][]string{
			"ping":      {"timestamp", "replica_id"},
			"get_stats": {"*"},
		},
	})
}
