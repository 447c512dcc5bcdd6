package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"toolpit/internal/store/storetest/lateness"
	"toolpit/internal/store/storetest/redistest"
)

const (
	outage        = 5 * time.Second // for which Redis does not answer
	outageEnd     = time.Second     // after which everything works again
	outageClients = 64
)

// outageAnswer is within what time every request is answered, whatever the store
// does, where the client and the replica are each late by as much.
func outageAnswer(late time.Duration) time.Duration { return 1200*time.Millisecond + 2*late }

// sufferer is one client in an outage.
type sufferer struct {
	values          map[string]int64 // acknowledged increments with a key
	pending         []string         // keys of those that were not
	unkeyed         int64            // acknowledged increments without one
	unknown         int64            // that may have happened
	slowest         time.Duration
	refused, served int64
}

// increments sends increments, with a key and without by turns, until ctx
// ends. From the instant in normal on they have to succeed.
func (s *sufferer) increments(t *testing.T, ctx context.Context, url, name string, normal *atomic.Int64) {
	client := &http.Client{Timeout: 2 * outageAnswer(0)}
	defer client.CloseIdleConnections()
	for i := 0; ctx.Err() == nil; i++ {
		key := ""
		if i%2 == 0 {
			key = fmt.Sprintf("%s-%d", name, i)
		}
		start := time.Now()
		a, err := send(context.WithoutCancel(ctx), client, http.MethodPost, url, key, increment)
		if err != nil {
			t.Errorf("a request was not answered: %v", err)
			return
		}
		s.slowest = max(s.slowest, time.Since(start))
		switch a.status {
		case http.StatusOK:
			s.served++
			if key == "" {
				s.unkeyed++
			} else {
				s.values[key] = value(t, a)
			}
		case http.StatusServiceUnavailable:
			s.refused++
			code := code(t, a)
			if a.header.Get("Retry-After") == "" || code != "STORE_UNAVAILABLE" && code != "OUTCOME_UNKNOWN" && code != "POOL_SATURATED" {
				t.Errorf("503 %v %s, want Retry-After and why", a.header, a.body)
			}
			if key != "" {
				s.pending = append(s.pending, key)
			} else if code == "OUTCOME_UNKNOWN" {
				s.unknown++
			}
			if after := normal.Load(); after != 0 && start.UnixNano() > after {
				t.Errorf("a request was refused more than %v after the end of the outage: %s", outageEnd, a.body)
			}
		default:
			t.Errorf("%d %s", a.status, a.body)
			return
		}
	}
}

func value(t *testing.T, a answer) int64 {
	t.Helper()
	var body struct{ Result struct{ Value int64 } }
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.status != http.StatusOK {
		t.Errorf("%d %s, want a counter", a.status, a.body)
	}
	return body.Result.Value
}

func code(t *testing.T, a answer) string {
	t.Helper()
	var problem struct{ Code string }
	if err := json.Unmarshal([]byte(a.body), &problem); err != nil {
		t.Errorf("%d %s, want a problem", a.status, a.body)
	}
	return problem.Code
}

// gauge returns a metric that has no labels.
func (p *process) gauge(t *testing.T, name string) float64 {
	t.Helper()
	for line := range strings.Lines(p.must(t, 200, "GET", "/metrics", "", "").body) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("/metrics has no %s", name)
	return 0
}

