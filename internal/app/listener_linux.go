package app

import (
	"net"

	"golang.org/x/sys/unix"
)

// ignoreNew attaches a filter to the listening socket that drops each packet
// with which a client begins to connect. Everything else passes, so that
// connections under way are completed. A client sends its first packet again
// after a second; by then the listener is closed, and it is refused.
func ignoreNew(l *net.TCPListener) error {
	const (
		flags    = 13 // where a TCP header has them
		syn, ack = 0x02, 0x10
		all      = 0xffffffff
	)
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: syn | ack},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: syn, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: all},
	}
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var attached error
	err = raw.Control(func(fd uintptr) {
		attached = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
	})
	if err != nil {
		return err
	}
	return attached
}
