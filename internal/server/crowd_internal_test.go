package server

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// closable is a connection that only knows whether it was closed.
type closable struct {
	net.Conn
	closed bool
}

func (c *closable) Close() error { c.closed = true; return nil }

func TestCrowdClosesTheSlowest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd()
		enter := func() (*guest, *closable) {
			conn := &closable{}
			return c.enter(conn), conn
		}
		first, firstConn := enter()
		working, workingConn := enter()
		working.rest()
		second, secondConn := enter()
		for range crowded - 1 {
			enter()
		}
		if firstConn.closed || c.waiting.length != crowded+1 {
			t.Fatalf("%d came at once, and the first is closed: %v", c.waiting.length, firstConn.closed)
		}
		time.Sleep(allowed)
		_, last := enter()
		if !firstConn.closed || workingConn.closed || secondConn.closed || last.closed {
			t.Errorf("closed: the first %v, one that works %v, the second %v, the last %v", firstConn.closed, workingConn.closed, secondConn.closed, last.closed)
		}
		first.rest() // its server finds out
		second.rest()
		time.Sleep(allowed)
		working.wait(time.Now())
		if workingConn.closed || c.guests[workingConn] != working {
			t.Error("one that began to wait just now is closed")
		}
		for conn := range c.guests {
			c.leave(conn)
		}
		if c.waiting.length != 0 || len(c.guests) != 0 {
			t.Errorf("%d wait, %d are there", c.waiting.length, len(c.guests))
		}
	})
}
