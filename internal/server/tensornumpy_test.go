package server_test

import (
	"os/exec"
	"strings"
	"testing"

	"toolpit/internal/npy/numpytest"
)

// TestNumPyBothWays lets NumPy write and read arrays over HTTP.
func TestNumPyBothWays(t *testing.T) {
	python := numpytest.Python(t)
	r := start(t)
	r.session("s")
	out, err := exec.CommandContext(t.Context(), python, "testdata/tensors.py", r.url+"/sessions/s").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := strings.TrimSpace(string(out)); got != "140" {
		t.Errorf("%s arrays came back, want 140", got)
	}
}
