package binary_test

import (
	"testing"

	"toolpit/internal/tools/binary"
	"toolpit/internal/tools/toolstest"
)

func TestTools_KeepTheContract(t *testing.T) {
	t.Parallel()
	toolstest.Run(t, toolstest.Subject{
		Tools: binary.Tools(),
		Volatile: map[string][]string{
			"benchmark_encoding": {"results"},
			"create_tensor":      {"checksum"}, // of random elements
		},
	})
}
