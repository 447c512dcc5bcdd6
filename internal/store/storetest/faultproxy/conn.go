package faultproxy

import (
	"bufio"
	"errors"
	"net"
	"sync"
)

// bufferSize is that of either direction. It exceeds what clients write at once,
// as the end of what has been read is taken for the end of a batch.
const bufferSize = 256 << 10

// conn is a client's connection through the proxy. Each direction has a
// goroutine of its own.
type conn struct {
	p      *Proxy
	client net.Conn
	server net.Conn
	up     link // to the server
	down   link // to the client
	quit   chan struct{}
	ending sync.Once

	mu     sync.Mutex
	queue  []*request // forwarded and not yet answered in full, oldest first
	busy   bool       // a reply is being delivered that the queue has no more
	opaque bool       // replies cannot be told apart any more
	ended  bool       // no more replies will be read
	idle   *sync.Cond // on mu: of the above, busy or ended has changed
}

// request is a command or a batch of them, as forwarded together. All but the
// immutable shot belong to the goroutine that reads replies.
type request struct {
	triggers []bool // of the commands yet to be answered, whether faults strike at them
	shot     *shot  // to strike at this request, if not nil
	failed   bool   // a trigger command was answered with an error
	held     []byte // replies that the shot may be going to lose
}

func newConn(p *Proxy, client, server net.Conn) *conn {
	c := &conn{p: p, client: client, server: server, quit: make(chan struct{})}
	c.up = link{p: p, to: server, quit: c.quit}
	c.down = link{p: p, to: client, replies: true, quit: c.quit}
	c.idle = sync.NewCond(&c.mu)
	return c
}

// run forwards both directions, and returns when both have ended.
func (c *conn) run() {
	var replies sync.WaitGroup
	replies.Go(func() {
		defer c.down.drain()
		defer c.end()
		c.forwardReplies()
	})
	c.forwardRequests()
	c.up.drain()
	replies.Wait()
}

// close ends both directions. It may be called more than once.
func (c *conn) close() {
	c.ending.Do(func() { close(c.quit) })
	_ = c.client.Close()
	_ = c.server.Close()
}

// end closes the connection when no more replies will be read. It gives faults
// back that can no longer strike at it, and does so before the client notices
// and tries again.
func (c *conn) end() {
	defer c.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for _, r := range c.queue {
		if r.shot != nil {
			c.p.unbind(r.shot)
		}
	}
	c.queue = nil
	c.idle.Broadcast()
}

// forwardRequests forwards what the client sends, until either side is gone.
func (c *conn) forwardRequests() {
	r := bufio.NewReaderSize(c.client, bufferSize)
	for {
		raw, names, err := readRequest(r)
		if !c.p.pass() {
			return
		}
		if err != nil {
			c.complain("client", err)
			// The server is to execute, and to answer, what it has been sent: the
			// outcome of a request should not depend on whether its sender still
			// waits, nor should that of a fault bound to it.
			c.up.drain()
			if half, ok := c.server.(*net.TCPConn); !ok || half.CloseWrite() != nil {
				c.close()
			}
			return
		}
		if !c.admit(names) {
			c.close()
			return
		}
		if err := c.up.write(raw); err != nil {
			c.close()
			return
		}
	}
}

// admit notes that replies to commands of the given names are going to follow.
// It reports false if the commands must not be forwarded, as they have been cut
// off.
func (c *conn) admit(names []string) bool {
	for {
		cut := c.enqueue(names)
		if cut == nil {
			return true
		}
		if !c.awaitIdle() {
			c.p.unbind(cut)
			return false
		}
		if c.p.fire(cut) {
			return false
		}
		// It was abandoned, but there may be another one by now.
	}
}

// enqueue queues a request for commands of the given names, bound to the armed
// fault if that is for them. If that is a Cut it returns it, and queues nothing.
func (c *conn) enqueue(names []string) (cut *shot) {
	req := &request{}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		if unordered(name) {
			c.opaque = true
		}
		req.triggers = append(req.triggers, c.p.isTrigger(name))
	}
	// In one step with binding: end must find, and give back, all that is bound.
	if c.opaque || c.ended || len(names) == 0 {
		return nil
	}
	req.shot = c.p.bind(req.triggers)
	if req.shot != nil && req.shot.fault == Cut {
		return req.shot
	}
	c.queue = append(c.queue, req)
	return nil
}

// unordered reports whether, from the named command on, replies no longer follow
// requests one by one.
func unordered(name string) bool {
	switch name {
	case "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe",
		"monitor", "sync", "psync":
		return true
	default:
		return false
	}
}

// awaitIdle waits until all that was forwarded has been answered, and the answers
// delivered. It reports false if that is not going to happen.
func (c *conn) awaitIdle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for (len(c.queue) > 0 || c.busy) && !c.ended {
		c.idle.Wait()
	}
	return !c.ended
}

// forwardReplies forwards what the server sends, or loses it, until either side
// is gone.
func (c *conn) forwardReplies() {
	r := bufio.NewReaderSize(c.server, bufferSize)
	for silent := false; ; {
		raw, kind, err := readReply(r, nil)
		if !c.p.pass() {
			return
		}
		if err != nil {
			c.complain("server", err)
			return
		}
		if silent {
			continue
		}
		raw, lost := c.answered(raw, kind)
		if lost == nil {
			// A client that is gone does not keep the replies to it from being
			// read, for what is bound to them.
			_ = c.down.write(raw)
			c.delivered()
			continue
		}
		switch lost.fault {
		case Swallow:
			silent = true
		case Reset:
			if tcp, ok := c.client.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			return
		default:
			return
		}
	}
}

// answered takes a frame sent by the server and returns what the client is to
// get now: the frame, nothing yet, or all that was held back for a fault that
// did not strike. If a fault did strike, it returns that.
func (c *conn) answered(raw []byte, kind byte) ([]byte, *shot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return raw, nil
	}
	req := c.queue[0]
	if kind != pushKind {
		if req.triggers[0] && (kind == '-' || kind == '!') {
			req.failed = true
		}
		req.triggers = req.triggers[1:]
	}
	done := len(req.triggers) == 0
	if done {
		c.queue = c.queue[1:]
		c.busy = true
	}
	if req.shot == nil {
		return raw, nil
	}
	// In the order of arrival, pushes included.
	req.held = append(req.held, raw...)
	switch {
	case !done:
		return nil, nil
	case req.failed:
		c.p.unbind(req.shot)
		return req.held, nil
	case !c.p.fire(req.shot):
		return req.held, nil
	default:
		// Whatever is forwarded from now on will not be answered.
		c.opaque = true
		return nil, req.shot
	}
}

// delivered notes that what answered returned has been written to the client.
func (c *conn) delivered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = false
	c.idle.Broadcast()
}

// complain reports bytes that the proxy did not understand. Connections that end
// are nothing to complain about.
func (c *conn) complain(who string, err error) {
	if errors.Is(err, errProtocol) {
		c.p.t.Errorf("faultproxy: from the %s: %v", who, err)
	}
}
