package variable_test

import (
	"testing"

	"toolpit/internal/tools/toolstest"
	"toolpit/internal/tools/variable"
)

func TestTools_KeepTheContract(t *testing.T) {
	t.Parallel()
	toolstest.Run(t, toolstest.Subject{
		Tools: variable.Tools(),
		Volatile: map[string][]string{
			"variable_demo": {"history"},
		},
	})
}
