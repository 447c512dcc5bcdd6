package faultproxy_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"toolpit/internal/store/storetest/faultproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// symptoms are what a client reads in place of the reply.
var symptoms = map[faultproxy.Fault]error{
	faultproxy.Close:   io.EOF,
	faultproxy.Reset:   syscall.ECONNRESET,
	faultproxy.Swallow: os.ErrDeadlineExceeded,
	faultproxy.Cut:     io.EOF,
}

// eachFault runs fn in a subtest for each fault.
func eachFault(t *testing.T, fn func(*testing.T, faultproxy.Fault)) {
	t.Parallel()
	for _, f := range faultproxy.Faults() {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			fn(t, f)
		})
	}
}

// wantStruck checks that the fault struck once, as c must have noticed by then.
func wantStruck(t *testing.T, p *faultproxy.Proxy, f faultproxy.Fault, struck <-chan struct{}, c *client) {
	t.Helper()
	if f == faultproxy.Swallow {
		await(t, struck, "the fault to strike")
	}
	c.wantErr(symptoms[f])
	await(t, struck, "the fault to strike")
	if got := p.Fired(); got != 1 {
		t.Errorf("Fired = %d, want 1", got)
	}
}

func wantSeen(t *testing.T, server *fake, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, server.await(t, len(want))); diff != "" {
		t.Errorf("commands that the server saw (-want +got):\n%s", diff)
	}
}

func TestFault(t *testing.T) {
	eachFault(t, func(t *testing.T, f faultproxy.Fault) {
		server := startFake(t, simply)
		p := faultproxy.Start(t, server.addr)
		c := dial(t, p.Addr())
		struck := p.Arm(f)

		// Not a trigger, for all its arguments say.
		c.send(command("HELLO", "3", "eval", "evalsha"))
		c.want("+HELLO\r\n")
		c.send(command("EvalSha", "abc", "0"))
		wantStruck(t, p, f, struck, c)

		seen := []string{"HELLO"}
		if f.Applied() {
			seen = append(seen, "EvalSha")
		}
		if f == faultproxy.Swallow {
			// Open, and silent for good.
			c.send(command("PING"))
			c.wantErr(symptoms[f])
			seen = append(seen, "PING")
		}
		wantSeen(t, server, seen...)

		// Once, on any connection.
		c = dial(t, p.Addr())
		c.send(command("EVAL", "return 1", "0"))
		c.want("+EVAL\r\n")
		wantSeen(t, server, append(seen, "EVAL")...)

		// And again if armed again.
		struck = p.Arm(f)
		c.send(command("EVAL", "return 1", "0"))
		if f == faultproxy.Swallow {
			await(t, struck, "the fault to strike")
		}
		c.wantErr(symptoms[f])
		if got := p.Fired(); got != 2 {
			t.Errorf("Fired = %d, want 2", got)
		}
	})
}

func TestSplitRequest(t *testing.T) {
	eachFault(t, func(t *testing.T, f faultproxy.Fault) {
		server := startFake(t, simply)
		p := faultproxy.Start(t, server.addr)
		c := dial(t, p.Addr())
		struck := p.Arm(f)
		for _, b := range []byte(command("EVAL", strings.Repeat("\r\n*$", 50), "0")) {
			c.send(string(b))
		}
		wantStruck(t, p, f, struck, c)
	})
}

func TestBatch(t *testing.T) {
	eachFault(t, func(t *testing.T, f faultproxy.Fault) {
		server := startFake(t, simply)
		p := faultproxy.Start(t, server.addr)
		c := dial(t, p.Addr())
		struck := p.Arm(f)
		batch := []string{"SET", "EVAL", "GET", "EVALSHA", "DEL"}
		c.send(command(batch[0]) + command(batch[1]) + command(batch[2]) + command(batch[3]) + command(batch[4]))
		wantStruck(t, p, f, struck, c)
		if f.Applied() {
			wantSeen(t, server, batch...)
		} else {
			wantSeen(t, server)
		}
	})
}

// TestEarlierReplies has the trigger command arrive while the server has yet to
// answer the one before.
func TestEarlierReplies(t *testing.T) {
	eachFault(t, func(t *testing.T, f faultproxy.Fault) {
		got, release := make(chan struct{}), make(chan struct{})
		server := startFake(t, func(conn net.Conn, name string) error {
			if name == "GET" {
				close(got)
				<-release
				return send(conn, "*2\r\n$3\r\nfoo\r\n%1\r\n+k\r\n$-1\r\n")
			}
			return simply(conn, name)
		})
		p := faultproxy.Start(t, server.addr)
		c := dial(t, p.Addr())
		struck := p.Arm(f)
		c.send(command("GET", "k"))
		await(t, got, "GET to arrive")
		c.send(command("EVAL", "return 1", "0"))
		close(release)
		c.want("*2\r\n$3\r\nfoo\r\n%1\r\n+k\r\n$-1\r\n")
		wantStruck(t, p, f, struck, c)
	})
}

