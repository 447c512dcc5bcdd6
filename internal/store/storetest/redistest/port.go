package redistest

import "testing"

// ReservePort returns a TCP port of 127.0.0.1 that is the test's own until it
// ends: a listener may be opened, closed and opened again there, dials are
// refused whenever there is none, and the kernel gives the port to nobody else
// in between. Off Linux the last is not certain.
//
// Mind that a child process being started has a copy of a listener just closed,
// which keeps listening until the child runs its program; syscall.ForkLock
// tells when that is over.
func ReservePort(t testing.TB) int {
	t.Helper()
	port, release, err := reservePort()
	if err != nil {
		t.Fatalf("redistest: reserve a port: %v", err)
	}
	t.Cleanup(release)
	return port
}