func TestAHungStoreUnderLoad(t *testing.T) {
	server := redistest.StartServer(t)
	p := serve(t, "--store", server.URL())
	p.ready(t)
	p.must(t, 201, "POST", "/sessions", "", `{"id":"hung"}`)
	url := p.url + "/sessions/hung/execute"

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	late := lateness.Watch(t)
	var normal atomic.Int64
	clients := make([]sufferer, outageClients)
	var working sync.WaitGroup
	for i := range clients {
		clients[i].values = map[string]int64{}
		working.Go(func() { clients[i].increments(t, ctx, url, strconv.Itoa(i), &normal) })
	}
	// The measurements wait for nothing but time: how long an outage lasts.
	<-time.After(time.Second)
	before := p.gauge(t, "go_goroutines")
	server.Stop()
	most, over := before, time.After(outage)
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for hung := true; hung; {
		select {
		case <-look.C:
			most = max(most, p.gauge(t, "go_goroutines"))
		case <-over:
			hung = false
		}
	}
	server.Cont()
	resumed := time.Now()
	normal.Store(resumed.Add(outageEnd).UnixNano())
	p.must(t, 200, "POST", "/sessions/hung/execute", "first", increment)
	t.Logf("the first increment after the outage was answered %v after its end", time.Since(resumed).Round(time.Millisecond))
	<-time.After(2 * outageEnd)
	stop()
	working.Wait()

	var sum sufferer
	sum.values = map[string]int64{}
	for _, c := range clients {
		maps.Copy(sum.values, c.values)
		sum.pending = append(sum.pending, c.pending...)
		sum.unkeyed += c.unkeyed
		sum.unknown += c.unknown
		sum.served += c.served
		sum.refused += c.refused
		sum.slowest = max(sum.slowest, c.slowest)
	}
	t.Logf("%d increments answered and %d refused, of which %d with a key and %d with an unknown outcome; the slowest took %v; goroutines %v before, at most %v, %v after",
		sum.served, sum.refused, len(sum.pending), sum.unknown, sum.slowest.Round(time.Millisecond), before, most, p.gauge(t, "go_goroutines"))
	if most := outageAnswer(late()); sum.slowest > most {
		t.Errorf("a request took %v, want at most %v; the machine is late by %v", sum.slowest, most, late())
	}
	if sum.refused == 0 {
		t.Error("no request was refused although Redis did not answer")
	}
	// A request has a goroutine for its connection, one that reads ahead on it
	// and at most one in the store's client.
	if bound := before + 3*outageClients; most > bound {
		t.Errorf("there were up to %v goroutines, %v before", most, before)
	}

	// The keys find out what became of their increments.
	for _, key := range sum.pending {
		sum.values[key] = value(t, p.must(t, 200, "POST", "/sessions/hung/execute", key, increment))
	}
	owner := map[int64]string{}
	for key, v := range sum.values {
		if other, dup := owner[v]; dup {
			t.Errorf("the keys %s and %s were both answered %d", key, other, v)
		}
		owner[v] = key
	}
	total := value(t, p.must(t, 200, "POST", "/sessions/hung/execute", "", `{"tool":"get_counter"}`))
	least := int64(len(sum.values)) + 1 + sum.unkeyed
	if total < least || total > least+sum.unknown {
		t.Errorf("the counter is %d, want %d and what became of %d unkeyed increments", total, least, sum.unknown)
	}
	for key, v := range sum.values {
		if again := value(t, p.must(t, 200, "POST", "/sessions/hung/execute", key, increment)); again != v {
			t.Errorf("the key %s was answered %d, and repeated %d", key, v, again)
		}
	}
	if after := value(t, p.must(t, 200, "POST", "/sessions/hung/execute", "", `{"tool":"get_counter"}`)); after != total {
		t.Errorf("repeating all keys changed the counter from %d to %d", total, after)
	}
}

