package faultproxy_test

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"toolpit/internal/store/storetest/faultproxy"
)

// exchange sends commands at once and returns how long their replies took.
func exchange(c *client, names ...string) time.Duration {
	c.t.Helper()
	var all, want strings.Builder
	for _, name := range names {
		all.WriteString(command(name))
		want.WriteString("+" + name + "\r\n")
	}
	start := time.Now()
	c.send(all.String())
	c.want(want.String())
	return time.Since(start)
}

func TestShape(t *testing.T) {
	t.Parallel()
	const (
		delay, jitter = 60 * time.Millisecond, 20 * time.Millisecond
		slow          = 20_000 // bytes a second
	)
	for _, tc := range []struct {
		name  string
		line  faultproxy.Line
		least time.Duration // for two long commands
	}{
		{"no line", faultproxy.Line{}, 0},
		{"delay", faultproxy.Line{Delay: delay}, delay},
		{"jitter", faultproxy.Line{Delay: delay, Jitter: jitter}, delay - jitter},
		{"slices", faultproxy.Line{Slice: 1}, 0},
		// The first reply is on its way while the second command is. The last
		// piece of each direction waits for nobody.
		{"rate", faultproxy.Line{Rate: slow}, (3000 - 2*512) * time.Second / slow},
		{"all", faultproxy.Line{Delay: delay, Jitter: jitter, Slice: 3, Rate: slow}, delay - jitter + (2000-512)*time.Second/slow},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server := startFake(t, simply)
			p := faultproxy.Start(t, server.addr)
			c := dial(t, p.Addr())
			exchange(c, "PING")
			p.Shape(tc.line)
			a, b := strings.Repeat("A", 1000), strings.Repeat("B", 1000)
			if took := exchange(c, a, b); took < tc.least {
				t.Errorf("two commands took %v, want at least %v", took, tc.least)
			}
			exchange(dial(t, p.Addr()), a, b) // on a connection made since
			p.Shape(faultproxy.Line{})
			exchange(c, a, b)
			wantSeen(t, server, "PING", a, b, a, b, a, b)
		})
	}
}

// TestALineDeliversWhatAGoneClientSent has a client leave behind its command.
func TestALineDeliversWhatAGoneClientSent(t *testing.T) {
	t.Parallel()
	server := startFake(t, simply)
	p := faultproxy.Start(t, server.addr)
	p.Shape(faultproxy.Line{Delay: time.Hour, Slice: 1})
	c := dial(t, p.Addr())
	c.send(command("SET"))
	if err := c.conn.Close(); err != nil {
		t.Fatal(err)
	}
	server.await(t, 1)
	wantSeen(t, server, "SET")
}

func TestSever(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]faultproxy.Line{
		"line in order": {}, "reply on the line": {Delay: time.Hour},
	} {
		got := make(chan struct{}, 1)
		server := startFake(t, func(conn net.Conn, name string) error {
			if name == "GET" {
				got <- struct{}{}
				return nil
			}
			return simply(conn, name)
		})
		p := faultproxy.Start(t, server.addr)
		c := dial(t, p.Addr())
		exchange(c, "PING")
		p.Shape(line)
		c.send(command("GET"))
		await(t, got, name+": GET to arrive")
		p.Sever()
		c.wantErr(syscall.ECONNRESET)
		p.Shape(faultproxy.Line{})
		exchange(dial(t, p.Addr()), "PING")
	}
}
