package faultproxy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/store/storetest/faultproxy"
	"toolpit/internal/store/storetest/redistest"
)

func TestHang(t *testing.T) {
	t.Parallel()
	got, release := make(chan struct{}), make(chan struct{})
	server := startFake(t, func(conn net.Conn, name string) error {
		if name == "GET" {
			close(got)
			<-release
		}
		return simply(conn, name)
	})
	p := faultproxy.Start(t, server.addr)
	before := dial(t, p.Addr())
	before.send(command("PING"))
	before.want("+PING\r\n")
	waiting := dial(t, p.Addr())
	waiting.send(command("GET"))
	await(t, got, "GET to arrive")

	p.Hang()
	p.Hang() // no harm in it
	close(release)
	after := dial(t, p.Addr())
	before.send(command("DEL"))
	after.send(command("SET"))
	for _, c := range []*client{waiting, before, after} {
		c.wantErr(os.ErrDeadlineExceeded)
	}
	wantSeen(t, server, "PING", "GET")

	p.Resume()
	p.Resume()
	waiting.want("+GET\r\n")
	before.want("+DEL\r\n")
	after.want("+SET\r\n")
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	server := startFake(t, simply)
	p := faultproxy.Start(t, server.addr)
	c := dial(t, p.Addr())
	c.send(command("PING"))
	c.want("+PING\r\n")
	for range 3 {
		p.Refuse(true)
		p.Refuse(true)
		wantRefused(t, p.Addr())
		c.send(command("PING"))
		c.want("+PING\r\n")

		p.Refuse(false)
		p.Refuse(false)
		again := dial(t, p.Addr())
		again.send(command("PING"))
		again.want("+PING\r\n")
	}
}

// TestCleanup ends proxies in the middle of whatever they may be doing. That
// nothing is left of them is for goleak to say.
func TestCleanup(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	for name, state := range map[string]func(*faultproxy.Proxy){
		"idle":    func(*faultproxy.Proxy) {},
		"armed":   func(p *faultproxy.Proxy) { p.Arm(faultproxy.Cut) },
		"hung":    (*faultproxy.Proxy).Hang,
		"refused": func(p *faultproxy.Proxy) { p.Refuse(true) },
	} {
		server := startFake(t, func(net.Conn, string) error {
			<-release
			return nil
		})
		var open []net.Conn
		t.Run(name, func(t *testing.T) {
			p := faultproxy.Start(t, server.addr)
			for range 3 {
				conn, err := net.Dial("tcp", p.Addr())
				if err != nil {
					t.Fatal(err)
				}
				open = append(open, conn)
			}
			if err := send(open[0], command("GET")); err != nil {
				t.Fatal(err)
			}
			server.await(t, 1)
			state(p)
			if err := send(open[0], command("EVAL")); err != nil {
				t.Fatal(err)
			}
		})
		for _, conn := range open {
			c := &client{t, conn}
			c.deadline(patience)
			if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: after cleanup: read %d, %v", name, n, err)
			}
			conn.Close()
		}
	}
}

func TestServerDown(t *testing.T) {
	t.Parallel()
	p := faultproxy.Start(t, fmt.Sprintf("127.0.0.1:%d", redistest.ReservePort(t)))
	dial(t, p.Addr()).wantErr(io.EOF)
}

// recorder keeps errors from failing the test.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	errors []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestNotRESP(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	server := startFake(t, func(conn net.Conn, _ string) error { return send(conn, "HTTP/1.1 200 OK\r\n") })
	p := faultproxy.Start(r, server.addr)
	c := dial(t, p.Addr())
	c.send("*1\r\n+PING\r\n")
	c.wantErr(io.EOF)
	c = dial(t, p.Addr())
	c.send(command("GET"))
	c.wantErr(io.EOF)
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.errors)
	want := []string{
		`faultproxy: from the client: not RESP: argument starts with "+PING"`,
		`faultproxy: from the server: not RESP: reply starts with "HTTP/1.1 200 OK"`,
	}
	if diff := cmp.Diff(want, r.errors); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