// TestDisarm abandons the fault in the middle of the very reply.
func TestDisarm(t *testing.T) {
	t.Parallel()
	const reply = "*2\r\n$5\r\nhello\r\n:1\r\n"
	half, release := make(chan struct{}), make(chan struct{})
	server := startFake(t, func(conn net.Conn, _ string) error {
		if err := send(conn, reply[:9]); err != nil {
			return err
		}
		close(half)
		<-release
		return send(conn, reply[9:])
	})
	p := faultproxy.Start(t, server.addr)
	c := dial(t, p.Addr())
	struck := p.Arm(faultproxy.Close)
	c.send(command("EVAL", "return 1", "0"))
	await(t, half, "half the reply")
	p.Disarm()
	close(release)
	c.want(reply)
	select {
	case <-struck:
		t.Error("struck")
	default:
	}
	if got := p.Fired(); got != 0 {
		t.Errorf("Fired = %d, want 0", got)
	}
}

// TestDisarmCut abandons a cut that waits, or is about to wait, for an earlier
// reply.
func TestDisarmCut(t *testing.T) {
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
	p.Arm(faultproxy.Cut)
	c := dial(t, p.Addr())
	c.send(command("GET", "k"))
	await(t, got, "GET to arrive")
	c.send(command("EVAL", "return 1", "0"))
	p.Disarm()
	close(release)
	c.want("+GET\r\n+EVAL\r\n")
}

// TestErrorReply has the server not execute the first of two trigger commands.
func TestErrorReply(t *testing.T) {
	eachFault(t, func(t *testing.T, f faultproxy.Fault) {
		server := startFake(t, func(conn net.Conn, name string) error {
			switch name {
			case "EVALSHA":
				return send(conn, "-NOSCRIPT No matching script.\r\n")
			case "GET":
				return send(conn, "-WRONGTYPE not a string\r\n")
			default:
				return simply(conn, name)
			}
		})
		p := faultproxy.Start(t, server.addr)
		c := dial(t, p.Addr())
		struck := p.Arm(f)
		c.send(command("EVALSHA", "abc", "0"))
		if f.Applied() {
			c.want("-NOSCRIPT No matching script.\r\n")
			// Errors of other commands in the batch are no matter.
			c.send(command("GET", "k") + command("EVAL", "return 1", "0"))
		}
		wantStruck(t, p, f, struck, c)
	})
}

// TestPush has the server send frames that answer nothing.
func TestPush(t *testing.T) {
	eachFault(t, func(t *testing.T, f faultproxy.Fault) {
		const push = ">2\r\n+moving\r\n:1\r\n"
		server := startFake(t, func(conn net.Conn, name string) error {
			return send(conn, push+"|1\r\n+ttl\r\n:3\r\n+"+name+"\r\n")
		})
		p := faultproxy.Start(t, server.addr)
		c := dial(t, p.Addr())
		struck := p.Arm(f)
		c.send(command("PING"))
		c.want(push + "|1\r\n+ttl\r\n:3\r\n+PING\r\n")
		c.send(command("EVAL", "return 1", "0"))
		wantStruck(t, p, f, struck, c)
	})
}

// TestServerGone has the server hang up in place of the first reply.
func TestServerGone(t *testing.T) {
	t.Parallel()
	var once sync.Once
	server := startFake(t, func(conn net.Conn, name string) (err error) {
		once.Do(func() { err = errors.New("crash") })
		if err != nil {
			return err
		}
		return simply(conn, name)
	})
	p := faultproxy.Start(t, server.addr)
	struck := p.Arm(faultproxy.Reset)
	c := dial(t, p.Addr())
	c.send(command("EVAL", "return 1", "0"))
	c.wantErr(io.EOF)
	if got := p.Fired(); got != 0 {
		t.Errorf("Fired = %d, want 0", got)
	}
	c = dial(t, p.Addr())
	c.send(command("EVAL", "return 1", "0"))
	wantStruck(t, p, faultproxy.Reset, struck, c)
}

// TestClientGone has the client hang up before the reply.
func TestClientGone(t *testing.T) {
	t.Parallel()
	got, release := make(chan struct{}), make(chan struct{})
	server := startFake(t, func(conn net.Conn, name string) error {
		close(got)
		<-release
		return simply(conn, name)
	})
	p := faultproxy.Start(t, server.addr)
	struck := p.Arm(faultproxy.Swallow)
	c := dial(t, p.Addr())
	c.send(command("EVAL", "return 1", "0"))
	await(t, got, "EVAL to arrive")
	c.conn.Close()
	close(release)
	await(t, struck, "the fault to strike")
}

func TestSubscriber(t *testing.T) {
	t.Parallel()
	server := startFake(t, simply)
	p := faultproxy.Start(t, server.addr)
	p.Arm(faultproxy.Close)
	c := dial(t, p.Addr())
	for _, name := range []string{"SUBSCRIBE", "EVAL", "PING"} {
		c.send(command(name))
		c.want("+" + name + "\r\n")
	}
	if got := p.Fired(); got != 0 {
		t.Errorf("Fired = %d, want 0", got)
	}
}

func TestTriggers(t *testing.T) {
	t.Parallel()
	server := startFake(t, simply)
	p := faultproxy.Start(t, server.addr, "Exec", "SET")
	struck := p.Arm(faultproxy.Close)
	c := dial(t, p.Addr())
	c.send(command("EVAL"))
	c.want("+EVAL\r\n")
	c.send(command("MULTI") + command("GET", "k") + command("EXEC"))
	wantStruck(t, p, faultproxy.Close, struck, c)
}

func TestFaultString(t *testing.T) {
	t.Parallel()
	var got []string
	for _, f := range append(faultproxy.Faults(), 0) {
		got = append(got, f.String())
	}
	if diff := cmp.Diff([]string{"close", "reset", "swallow", "cut", "Fault(0)"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
