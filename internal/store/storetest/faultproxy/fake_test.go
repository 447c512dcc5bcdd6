package faultproxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// patience is for what must happen.
	patience = 10 * time.Second
	// silence is for what must not.
	silence = 30 * time.Millisecond
)

// handler answers a command on conn by writing to it. An error closes it.
type handler func(conn net.Conn, name string) error

// fake is a server that speaks just enough RESP.
type fake struct {
	addr string

	mu    sync.Mutex
	names []string
	more  chan struct{} // closed, and replaced, when names has grown
	conns map[net.Conn]struct{}
}

func startFake(t *testing.T, handle handler) *fake {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{addr: listener.Addr().String(), more: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns[conn] = struct{}{}
			f.mu.Unlock()
			wg.Go(func() {
				defer conn.Close()
				f.serve(conn, handle)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		f.mu.Lock()
		for conn := range f.conns {
			conn.Close()
		}
		f.mu.Unlock()
		wg.Wait()
	})
	return f
}

func (f *fake) serve(conn net.Conn, handle handler) {
	r := bufio.NewReader(conn)
	for {
		var n int
		if _, err := fmt.Fscanf(r, "*%d\r\n", &n); err != nil {
			return
		}
		args := make([]string, n)
		for i := range args {
			var size int
			if _, err := fmt.Fscanf(r, "$%d\r\n", &size); err != nil {
				return
			}
			arg := make([]byte, size+2)
			if _, err := io.ReadFull(r, arg); err != nil {
				return
			}
			args[i] = string(arg[:size])
		}
		f.mu.Lock()
		f.names = append(f.names, args[0])
		close(f.more)
		f.more = make(chan struct{})
		f.mu.Unlock()
		if err := handle(conn, args[0]); err != nil {
			return
		}
	}
}

// await waits until at least n commands have been received, and returns the names
// of all, in order.
func (f *fake) await(t *testing.T, n int) []string {
	t.Helper()
	for {
		f.mu.Lock()
		names, more := slices.Clone(f.names), f.more
		f.mu.Unlock()
		if len(names) >= n {
			return names
		}
		await(t, more, "another command to reach the server")
	}
}

// simply answers each command with "+name".
func simply(conn net.Conn, name string) error { return send(conn, "+"+name+"\r\n") }

func send(conn net.Conn, s string) error {
	_, err := io.WriteString(conn, s)
	return err
}

// command returns the RESP of one command.
func command(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	return b.String()
}

// client is a connection under the test's control.
type client struct {
	t    *testing.T
	conn net.Conn
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t, conn}
}

func (c *client) send(s string) {
	c.t.Helper()
	if err := send(c.conn, s); err != nil {
		c.t.Fatalf("send %q: %v", s, err)
	}
}

// want reads exactly what is given.
func (c *client) want(s string) {
	c.t.Helper()
	c.deadline(patience)
	buf := make([]byte, len(s))
	if n, err := io.ReadFull(c.conn, buf); err != nil || string(buf) != s {
		c.t.Fatalf("read %q, %v; want %q", buf[:n], err, s)
	}
}

// wantErr expects the next read to return nothing but the error.
func (c *client) wantErr(want error) {
	c.t.Helper()
	if errors.Is(want, os.ErrDeadlineExceeded) {
		c.deadline(silence)
	} else {
		c.deadline(patience)
	}
	buf := make([]byte, 64)
	if n, err := c.conn.Read(buf); n > 0 || !errors.Is(err, want) {
		c.t.Fatalf("read %q, %v; want %v", buf[:n], err, want)
	}
}

func (c *client) deadline(d time.Duration) {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		c.t.Fatal(err)
	}
}

// await waits for a channel to be closed.
func await(t *testing.T, ch <-chan struct{}, what string) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ch:
	case <-timer.C:
		t.Fatalf("timed out: %s", what)
	}
}

func wantRefused(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err == nil {
		conn.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("dial: %v, want %v", err, syscall.ECONNREFUSED)
	}
}
