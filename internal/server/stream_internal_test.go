package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/telemetry"
)

// streaming serves a stream as a route would, behind all that is in front of
// one. ended is told each time that one has ended.
type streaming struct {
	http.Handler
	log   *lines
	ended chan struct{}
}

func newStreaming(t testing.TB, s stream) *streaming {
	t.Helper()
	metrics := telemetry.NewMetrics("test")
	series, err := newSeries(metrics, chi.NewRouter(), nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &streaming{log: &lines{}, ended: make(chan struct{}, 16)}
	edge := &service{series: series, log: slog.New(slog.NewTextHandler(h.log, nil))}
	inner := edge.front(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := s
		s.exchange = exchangeOf(r.Context())
		if err := s.send(w); err != nil {
			t.Errorf("send: %v", err)
		}
	}))
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { h.ended <- struct{}{} }()
		inner.ServeHTTP(w, r)
	})
	return h
}

// lines keeps a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// batches gives what it holds, one element a call, and then waits for the end.
func batches(all ...[]event) next {
	n := 0
	return func(ctx context.Context, _ int64) ([]event, error) {
		if n < len(all) {
			n++
			return all[n-1], nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
}

// record answers a request without a connection.
func record(t testing.TB, s stream, method string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	newStreaming(t, s).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/sessions/s/watch", http.NoBody))
	return w
}

var someEvents = []event{
	{kind: "initial", data: []byte(`{"name":"x"}`)},
	{id: 7, kind: "value_change", data: []byte("{\n  \"value\": 1,\r\n  \"by\":\r2\n}")},
	{id: 9},
	{id: 10, kind: "odd\nid: 1\r\n\rdata: {}", data: nil},
	{id: 11, kind: "result", data: []byte(`[1,2]`), final: true},
	{id: 12, kind: "late", data: []byte(`{}`)},
}

func TestFramesOfSSE(t *testing.T) {
	w := record(t, stream{format: sse, next: batches(someEvents)}, http.MethodGet)
	const want = `retry: 1000

event: initial
data: {"name":"x"}

id: 7
event: value_change
data: {
data:   "value": 1,
data:   "by":
data: 2
data: }

id: 9

id: 10
event: odd id: 1   data: {}
data: null

id: 11
event: result
data: [1,2]

`
	if d := cmp.Diff(want, w.Body.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for name, value := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"} {
		if got := w.Header()[name]; len(got) != 1 || got[0] != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

func TestIdsThatNameTheirLog(t *testing.T) {
	events := []event{{kind: "initial", data: []byte(`1`)}, {id: 7, kind: "a", data: []byte(`2`)}, {id: 9}, {id: 10, kind: "b", data: []byte(`3`), final: true}}
	for format, want := range map[streamFormat]string{
		sse:    "retry: 1000\n\nevent: initial\ndata: 1\n\nid: 7-DCMCYIG5\nevent: a\ndata: 2\n\nid: 9-DCMCYIG5\n\nid: 10-DCMCYIG5\nevent: b\ndata: 3\n\n",
		ndjson: `{"event":"initial","data":1}` + "\n" + `{"id":"7-DCMCYIG5","event":"a","data":2}` + "\n" + `{"id":"9-DCMCYIG5"}` + "\n" + `{"id":"10-DCMCYIG5","event":"b","data":3}` + "\n",
	} {
		w := record(t, stream{format: format, log: "DCMCYIG5", next: batches(events)}, http.MethodGet)
		if d := cmp.Diff(want, w.Body.String()); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

func TestFramesOfNDJSON(t *testing.T) {
	w := record(t, stream{format: ndjson, next: batches(someEvents)}, http.MethodGet)
	const want = `{"event":"initial","data":{"name":"x"}}
{"id":7,"event":"value_change","data":{   "value": 1,    "by": 2 }}
{"id":9}
{"id":10,"event":"odd\nid: 1\r\n\rdata: {}","data":null}
{"id":11,"event":"result","data":[1,2]}
`
	if d := cmp.Diff(want, w.Body.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := w.Header().Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("Content-Type is %q", got)
	}
}

func TestHeadOfAStream(t *testing.T) {
	w := record(t, stream{next: func(context.Context, int64) ([]event, error) {
		t.Error("the source was asked")
		return nil, io.EOF
	}}, http.MethodHead)
	if w.Code != http.StatusOK || w.Body.Len() > 0 || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD: %d %v %q", w.Code, w.Header(), w.Body)
	}
}

// TestTheSourceIsAskedFromThePositionOn follows the positions that a source sees.
func TestTheSourceIsAskedFromThePositionOn(t *testing.T) {
	var seen []int64
	all := batches([]event{{id: 6, kind: "a"}, {id: 7, kind: "b"}}, []event{{kind: "c"}}, []event{{id: 20}}, []event{{id: 21, kind: "d", final: true}})
	record(t, stream{after: 5, next: func(ctx context.Context, after int64) ([]event, error) {
		seen = append(seen, after)
		return all(ctx, after)
	}}, http.MethodGet)
	if d := cmp.Diff([]int64{5, 7, 7, 20}, seen); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestAProblemIsTheLastEvent(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		events []event
		code   fault.Code
		status int
		cause  string // in the log
	}{
		"a fault":       {fault.New(fault.StoreUnavailable, "It is away."), nil, fault.StoreUnavailable, 503, ""},
		"behind events": {fault.New(fault.SessionExpired, ""), []event{{id: 1, kind: "a", data: []byte(`1`)}}, fault.SessionExpired, 410, ""},
		"ours":          {errors.New("dial tcp 10.0.0.7: secret"), nil, fault.Internal, 500, "secret"},
		"nothing":       {nil, nil, fault.Internal, 500, "returned nothing"},
	} {
		for _, format := range []streamFormat{sse, ndjson} {
			h := newStreaming(t, stream{format: format, next: func(context.Context, int64) ([]event, error) { return c.events, c.err }})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/a%20b/watch", http.NoBody))
			body := w.Body.String()
			if n := strings.Count(body, "problem"); n != 1 || strings.Contains(body, "secret") {
				t.Errorf("%s: %d problems in\n%s", name, n, body)
			}
			if got := strings.Count(body, `"data":1`) + strings.Count(body, "data: 1\n"); got != len(c.events) {
				t.Errorf("%s: %d events before it in\n%s", name, got, body)
			}
			_, text, _ := strings.Cut(body, "data: ")
			if format == ndjson {
				text = body[strings.LastIndex(body, `"data":`)+7 : len(body)-2]
			} else if len(c.events) > 0 {
				_, text, _ = strings.Cut(text, "data: ")
			}
			var p api.Problem
			if err := json.Unmarshal([]byte(strings.TrimSuffix(text, "\n\n")), &p); err != nil {
				t.Fatalf("%s: %v in\n%s", name, err, body)
			}
			if p.Code != api.ErrorCode(c.code) || p.Status != c.status || p.Instance != "/a%20b/watch" || p.RequestID != w.Header().Get("X-Request-Id") {
				t.Errorf("%s: the problem is %+v", name, p)
			}
			if log := h.log.String(); !strings.Contains(log, "code="+string(c.code)) || !strings.Contains(log, c.cause) {
				t.Errorf("%s: the log is %s", name, log)
			}
		}
	}
}

// pipes is a listener without a network, for the clock of synctest.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

// dial connects to the server of a handler, which ends with the test.
func dial(t *testing.T, h http.Handler) net.Conn {
	t.Helper()
	p := &pipes{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	srv := HTTPServer(h, slog.New(slog.DiscardHandler))
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(p)
	}()
	client, server := net.Pipe()
	p.conns <- server
	t.Cleanup(func() {
		client.Close()
		srv.Close()
		<-served
	})
	if _, err := io.WriteString(client, "GET /watch HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return client
}

// begin sends a request and returns its answer, whose body is still to come.
func begin(t *testing.T, h http.Handler) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(dial(t, h)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestHeartbeat counts the comments of a minute and a bit in which nothing
// happens, and of the time after an event. Nothing is said more often.
func TestHeartbeat(t *testing.T) {
	for format, beat := range map[streamFormat]string{sse: ": heartbeat\n", ndjson: `{"event":"heartbeat"}` + "\n"} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			wake := start.Add(67 * time.Second)
			var calls atomic.Int64
			h := newStreaming(t, stream{format: format, next: func(ctx context.Context, after int64) ([]event, error) {
				if calls.Add(1); after == 0 {
					timer := time.NewTimer(time.Until(wake))
					defer timer.Stop()
					select {
					case <-timer.C:
						return []event{{id: 1, kind: "a", data: []byte("1")}}, nil
					case <-ctx.Done():
						return nil, fault.New(fault.DeadlineExceeded, "A store says it in its own words.")
					}
				}
				<-ctx.Done()
				return nil, ctx.Err()
			}})
			lines := bufio.NewReader(begin(t, h).Body)
			var at []time.Duration
			for len(at) < 7 {
				line, err := lines.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if line == beat || strings.Contains(line, `"a"`) || line == "event: a\n" {
					at = append(at, time.Since(start))
				}
			}
			const s = time.Second
			if d := cmp.Diff([]time.Duration{15 * s, 30 * s, 45 * s, 60 * s, 67 * s, 82 * s, 97 * s}, at); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if n := calls.Load(); n > 8 {
				t.Errorf("the source was asked %d times", n)
			}
		})
	}
}

// TestSlowReader reads nothing. The stream ends after the time that a reader
// has, and nothing was gathered for it meanwhile.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 100 << 10
		start := time.Now()
		var calls atomic.Int64
		h := newStreaming(t, stream{next: func(_ context.Context, after int64) ([]event, error) {
			calls.Add(1)
			return []event{{id: after + 1, kind: "a", data: []byte(`"` + strings.Repeat("x", size) + `"`)}}, nil
		}})
		dial(t, h)
		<-h.ended
		if d := time.Since(start); d != writeTime {
			t.Errorf("the stream ended after %s", d)
		}
		if n := calls.Load(); n > 1 {
			t.Errorf("the source was asked %d times for a reader that reads nothing", n)
		}
		if log := h.log.String(); !strings.Contains(log, "code=CANCELLED") {
			t.Errorf("the log is %s", log)
		}
	})
}

// TestAReaderThatKeepsUp takes longer over everything than one write may take,
// and gets it all.
func TestAReaderThatKeepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const parts, size = 20, 64 << 10
		batch := make([]event, parts)
		for i := range batch {
			batch[i] = event{id: int64(i + 1), kind: "a", data: []byte(`"` + strings.Repeat("x", size) + `"`), final: i == parts-1}
		}
		start := time.Now()
		body := begin(t, newStreaming(t, stream{next: batches(batch)})).Body
		got := 0
		for p := make([]byte, 32<<10); ; {
			time.Sleep(time.Second)
			n, err := io.ReadFull(body, p)
			got += n
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Error(err)
				}
				break
			}
		}
		if took := time.Since(start); got < parts*size || took < 2*writeTime {
			t.Errorf("%d bytes of more than %d in %s", got, parts*size, took)
		}
	})
}

