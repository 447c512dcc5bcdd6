package redistest

import (
	"bytes"
	"context"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// front is the address under which others know a server: it passes on what they
// send each other. What the server sends to replicas is late by lag, and what is
// under way when the server dies is lost, as with a machine that fails.
type front struct {
	listener net.Listener
	lag      time.Duration
	target   atomic.Pointer[Server]

	mu     sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
	ended  sync.WaitGroup
}

// startFront listens until the test ends. Its target is set later.
func startFront(t testing.TB, lag time.Duration) *front {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	f := &front{listener: listener, lag: lag, open: map[net.Conn]struct{}{}}
	f.ended.Go(f.accept)
	t.Cleanup(f.close)
	return f
}

// addr returns the host:port to connect to.
func (f *front) addr() string { return f.listener.Addr().String() }

func (f *front) port() string {
	_, port, _ := net.SplitHostPort(f.addr())
	return port
}

// announced returns the arguments with which a server names the front to others.
func (f *front) announced() []string {
	return []string{"--replica-announce-ip", "127.0.0.1", "--replica-announce-port", f.port()}
}

func (f *front) close() {
	_ = f.listener.Close()
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.sever()
	f.ended.Wait()
}

// sever ends all connections, and with them what is under way.
func (f *front) sever() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.open {
		_ = conn.Close()
	}
}

func (f *front) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.ended.Go(func() { f.forward(conn) })
	}
}

// track has close end a connection too; it reports false when that has begun.
func (f *front) track(conn net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		_ = conn.Close()
		return false
	}
	f.open[conn] = struct{}{}
	return true
}

func (f *front) release(conn net.Conn) {
	_ = conn.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, conn)
}

// forward passes on both directions until either side is gone.
func (f *front) forward(client net.Conn) {
	if !f.track(client) {
		return
	}
	defer f.release(client)
	target := f.target.Load()
	if target == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, "tcp", target.Addr())
	if err != nil {
		return
	}
	if !f.track(server) {
		return
	}
	defer f.release(server)

	l := &link{client: client, server: server, lag: f.lag, late: make(chan parcel, lateParcels), quit: make(chan struct{})}
	var both sync.WaitGroup
	both.Go(l.requests)
	both.Go(l.replies)
	both.Go(l.deliver)
	both.Wait()
}

// lateParcels is how many reads from a server may be under way; more than a test
// makes it send within the lag.
const lateParcels = 1 << 14

// link is a connection through the front.
type link struct {
	client, server net.Conn
	lag            time.Duration
	replica        atomic.Bool // at the client's end
	late           chan parcel
	quit           chan struct{} // closed when no more replies come
}

// parcel is bytes for a replica.
type parcel struct {
	due  time.Time
	data []byte
}

const linkBuffer = 64 << 10

// requests passes on what the client sends. A replica gives itself away by
// PSYNC, which it sends alone, so in one piece.
func (l *link) requests() {
	defer l.end()
	buffer := make([]byte, linkBuffer)
	for {
		n, err := l.client.Read(buffer)
		if bytes.Contains(buffer[:n], []byte("\r\nPSYNC\r\n")) {
			l.replica.Store(true)
		}
		if _, bad := l.server.Write(buffer[:n]); bad != nil || err != nil {
			return
		}
	}
}

// replies passes on what the server sends, to a replica through deliver.
func (l *link) replies() {
	defer l.end()
	defer close(l.quit)
	buffer := make([]byte, linkBuffer)
	for {
		n, err := l.server.Read(buffer)
		if n > 0 && l.replica.Load() {
			l.late <- parcel{time.Now().Add(l.lag), bytes.Clone(buffer[:n])}
		} else if n > 0 {
			if _, bad := l.client.Write(buffer[:n]); bad != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// deliver gives a replica what is due, in order, until the server is gone.
func (l *link) deliver() {
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	for {
		select {
		case <-l.quit:
			return
		case p := <-l.late:
			due.Reset(time.Until(p.due))
			select {
			case <-l.quit:
				return
			case <-due.C:
			}
			if _, err := l.client.Write(p.data); err != nil {
				l.end()
				l.discard()
				return
			}
		}
	}
}

// discard takes what nobody wants, until no more comes.
func (l *link) discard() {
	for {
		select {
		case <-l.late:
		case <-l.quit:
			return
		}
	}
}

// end closes both sides.
func (l *link) end() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// portOf returns the port of a server, or of the front before it.
func portOf(s *Server, f *front) string {
	if f != nil {
		return f.port()
	}
	return strconv.Itoa(s.port)
}
