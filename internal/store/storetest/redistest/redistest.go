package redistest

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	// envURL names a Redis for Shared to hand out.
	envURL = "TOOLPIT_TEST_REDIS"
	// envRequire lists what must not be skipped for want of it.
	envRequire = "TOOLPIT_TEST_REQUIRE"
)

// Start runs a fresh redis-server for the test and returns its URL, of the form
// redis://127.0.0.1:port/0. It is [StartServer] for tests that need nothing but
// the URL.
func Start(t testing.TB, args ...string) string {
	t.Helper()
	return StartServer(t, args...).URL()
}

// Shared returns the URL of some Redis: TOOLPIT_TEST_REDIS if that is set, else
// that of a fresh server as from [Start].
//
// The server may be in use by others, at the same time and from earlier runs.
// Tests must keep to keys that are theirs alone, and must not flush, configure
// or stop it.
func Shared(t testing.TB) string {
	t.Helper()
	if url := os.Getenv(envURL); url != "" {
		return url
	}
	return Start(t)
}

// lookPath finds the redis-server executable. Without one it ends the test:
// skipped, or failed if Redis is required.
func lookPath(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err == nil {
		return path
	}
	msg := "SKIPPED: no redis-server on PATH and " + envURL + " is unset"
	if os.Getenv(envURL) != "" {
		// Not the place to fall back on it: the test asked for a server that
		// it may kill, or whose arguments it chose.
		msg = "SKIPPED: no redis-server on PATH and " + envURL + " cannot stand in for a server of the test's own"
	}
	required := strings.Split(os.Getenv(envRequire), ",")
	if slices.ContainsFunc(required, func(s string) bool { return strings.TrimSpace(s) == "redis" }) {
		t.Fatal(msg)
	}
	t.Skip(msg)
	return ""
}