// TestStop ends streams that are silent, and have been for longer than a write
// may take. The reader sees a body that is whole, and no final event.
func TestStop(t *testing.T) {
	for _, silent := range []time.Duration{0, 14 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			drain, stop := context.WithCancel(t.Context())
			h := newStreaming(t, stream{stop: drain, next: batches([]event{{id: 1, kind: "a", data: []byte("1")}})})
			res := begin(t, h)
			var body []byte
			var err error
			read := make(chan struct{})
			go func() {
				defer close(read)
				body, err = io.ReadAll(res.Body)
			}()
			time.Sleep(silent)
			synctest.Wait()
			stopped := time.Now()
			stop()
			<-read
			if d := time.Since(stopped); d > 0 {
				t.Errorf("after %s: the stream went on for %s", silent, d)
			}
			text := strings.ReplaceAll(string(body), ": heartbeat\n\n", "")
			if want := "retry: 1000\n\nid: 1\nevent: a\ndata: 1\n\n"; err != nil || text != want {
				t.Errorf("after %s: %q, %v, want %q", silent, text, err, want)
			}
			<-h.ended
			if log := h.log.String(); strings.Contains(log, "code=") {
				t.Errorf("the log is %s", log)
			}
		})
	}
}

// TestStopWhileEventsCome sends what the source has already given.
func TestStopWhileEventsCome(t *testing.T) {
	drain, stop := context.WithCancel(t.Context())
	w := record(t, stream{stop: drain, next: func(context.Context, int64) ([]event, error) {
		stop()
		return []event{{id: 1, kind: "a", data: []byte("1")}}, nil
	}}, http.MethodGet)
	if want := "retry: 1000\n\nid: 1\nevent: a\ndata: 1\n\n"; w.Body.String() != want {
		t.Errorf("%q, want %q", w.Body, want)
	}
}

