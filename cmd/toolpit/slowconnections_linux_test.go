package main_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"toolpit/internal/store/storetest/lateness"
)

// slow is a way to hold a connection by being slow.
type slow struct {
	name   string
	begin  string // sent at once
	drip   string // then one byte of it at a time, again and again; "" sends nothing more
	window int    // of the receiver; 0: as the system likes
}

var slowKinds = []slow{
	{name: "headers", begin: "GET / HTTP/1.1\r\nHost: x\r\n", drip: "X-Slow: 1\r\n"},
	{name: "body", begin: "POST /execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{", drip: " "},
	// A hundred answers of seventy kilobytes, which nobody takes.
	{name: "reading", begin: strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 100), window: 4096},
}

// slowFor holds a connection and returns how long it lasted. One that reads
// too slowly does not learn of its end; it is held until ctx is done.
func (s slow) slowFor(ctx context.Context, addr string) (time.Duration, error) {
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if s.window > 0 { // before the handshake, which promises one
			controlled := c.Control(func(fd uintptr) {
				err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, s.window)
			})
			err = errors.Join(err, controlled)
		}
		return err
	}}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	start := time.Now()
	if _, err := io.WriteString(conn, s.begin); err != nil {
		return 0, err
	}
	if s.drip == "" {
		<-ctx.Done()
		return time.Since(start), nil
	}
	answer := make([]byte, 1024)
	for i := 0; ctx.Err() == nil; {
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		_, err := conn.Read(answer)
		switch {
		case err == nil: // the answer; the end is near
		case errors.Is(err, os.ErrDeadlineExceeded):
			_, _ = io.WriteString(conn, s.drip[i%len(s.drip):][:1])
			i++
		default:
			return time.Since(start), nil
		}
	}
	return time.Since(start), fmt.Errorf("slow %s: the connection is still open after %s", s.name, time.Since(start))
}

// normal makes one call after the other, with pauses, while more says so.
func (p *process) normal(ctx context.Context, t *testing.T, more func() bool) (latencies []time.Duration) {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for more() {
		start := time.Now()
		a, err := send(ctx, client, http.MethodPost, p.url+"/sessions/slow/execute", "", increment)
		if err != nil || a.status != http.StatusOK {
			t.Errorf("%v %d %s", err, a.status, a.body)
			return append(latencies, time.Since(start))
		}
		latencies = append(latencies, time.Since(start))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return latencies
		}
	}
	return latencies
}

// TestSlowConnections holds five thousand connections in the three slow ways,
// while one client works as always.
func TestSlowConnections(t *testing.T) {
	const (
		connections = 5000
		closedAfter = 10 * time.Second
		normal      = 20 * time.Millisecond
		growth      = 100 << 20
	)
	needDescriptors(t, 2*connections)
	p := serve(t, "--log-level", "error", "--store", "sqlite:"+t.TempDir()+"/slow.db")
	p.ready(t)
	p.must(t, 201, "POST", "/sessions", "", `{"id":"slow"}`)
	addr := strings.TrimPrefix(p.url, "http://")
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	// Another replica, which nobody slow bothers, shows what this machine and those
	// five thousand clients do to any.
	other := serve(t, "--log-level", "error", "--store", "sqlite:"+t.TempDir()+"/other.db")
	other.ready(t)
	other.must(t, 201, "POST", "/sessions", "", `{"id":"slow"}`)
	before, idle := p.rss(t), p.descriptors(t)
	most := p.watchRSS(t)
	hold, release := context.WithCancel(ctx)
	defer release()
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		longest = map[string]time.Duration{}
	)
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	late := lateness.Watch(t)
	began := time.Now()
	for i := range connections {
		s := slowKinds[i%len(slowKinds)]
		if i%20 == 0 { // two thousand a second
			<-pace.C
		}
		wg.Go(func() {
			lasted, err := s.slowFor(hold, addr)
			if err != nil && hold.Err() == nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			longest[s.name] = max(longest[s.name], lasted)
		})
	}
	opened := time.Now()
	peak := 0

	// One that is as fast as always, until all the others are gone.
	var bothered atomic.Bool
	bothered.Store(true)
	unbothered := make(chan []time.Duration, 1)
	go func() { unbothered <- other.normal(ctx, t, bothered.Load) }()
	gone, looks := time.Duration(0), 0
	latencies := p.normal(ctx, t, func() bool {
		if looks++; looks%20 == 0 {
			now := p.descriptors(t)
			if peak = max(peak, now); peak > idle+1 && now <= idle+1 {
				gone = time.Since(opened)
			}
		}
		return gone == 0
	})
	bothered.Store(false)
	elsewhere := quantile(<-unbothered, .99)
	if gone == 0 {
		t.Fatalf("%d of %d descriptors are still open %s after the last connection", p.descriptors(t)-idle, peak-idle, time.Since(opened))
	}
	release()
	wg.Wait()

	rss, stall := most()-before, late()
	p99, limit := quantile(latencies, .99), max(normal, 2*elsewhere)
	t.Logf("%d slow connections in %s, %d open at the same time, all closed %s after the last; longest: headers %s, body %s",
		connections, opened.Sub(began).Round(time.Millisecond), peak-idle, gone.Round(time.Millisecond), longest["headers"].Round(time.Millisecond), longest["body"].Round(time.Millisecond))
	t.Logf("a normal client meanwhile: %d calls, p50 %s, p99 %s, most %s; on a replica without slow ones the p99 is %s", len(latencies), quantile(latencies, .5), p99, quantile(latencies, 1), elsewhere)
	t.Logf("RSS: %s, and %s more; the machine stalled for %s", mebibytes(before), mebibytes(rss), stall.Round(time.Millisecond))
	if peak-idle < 700 { // more are closed, see internal/server/crowd.go
		t.Errorf("only %d connections were open at the same time", peak-idle)
	}
	if most := max(gone, longest["headers"], longest["body"]); most > closedAfter+stall {
		t.Errorf("slow connections last %s, want at most %s", most, closedAfter)
	}
	if p99 > limit {
		t.Errorf("p99 of a normal client is %s, want at most %s", p99, limit)
	}
	if rss > growth {
		t.Errorf("RSS grows by %s, want at most %s", mebibytes(rss), mebibytes(growth))
	}
}
