//go:build !linux

package redistest

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"testing"
)

// dieWithParent has no counterpart here: a killed test binary leaves its servers
// behind.
func dieWithParent() *syscall.SysProcAttr { return nil }

// reservePort lets the kernel choose a port. It may be given to somebody else
// before it is used; StartServer then tries another one.
func reservePort() (port int, release func(), err error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, nil, err
	}
	addr, ok := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil {
		return 0, nil, err
	}
	if !ok {
		return 0, nil, fmt.Errorf("listen: unexpected %T", listener.Addr())
	}
	return addr.Port, func() {}, nil
}

// memoryDir makes a directory. It need not be in memory.
func memoryDir(t testing.TB) string {
	t.Helper()
	return t.TempDir()
}
