package basic_test

import (
	"testing"

	"toolpit/internal/tools/basic"
	"toolpit/internal/tools/toolstest"
)

func TestTools_KeepTheContract(t *testing.T) {
	t.Parallel()
	toolstest.Run(t, toolstest.Subject{
		Tools: basic.Tools(),
		Volatile: map[string][]string{
			"ping":      {"timestamp", "replica_id"},
			"get_stats": {"*"},
		},
	})
}
