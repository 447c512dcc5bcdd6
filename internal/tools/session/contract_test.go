package session_test

import (
	"testing"

	"toolpit/internal/tools/session"
	"toolpit/internal/tools/toolstest"
)

func TestTools_KeepTheContract(t *testing.T) {
	t.Parallel()
	toolstest.Run(t, toolstest.Subject{
		Tools: session.Tools(),
		Volatile: map[string][]string{
			"init_session":    {"session_id", "timestamp", "worker_pid", "replica_id"},
			"cleanup":         {"duration_ms"},
			"get_worker_info": {"session_id", "worker_pid", "replica_id", "host", "started_at"},
		},
	})
}