// bare hides all of a ResponseWriter but what it is, as middleware does.
type bare struct{ w http.ResponseWriter }

func (b bare) Header() http.Header         { return b.w.Header() }
func (b bare) Write(p []byte) (int, error) { return b.w.Write(p) }
func (b bare) WriteHeader(status int)      { b.w.WriteHeader(status) }
func (b bare) Unwrap() http.ResponseWriter { return b.w }

// TestEventsArriveOneByOne lets the source give an event only when the one
// before it has arrived: through a real connection, behind middleware.
func TestEventsArriveOneByOne(t *testing.T) {
	arrived := make(chan struct{}, 1)
	const count = 20
	h := newStreaming(t, stream{next: func(ctx context.Context, after int64) ([]event, error) {
		select {
		case <-arrived:
			return []event{{id: after + 1, kind: "a", data: []byte("1"), final: after+1 == count}}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(bare{w}, r) }))
	t.Cleanup(srv.Close)
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	arrived <- struct{}{} // the header has
	var ids []string
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			ids = append(ids, id)
			arrived <- struct{}{}
		}
	}
	if lines.Err() != nil || len(ids) != count || ids[count-1] != fmt.Sprint(count) {
		t.Errorf("%v, %v", ids, lines.Err())
	}
}

// TestACallerWhoLeaves ends the source's wait.
func TestACallerWhoLeaves(t *testing.T) {
	left := make(chan error, 1)
	h := newStreaming(t, stream{next: func(ctx context.Context, _ int64) ([]event, error) {
		<-ctx.Done()
		left <- context.Cause(ctx)
		return nil, ctx.Err()
	}})
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the source's context ended with %v", err)
	}
	<-h.ended
	if log := h.log.String(); strings.Contains(log, "code=") {
		t.Errorf("the log is %s", log)
	}
}
