// Package numpytest finds NumPy for tests that compare with it.
package numpytest

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Python finds a Python that has NumPy. Without one the test is skipped, unless
// TOOLPIT_TEST_REQUIRE asks for it.
func Python(t testing.TB) string {
	t.Helper()
	// A Python that was installed by hand hides the one that Debian's
	// python3-numpy belongs to.
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import numpy").Run() == nil {
			return python
		}
	}
	const missing = "SKIPPED: no python3 has NumPy (Debian: python3-numpy)"
	required := strings.Split(os.Getenv("TOOLPIT_TEST_REQUIRE"), ",")
	if slices.ContainsFunc(required, func(s string) bool { return strings.TrimSpace(s) == "numpy" }) {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}
