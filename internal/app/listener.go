package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// listener is a TCP listener that can stop without cutting anybody off.
//
// Closing one resets the connections that the kernel has made and that nobody
// has accepted yet. Their clients may have sent a request, and cannot tell
// whether it was read. A client whose connection is refused knows that it was
// not.
type listener struct {
	*net.TCPListener
	finishing atomic.Bool
}

// lastHandshakes is how long a connection that was being made when new ones
// were refused may take to arrive.
const lastHandshakes = 200 * time.Millisecond

func listen(ctx context.Context, address string) (*listener, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // the kernel attaches no filter to such a socket
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T is no TCP listener", ln), ln.Close())
	}
	return &listener{TCPListener: tcp}, nil
}

// finish has the kernel ignore whoever wants to connect from now on. Accept
// hands over the connections that were made, and then says net.ErrClosed.
func (l *listener) finish() error {
	if err := ignoreNew(l.TCPListener); err != nil {
		return errors.Join(err, l.Close())
	}
	l.finishing.Store(true)
	// Wakes up an Accept that waits.
	return l.SetDeadline(time.Now().Add(lastHandshakes))
}

// Accept waits for a connection. One that is there is returned even if the
// caller is late: each call has time of its own.
func (l *listener) Accept() (net.Conn, error) {
	if l.finishing.Load() {
		if err := l.SetDeadline(time.Now().Add(lastHandshakes)); err != nil {
			return nil, err
		}
	}
	conn, err := l.TCPListener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, net.ErrClosed // http.Server tries again after a timeout
	}
	return conn, err
}
