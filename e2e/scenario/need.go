package scenario

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Missing ends a test for which something is missing here: skipped, or failed
// where TOOLPIT_TEST_REQUIRE lists it.
func Missing(t testing.TB, what, why string) {
	t.Helper()
	required := strings.Split(os.Getenv("TOOLPIT_TEST_REQUIRE"), ",")
	if slices.ContainsFunc(required, func(s string) bool { return strings.TrimSpace(s) == what }) {
		t.Fatalf("SKIPPED: %s is required: %s", what, why)
	}
	t.Skipf("SKIPPED: %s: %s", what, why)
}

// Program finds an executable, or ends the test as [Missing] does.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, name, err.Error())
	}
	return path
}
