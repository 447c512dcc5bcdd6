package session_test

import (
	"path/filepath"
	"testing"

	"toolpit/internal/store"
	"toolpit/internal/store/sqlitestore"
	"toolpit/internal/tools/session"
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
		Tools: session.Tools(),
		Store: openStore(t),
		Volatile: map[string][]string{
			"init_session":    {"session_id", "timestamp", "worker_pid", "replica_id"},
			"cleanup":         {"duration_ms"},
			"get_worker_info": {"session_id", "worker_pid", "replica_id", "host", "started_at"},
		},
	})
}
