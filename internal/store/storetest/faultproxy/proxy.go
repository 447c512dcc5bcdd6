package faultproxy

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"toolpit/internal/store/storetest/redistest"
)

// dialTimeout bounds the proxy's own dials, in case the server's host is silent.
const dialTimeout = 10 * time.Second

// Proxy is a proxy in front of one Redis server. Its methods may be called from
// any goroutine.
type Proxy struct {
	t        testing.TB
	addr     string
	upstream string
	triggers []string // command names in lower case

	// ctx ends with the proxy. In a field because it belongs to the goroutines
	// behind the proxy, not to any call.
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup // of the accept loops and the connections

	mu       sync.Mutex
	closed   bool
	listener net.Listener // nil while dials are refused
	conns    map[*conn]struct{}
	gate     chan struct{} // closed while bytes may pass
	hung     bool          // the gate is not closed
	line     Line          // that connections go over
	delayed  int           // replies that went over bad lines
	delays   time.Duration // of these altogether
	shot     *shot         // nil unless armed
	fired    int
}

// Start runs a proxy in front of the Redis server at upstream, a host:port.
// When the test ends it closes all connections and waits for its goroutines.
//
// The triggers are the names of the commands that faults strike at, in any case;
// EVAL and EVALSHA if there are none. Only names count, not arguments, so that a
// key called "eval" is safe.
func Start(t testing.TB, upstream string, triggers ...string) *Proxy {
	t.Helper()
	if len(triggers) == 0 {
		triggers = []string{"eval", "evalsha"}
	}
	names := make([]string, len(triggers))
	for i, name := range triggers {
		names[i] = strings.ToLower(name)
	}
	// The test's context ends before its cleanup functions run. Those registered
	// later than the proxy's, as for closing a client, may need the server yet.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	p := &Proxy{
		t: t,
		// Reserved, so that nobody else can listen there while dials are refused.
		addr:     net.JoinHostPort("127.0.0.1", strconv.Itoa(redistest.ReservePort(t))),
		upstream: upstream,
		triggers: names,
		ctx:      ctx,
		cancel:   cancel,
		conns:    map[*conn]struct{}{},
		gate:     make(chan struct{}),
	}
	close(p.gate)
	t.Cleanup(p.close)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.listen(); err != nil {
		t.Fatalf("faultproxy: %v", err)
	}
	return p
}

// Addr returns the host:port that the proxy listens on. It never changes.
func (p *Proxy) Addr() string { return p.addr }

// Hang stops the forwarding of bytes in both directions, on all connections and
// on new ones, which are still accepted: to its clients, the server hangs. What
// they send meanwhile, and their hanging up, reaches the server after Resume,
// as it would one that really had hung. A reply that was being written when Hang
// was called may still get through.
func (p *Proxy) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.hung {
		p.hung = true
		p.gate = make(chan struct{})
	}
}

// Resume ends what Hang began.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hung {
		p.hung = false
		close(p.gate)
	}
}

// Refuse has dials to the proxy refused, or with false accepted again. Either is
// in effect when it returns. Present connections are left alone, other than those
// so new that nothing has come back on them yet.
func (p *Proxy) Refuse(refuse bool) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
	case refuse && p.listener != nil:
		_ = p.listener.Close()
		p.listener = nil
		awaitForks()
	case !refuse && p.listener == nil:
		if err := p.listen(); err != nil {
			p.t.Errorf("faultproxy: listen again: %v", err)
		}
	}
}

// awaitForks waits for children being forked to run their programs, on systems
// where the fork lock is held for so long, as on Linux. Until then they have a
// copy of each descriptor, and keep a listener listening that was closed here.
// Tests in parallel do start servers.
func awaitForks() {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
}

// listen opens the listener and accepts connections from it. The caller holds
// p.mu.
func (p *Proxy) listen() error {
	var config net.ListenConfig
	listener, err := config.Listen(p.ctx, "tcp", p.addr)
	if err != nil {
		return err
	}
	p.listener = listener
	p.wg.Go(func() { p.accept(listener) })
	return nil
}

// accept serves the connections from listener until it is closed.
func (p *Proxy) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				p.t.Errorf("faultproxy: %v", err)
			}
			return
		}
		p.wg.Go(func() { p.serve(client) })
	}
}

// serve connects client to the server, and returns when that has ended.
func (p *Proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	dialer := net.Dialer{Timeout: dialTimeout}
	server, err := dialer.DialContext(p.ctx, "tcp", p.upstream)
	if err != nil {
		// Not the proxy's failure: the server may be down on purpose. While the
		// proxy hangs the client is not to notice even that.
		p.pass()
		return
	}
	c := newConn(p, client, server)
	defer c.close()
	if p.add(c) {
		c.run()
		p.remove(c)
	}
}

// add registers c to be closed with the proxy, unless that is closed already.
func (p *Proxy) add(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// close ends the proxy, and waits for its goroutines.
func (p *Proxy) close() {
	p.cancel()
	p.mu.Lock()
	p.closed = true
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for c := range p.conns {
		c.close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// Disconnect ends the connections that there are.
func (p *Proxy) Disconnect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.close()
	}
}

// pass waits while the proxy hangs. It reports false if it has been closed.
func (p *Proxy) pass() bool {
	p.mu.Lock()
	gate := p.gate
	p.mu.Unlock()
	select {
	case <-gate:
		return p.ctx.Err() == nil
	case <-p.ctx.Done():
		return false
	}
}

// isTrigger reports whether faults strike at the command of the given name.
func (p *Proxy) isTrigger(name string) bool { return slices.Contains(p.triggers, name) }