func TestAFullStoreRefusesWholeAndRecovers(t *testing.T) {
	const writers, room = 8, 256 << 10
	server := redistest.StartServer(t)
	p := serve(t, "--store", server.URL())
	p.ready(t)
	metadata := `"` + strings.Repeat("m", 8000) + `"`
	initialize := `{"tool":"init_session","arguments":{"counter":7,"note":` + metadata + `}}`
	p.must(t, 201, "POST", "/sessions", "", `{"id":"ballast"}`)
	for i := range 40 {
		p.must(t, 201, "POST", "/sessions", "", fmt.Sprintf(`{"id":"ballast-%d"}`, i))
		p.must(t, 200, "POST", fmt.Sprintf("/sessions/ballast-%d/execute", i), "", initialize)
	}
	p.must(t, 201, "POST", "/sessions", "", `{"id":"full"}`)
	p.must(t, 200, "POST", "/sessions/full/execute", "", increment)
	for w := range writers {
		p.must(t, 201, "POST", "/sessions", "", fmt.Sprintf(`{"id":"writer-%d"}`, w))
	}
	used := func() int64 {
		n, err := strconv.ParseInt(server.Info("memory", "used_memory"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	server.Configure("maxmemory", strconv.FormatInt(used()+room, 10))

	// Writers write until each was refused; what was answered is there, and of
	// what was refused nothing is.
	var writing sync.WaitGroup
	acknowledged := make([]int, writers)
	for w := range writers {
		writing.Go(func() {
			client := &http.Client{Timeout: patience}
			defer client.CloseIdleConnections()
			const enough = 1000
			for n := range enough {
				a, err := send(t.Context(), client, "POST", fmt.Sprintf("%s/sessions/writer-%d/execute", p.url, w), fmt.Sprintf("%d", n),
					`{"tool":"echo","arguments":{"text":`+metadata+`}}`)
				if err != nil || a.status != http.StatusOK {
					if err != nil || a.status != http.StatusInsufficientStorage || code(t, a) != "STORE_FULL" {
						t.Errorf("writer %d: %d %s %v, want 507 STORE_FULL", w, a.status, a.body, err)
					}
					acknowledged[w] = n
					return
				}
			}
			t.Errorf("writer %d was never refused", w)
		})
	}
	writing.Wait()
	t.Logf("answered before memory was full: %v", acknowledged)
	server.Configure("maxmemory", strconv.FormatInt(used()-room/4, 10)) // small writes are too large now, too
	commands := func(id string) (n int64) {
		var session struct {
			CommandCount int64 `json:"command_count"`
		}
		if err := json.Unmarshal([]byte(p.must(t, 200, "GET", "/sessions/"+id, "", "").body), &session); err != nil {
			t.Error(err)
		}
		return session.CommandCount
	}
	for _, refused := range []struct{ path, key, body string }{
		{"/sessions", "create", `{"id":"late"}`},
		{"/sessions", "", `{}`},
		{"/sessions/full/execute", "init", initialize},
		{"/sessions/full/execute", "", initialize},
	} {
		if a := p.must(t, 507, "POST", refused.path, refused.key, refused.body); code(t, a) != "STORE_FULL" {
			t.Errorf("%s %s: %s, want STORE_FULL", refused.path, refused.body, a.body)
		}
	}
	p.must(t, 404, "GET", "/sessions/late", "", "")
	counter := func(id string) int64 {
		return value(t, p.must(t, 200, "POST", "/sessions/"+id+"/execute", "", `{"tool":"get_counter"}`))
	}
	if n := commands("full"); n != 1 {
		t.Errorf("%d commands were counted although all but one were refused", n)
	}
	if list := p.must(t, 200, "GET", "/sessions?limit=1000", "", "").body; strings.Count(list, `"writer-`) < writers {
		t.Errorf("listed %.200s, want every session", list)
	}

	// Deleting makes room, at once.
	for i := range 40 {
		p.must(t, 204, "DELETE", fmt.Sprintf("/sessions/ballast-%d", i), "", "")
	}
	freed := time.Now()
	p.must(t, 200, "POST", "/sessions/full/execute", "init", initialize)
	took := time.Since(freed)
	t.Logf("a write succeeded %v after memory was freed", took.Round(time.Millisecond))
	if took > time.Second {
		t.Errorf("writes succeed %v after memory was freed, want a second at most", took)
	}
	server.Configure("maxmemory", "0")
	p.must(t, 201, "POST", "/sessions", "create", `{"id":"late"}`)
	if n := counter("full"); n != 1 { // init_session leaves a counter that is there
		t.Errorf("the counter is %d, want 1", n)
	}
	for w, n := range acknowledged {
		a := p.must(t, 200, "POST", fmt.Sprintf("/sessions/writer-%d/execute", w), strconv.Itoa(n), `{"tool":"echo","arguments":{"text":`+metadata+`}}`)
		if a.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("writer %d: what was refused is answered as if it had happened", w)
		}
		if got := commands(fmt.Sprintf("writer-%d", w)); got != int64(n)+1 {
			t.Errorf("writer %d: %d commands were counted, want %d", w, got, n+1)
		}
	}
}
