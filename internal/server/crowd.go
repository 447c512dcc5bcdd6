package server

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// What a crowd puts up with. A connection that waits costs some 30 KiB, so they
// bound what slow clients can make a replica hold, however many come.
const (
	crowded = 768                    // so many may wait for their clients
	allowed = 500 * time.Millisecond // but nobody goes sooner than that, for all may have come at once
	worthIt = 4 << 10                // a piece of an answer below this size goes into a buffer
)

// crowd knows the connections that keep this replica waiting: for the first
// request, for the rest of a body, or to take a part of an answer. When there
// are too many it closes those that have waited longest, which the slow ones
// are and the others never. Tools that run and connections at rest between two
// requests do not count, nor do small answers, which a buffer takes.
type crowd struct {
	mu      sync.Mutex
	waiting queue // the longest first
	guests  map[net.Conn]*guest
}

// guest is one connection. Its methods may be called on nil, which is one that
// nobody watches.
type guest struct {
	crowd *crowd
	conn  net.Conn
	waits atomic.Bool // written under the crowd's lock; read without, too
	since time.Time

	before, behind *guest // in the line
}

// queue is a line of guests. They hold it together themselves: every request
// with a body joins it, and a list would allocate each time.
type queue struct {
	first, last *guest
	length      int
}

func (q *queue) join(g *guest) {
	if g.before = q.last; q.last == nil {
		q.first = g
	} else {
		q.last.behind = g
	}
	q.last = g
	q.length++
}

func (q *queue) leave(g *guest) {
	if g.before == nil {
		q.first = g.behind
	} else {
		g.before.behind = g.behind
	}
	if g.behind == nil {
		q.last = g.before
	} else {
		g.behind.before = g.before
	}
	g.before, g.behind = nil, nil
	q.length--
}

type guestKey struct{}

func newCrowd() *crowd { return &crowd{guests: map[net.Conn]*guest{}} }

// watch makes a server tell the crowd who comes and goes.
func (c *crowd) watch(s *http.Server) {
	s.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, guestKey{}, c.enter(conn))
	}
	s.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			c.leave(conn)
		}
	}
}

// enter takes a connection in, which begins with waiting for its request.
func (c *crowd) enter(conn net.Conn) *guest {
	g := &guest{crowd: c, conn: conn}
	c.mu.Lock()
	c.guests[conn] = g
	c.mu.Unlock()
	g.wait(time.Now())
	return g
}

func (c *crowd) leave(conn net.Conn) {
	c.mu.Lock()
	g := c.guests[conn]
	delete(c.guests, conn)
	c.mu.Unlock()
	g.rest()
}

// guestOf returns the connection of a request.
func guestOf(ctx context.Context) *guest {
	g, _ := ctx.Value(guestKey{}).(*guest)
	return g
}

// wait says that the connection waits for its client from now on.
func (g *guest) wait(now time.Time) {
	if g == nil {
		return
	}
	if slowest := g.queue(now); slowest != nil {
		_ = slowest.Close() // its server finds out, and tidies up
	}
}

// queue puts the guest at the end, and returns the connection that has to go.
func (g *guest) queue(now time.Time) net.Conn {
	c := g.crowd
	c.mu.Lock()
	defer c.mu.Unlock()
	if !g.waits.Load() {
		g.since = now
		c.waiting.join(g)
		g.waits.Store(true)
	}
	slowest := c.waiting.first
	if c.waiting.length <= crowded || now.Sub(slowest.since) < allowed {
		return nil
	}
	slowest.remove()
	return slowest.conn
}

// rest says that it waits no longer.
func (g *guest) rest() {
	if g == nil || !g.waits.Load() {
		return
	}
	g.crowd.mu.Lock()
	defer g.crowd.mu.Unlock()
	g.remove()
}

func (g *guest) remove() {
	if g.waits.Load() {
		g.crowd.waiting.leave(g)
		g.waits.Store(false)
	}
}
