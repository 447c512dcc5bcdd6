package redistest

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// dieWithParent has the kernel kill the server when the test binary ends without
// running its cleanup functions: killed, timed out or crashed.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// reservePort takes a port by binding a socket to it that never listens.
//
// Letting the kernel choose a port and closing the socket leaves a gap in which
// another process may be given the same; with test packages running in parallel
// that does happen, and a server that is killed and restarted has such a gap of
// any length. Linux lets a listener share a port with sockets that do not listen
// if both set SO_REUSEADDR, as Go and redis-server do, yet never chooses a port
// that is bound.
func reservePort() (port int, release func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, os.NewSyscallError("socket", err)
	}
	closeSocket := func() { _ = syscall.Close(fd) }
	defer func() {
		if err != nil {
			closeSocket()
		}
	}()
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, nil, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, nil, os.NewSyscallError("bind", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, nil, os.NewSyscallError("getsockname", err)
	}
	addr, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		return 0, nil, fmt.Errorf("getsockname: unexpected %T", name)
	}
	return addr.Port, closeSocket, nil
}

// memoryDir makes a directory in memory, if there is a place for it. Nodes of a
// Cluster wait for the disk each time that a slot moves, and on a busy machine
// so long that the others take them for dead.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "redistest-") //nolint:usetesting // t.TempDir is on disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
