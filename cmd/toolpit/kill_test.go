package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"toolpit/internal/store/storetest/redistest"
)

// fleet is a set of replicas whose members are killed and replaced.
type fleet struct {
	mu      sync.Mutex
	members []*process
}

func (f *fleet) url(n int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.members[n%len(f.members)].url
}

func (f *fleet) replace(i int, p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members[i] = p
}

const increment = `{"tool":"increment_counter"}`

// hammer lets clients increment one counter, each increment under a key of
// its own and repeated, on whichever replica, until it is acknowledged. It
// returns every acknowledged value by its key.
func hammer(t *testing.T, f *fleet, clients, each int, progress *atomic.Int64) map[string]int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	acknowledged := make([]map[string]int64, clients)
	var wg sync.WaitGroup
	for c := range clients {
		acknowledged[c] = map[string]int64{}
		wg.Go(func() {
			client := &http.Client{Timeout: 2 * time.Second}
			defer client.CloseIdleConnections()
			for i := range each {
				key := fmt.Sprintf("c%d-%d", c, i)
				for try := 0; ctx.Err() == nil; try++ {
					a, err := send(ctx, client, http.MethodPost, f.url(c+i+try)+"/sessions/kill/execute", key, increment)
					if err != nil || a.status >= 500 {
						continue
					}
					var body struct{ Result struct{ Value int64 } }
					if err := json.Unmarshal([]byte(a.body), &body); a.status != http.StatusOK || err != nil {
						t.Errorf("%d %s", a.status, a.body)
						return
					}
					acknowledged[c][key] = body.Result.Value
					progress.Add(1)
					break
				}
			}
		})
	}
	wg.Wait()
	all := map[string]int64{}
	for _, m := range acknowledged {
		maps.Copy(all, m)
	}
	return all
}

// verify checks that each of the increments happened exactly once: every value
// from 1 to their number was answered to exactly one key, and the session
// counted as many executions.
func verify(t *testing.T, p *process, acknowledged map[string]int64, want int) {
	t.Helper()
	owner := map[int64]string{}
	for key, v := range acknowledged {
		if other, dup := owner[v]; dup || v < 1 || v > int64(want) {
			t.Errorf("key %s was answered %d, as was %q; want a value of its own in 1..%d", key, v, other, want)
		}
		owner[v] = key
	}
	if len(acknowledged) != want {
		t.Errorf("%d increments were acknowledged, want %d", len(acknowledged), want)
	}
	var session struct {
		CommandCount int64 `json:"command_count"`
	}
	if err := json.Unmarshal([]byte(p.must(t, 200, "GET", "/sessions/kill", "", "").body), &session); err != nil || session.CommandCount != int64(want) {
		t.Errorf("command_count is %d (%v), want %d", session.CommandCount, err, want)
	}
	var counter struct{ Result struct{ Value int64 } }
	body := p.must(t, 200, "POST", "/sessions/kill/execute", "", `{"tool":"get_counter"}`).body
	if err := json.Unmarshal([]byte(body), &counter); err != nil || counter.Result.Value != int64(want) {
		t.Errorf("the counter is %d (%v), want %d", counter.Result.Value, err, want)
	}
}

// after waits until progress has passed mark, so that a kill falls into the
// middle of the work.
func after(t *testing.T, progress *atomic.Int64, mark int64) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for progress.Load() < mark {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("only %d of %d increments were acknowledged", progress.Load(), mark)
		}
	}
}

func TestKillLosesNothingAndDoublesNothing(t *testing.T) {
	const clients, each, kills = 8, 150, 4
	for _, tc := range []struct {
		name     string
		replicas int
		store    func(t *testing.T) string
	}{
		{"one process on SQLite", 1, func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "kill.db") }},
		{"two processes on one SQLite file", 2, func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "kill.db") }},
		{"three replicas on Redis", 3, func(t *testing.T) string { return redistest.Start(t) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			store := tc.store(t)
			f := &fleet{}
			for range tc.replicas {
				f.members = append(f.members, serve(t, "--store", store))
			}
			for _, p := range f.members {
				p.ready(t)
			}
			f.members[0].must(t, 201, "POST", "/sessions", "", `{"id":"kill"}`)

			var progress atomic.Int64
			done := make(chan map[string]int64, 1)
			go func() { done <- hammer(t, f, clients, each, &progress) }()
			for k := range kills {
				after(t, &progress, int64((k+1)*clients*each/(kills+2)))
				victim := k % tc.replicas
				f.members[victim].kill()
				f.replace(victim, serve(t, "--store", store))
			}
			acknowledged := <-done
			f.members[0].ready(t) // it may have been replaced just now
			verify(t, f.members[0], acknowledged, clients*each)
		})
	}
}
