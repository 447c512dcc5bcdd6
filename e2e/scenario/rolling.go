package scenario

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Rolling restarts every replica with SIGTERM, one after the other, while
// clients send requests through a load balancer and repeat none. Most are
// increments without a key, which nobody may repeat.
type Rolling struct {
	Fleet     Fleet
	Front     string // URL of the load balancer
	Rounds    int
	KeepAlive int           // clients that keep their connection
	Fresh     int           // clients that open one for every request
	Pace      time.Duration // between two requests of a client, unless the first takes longer
}

// stopTime is how long a replica may take to stop.
const stopTime = 10 * time.Second

// traffic is what the clients of a Rolling know so far.
type traffic struct {
	mu       sync.Mutex
	requests int
	entries  ledger
	failures []string
	replicas map[string]bool // that have answered
}

// Run runs the scenario on a fleet that is up, and fails the test if a request
// failed, a replica did not stop well, or the counter is not what was
// acknowledged.
func (r Rolling) Run(t *testing.T) {
	t.Helper()
	create(t, r.Front)
	seen := &traffic{replicas: map[string]bool{}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var clients sync.WaitGroup
	for c := range r.KeepAlive + r.Fresh {
		clients.Go(func() { r.client(ctx, c, seen) })
	}
	start := time.Now()
	slowest := r.restartAll(t, seen)
	took := time.Since(start)
	cancel()
	clients.Wait()

	f := seen.entries.figures()
	t.Logf("%d replicas restarted %d times in %s: %d requests (%.0f/s), %d of them increments without a key, %d failed; slowest stop %s; latency %s",
		r.Fleet.Size(), r.Rounds, took.Round(100*time.Millisecond), seen.requests, float64(seen.requests)/took.Seconds(), f.count,
		len(seen.failures), slowest.Round(10*time.Millisecond), f.latency)
	for i, failure := range seen.failures {
		if i == 10 {
			break
		}
		t.Errorf("a request failed: %s", failure)
	}
	for _, complaint := range seen.entries.audit(counted(t, r.Front)) {
		t.Error(complaint)
	}
}

// restartAll returns the longest time that a replica took to stop.
func (r Rolling) restartAll(t *testing.T, seen *traffic) (slowest time.Duration) {
	t.Helper()
	seen.await(t, r.Fleet.Size()) // all of them serve
	for round := range r.Rounds {
		for i := range r.Fleet.Size() {
			before := seen.known()
			start := time.Now()
			code, err := r.Fleet.Stop(t.Context(), i)
			took := time.Since(start)
			slowest = max(slowest, took)
			if err != nil {
				t.Fatalf("round %d: stopping replica %d: %v", round, i, err)
			}
			if code != 0 || took > stopTime {
				t.Errorf("round %d: replica %d ended with %d after %s, want 0 within %s", round, i, code, took, stopTime)
			}
			if err := r.Fleet.Start(t.Context(), i); err != nil {
				t.Fatalf("round %d: starting replica %d: %v", round, i, err)
			}
			seen.await(t, before+1) // the load balancer has taken it in again
		}
	}
	return slowest
}

// client sends requests until ctx is done.
func (r Rolling) client(ctx context.Context, c int, seen *traffic) {
	connections := 0
	if c < r.KeepAlive {
		connections = 1
	}
	client := newClient(connections, stopTime)
	defer client.CloseIdleConnections()
	tick := time.NewTicker(r.Pace)
	defer tick.Stop()
	for i := c; ; i++ { // not all in step
		// What has begun is finished, so that its outcome is known.
		whole := context.WithoutCancel(ctx)
		if i%4 == 0 {
			seen.read(send(whole, client, http.MethodGet, r.Front+"/sessions/"+session, "", ""))
		} else {
			start := time.Now()
			got, err := send(whole, client, http.MethodPost, calls(r.Front), "", increment)
			seen.incremented(got, err, time.Since(start))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// read notes the outcome of a read.
func (s *traffic) read(got reply, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	switch {
	case err != nil:
		s.failures = append(s.failures, err.Error())
	case got.status != http.StatusOK:
		s.failures = append(s.failures, got.body)
	}
}

// incremented notes the outcome of an increment.
func (s *traffic) incremented(got reply, err error, took time.Duration) {
	var o outcome
	if err == nil {
		o, err = got.outcome()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if err != nil {
		s.failures = append(s.failures, err.Error())
		return
	}
	s.replicas[o.Replica] = true
	s.entries.entries = append(s.entries.entries, entry{key: "(none)", value: o.Result.Value, took: took, tries: 1})
}

// known returns how many replicas have answered, each start of one counted as
// another.
func (s *traffic) known() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.replicas)
}

// await waits until so many replicas have answered.
func (s *traffic) await(t *testing.T, replicas int) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	for s.known() < replicas {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("%d replicas have answered, want %d", s.known(), replicas)
		}
	}
}
