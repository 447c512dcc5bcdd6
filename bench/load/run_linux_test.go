package load

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// site is a server that remembers what it was asked.
type site struct {
	mu       sync.Mutex
	requests int
	keys     map[string]bool
	wrong    string
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		s.keys[key] = true
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/path" || string(body) != `{"a":1}` || r.Header.Get("Content-Type") != "application/json" {
		s.wrong = r.Method + " " + r.URL.Path + " " + string(body)
	}
	_, _ = io.WriteString(w, "{}")
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func job(targets ...string) Job {
	return Job{Targets: targets, Path: "/path", Body: `{"a":1}`, Conns: 5, Warmup: 10 * time.Millisecond, Window: 60 * time.Millisecond}
}

func TestEveryRequestIsSentAndCountedOnce(t *testing.T) {
	for _, keyed := range []bool{false, true} {
		one, two := &site{keys: map[string]bool{}}, &site{keys: map[string]bool{}}
		j := job(serve(t, one), serve(t, two))
		j.Keyed = keyed
		j.Watch = map[string][]int{"self": {os.Getpid()}}
		r, err := Run(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		if one.wrong != "" || two.wrong != "" {
			t.Errorf("the server was asked %q, %q", one.wrong, two.wrong)
		}
		if one.requests == 0 || two.requests == 0 || r.Answered != one.requests+two.requests || r.Failures != 0 {
			t.Errorf("%d answered, %d failed; the servers answered %d and %d", r.Answered, r.Failures, one.requests, two.requests)
		}
		if r.Requests < 1 || r.Requests > r.Answered || r.P50 > r.P99 || r.P99 > r.Max || r.Elapsed <= 0 {
			t.Errorf("an odd report: %+v", r)
		}
		if _, ok := r.CPU["self"]; !ok {
			t.Errorf("no CPU time of who was watched: %v", r.CPU)
		}
		if r.Others < 0 || r.Own < 0 || r.Idle < 0 || r.Stolen < 0 {
			t.Errorf("an odd use of the machine: %+v", r.Usage)
		}
		if got, want := len(one.keys)+len(two.keys), r.Answered; keyed && got != want || !keyed && got != 0 {
			t.Errorf("%d keys in %d requests, keyed %t", got, want, keyed)
		}
	}
}

func TestOtherAnswersAreFailures(t *testing.T) {
	r, err := Run(t.Context(), job(serve(t, http.NotFoundHandler())))
	if err != nil || r.Answered != 0 || r.Failures == 0 || !strings.HasPrefix(r.Failure, "HTTP/1.1 404") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestWhatEndsARun(t *testing.T) {
	addr := serve(t, &site{keys: map[string]bool{}})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(cancelled, job(addr)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	closing := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	gone := job(addr)
	gone.Watch = map[string][]int{"nobody": {1 << 30}}
	for name, j := range map[string]Job{
		"a server that closes": job(closing),
		"no server":            job("127.0.0.1:1"),
		"a name":               job("localhost:80"),
		"nobody":               gone,
		"no connections":       {Targets: []string{addr}, Window: time.Second},
		"no window":            {Targets: []string{addr}, Conns: 1},
	} {
		if r, err := Run(t.Context(), j); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
