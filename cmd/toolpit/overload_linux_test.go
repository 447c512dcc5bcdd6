package main_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"toolpit/internal/store/storetest/redistest"
)

// outcomes are the answers of a load.
type outcomes struct {
	mu       sync.Mutex
	admitted []time.Duration
	rejected []time.Duration
	strange  []string
}

// add judges one answer. A rejection has to say when to come back.
func (o *outcomes) add(a answer, err error, took time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err != nil:
		o.strange = append(o.strange, err.Error())
	case a.status == http.StatusOK:
		o.admitted = append(o.admitted, took)
	case a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "" && strings.Contains(a.body, "POOL_SATURATED"):
		o.rejected = append(o.rejected, took)
	default:
		o.strange = append(o.strange, a.body)
	}
}

// closedLoop keeps so many clients busy for a while.
func closedLoop(ctx context.Context, p *process, client *http.Client, clients int, body string, d time.Duration) *outcomes {
	o := &outcomes{}
	end := time.Now().Add(d)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for time.Now().Before(end) {
				start := time.Now()
				a, err := send(ctx, client, http.MethodPost, p.url+"/sessions/busy/execute", "", body)
				o.add(a, err, time.Since(start))
			}
		})
	}
	wg.Wait()
	return o
}

// openLoop sends at a rate, whatever comes back.
func openLoop(ctx context.Context, p *process, client *http.Client, rate float64, body string, d time.Duration) *outcomes {
	o := &outcomes{}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	var wg sync.WaitGroup
	begun := time.Now()
	for sent := 0; time.Since(begun) < d; <-tick.C {
		for due := int(time.Since(begun).Seconds() * rate); sent < due; sent++ {
			wg.Go(func() {
				start := time.Now()
				a, err := send(ctx, client, http.MethodPost, p.url+"/sessions/busy/execute", "", body)
				o.add(a, err, time.Since(start))
			})
		}
	}
	wg.Wait()
	return o
}

// overloadTime is how long the overload lasts; TOOLPIT_TEST_OVERLOAD=30s makes
// it longer.
func overloadTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("TOOLPIT_TEST_OVERLOAD")
	if text == "" {
		return 3 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("TOOLPIT_TEST_OVERLOAD: %v", err)
	}
	return d
}

// distant is a relay to a server whose answers take their time: it makes the
// capacity of a replica small, and known, without using a processor up.
func distant(t *testing.T, upstream string, delay time.Duration) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", upstream)
			if err != nil {
				_ = near.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(far, near)
				_ = far.Close()
			}()
			go func() {
				defer near.Close()
				for b := make([]byte, 64<<10); ; {
					n, err := far.Read(b)
					if err != nil {
						return
					}
					<-time.After(delay)
					if _, err := near.Write(b[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// TestOverload asks a replica for five times of what it can do. It has four
// slots, and a store that takes twenty milliseconds.
func TestOverload(t *testing.T) {
	const (
		slots   = 4
		queue   = 16
		times   = 5
		goodput = .9
		slower  = 2
		reject  = 5 * time.Millisecond
		most    = 256 << 20
	)
	redis, err := url.Parse(redistest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	redis.Host = distant(t, redis.Host, 20*time.Millisecond)
	p := serve(t, "--log-level", "error", "--light-slots", strconv.Itoa(slots), "--queue", strconv.Itoa(queue), "--store", redis.String())
	p.ready(t)
	p.must(t, 201, "POST", "/sessions", "", `{"id":"busy"}`)
	const body = increment
	client := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	d := overloadTime(t)

	rss := p.watchRSS(t)
	closedLoop(ctx, p, client, slots+queue, body, 300*time.Millisecond) // connections
	var missed []string
	for round := range 3 { // what else the machine has to do may spoil one
		// Before and after, so that it falls on both.
		before := closedLoop(ctx, p, client, slots+queue, body, 1500*time.Millisecond)
		over := openLoop(ctx, p, client, times*float64(len(before.admitted))/1.5, body, d)
		after := closedLoop(ctx, p, client, slots+queue, body, 1500*time.Millisecond)
		for _, o := range []*outcomes{before, over, after} {
			if len(o.strange) > 0 || len(o.admitted) == 0 {
				t.Fatalf("%d admitted, and %q", len(o.admitted), o.strange)
			}
		}
		peak := float64(len(before.admitted)+len(after.admitted)) / 3
		got := float64(len(over.admitted)) / d.Seconds()
		usual := quantile(append(before.admitted, after.admitted...), .99)
		loaded, rejected := quantile(over.admitted, .99), quantile(over.rejected, .5)
		t.Logf("round %d: peak %.0f/s; at %.0f/s for %s: goodput %.0f/s (%.0f %%)", round+1, peak, float64(len(over.admitted)+len(over.rejected))/d.Seconds(), d, got, 100*got/peak)
		t.Logf("admitted: p99 %s, at the peak %s; rejected: p50 %s, p99 %s", loaded, usual, rejected, quantile(over.rejected, .99))
		missed = nil
		if got < goodput*peak {
			missed = append(missed, fmt.Sprintf("goodput is %.0f %% of the peak, want %.0f %%", 100*got/peak, 100*goodput))
		}
		if loaded > slower*usual {
			missed = append(missed, fmt.Sprintf("p99 is %s, want at most %d times %s", loaded, slower, usual))
		}
		if rejected > reject {
			missed = append(missed, fmt.Sprintf("a rejection takes %s, want at most %s", rejected, reject))
		}
		if len(missed) == 0 {
			break
		}
	}
	for _, m := range missed {
		t.Error(m)
	}
	held := rss()
	t.Logf("RSS %s", mebibytes(held))
	if held > most {
		t.Errorf("RSS is %s, want at most %s", mebibytes(held), mebibytes(most))
	}
}
