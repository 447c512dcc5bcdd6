package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"toolpit/internal/execution"
	"toolpit/internal/server"
	"toolpit/internal/store"
	"toolpit/internal/store/sqlitestore"
	"toolpit/internal/tools"
	"toolpit/internal/tools/basic"
	"toolpit/internal/tools/binary"
	"toolpit/internal/tools/session"
	"toolpit/internal/tools/variable"
	"toolpit/internal/watch"
)

// running is the edge on a real store, with the real tools and some that only
// tests need.
type running struct {
	t       testing.TB
	handler http.Handler
	store   store.Store // as the service sees it
	url     string
	client  *http.Client
	log     *journal
	hold    *hold
	offset  *atomic.Int64 // of the store's clock
}

// setup is what a test may want to be different.
type setup struct {
	server   server.Config
	store    store.Config
	wrap     func(store.Store) store.Store
	executor execution.Config
	hub      func(watch.Config) *watch.Hub
}

// start runs a service until the end of the test.
func start(t testing.TB, options ...func(*setup)) *running {
	t.Helper()
	r := &running{t: t, log: newJournal(), hold: newHold(), offset: &atomic.Int64{}}
	s := setup{
		store:    store.Config{Offset: func() time.Duration { return time.Duration(r.offset.Load()) }},
		wrap:     func(s store.Store) store.Store { return s },
		executor: execution.Config{Light: execution.LaneConfig{Slots: 64, Queue: 64}, CPU: execution.LaneConfig{Slots: 2, Queue: 8}},
		hub:      watch.New,
	}
	for _, o := range options {
		o(&s)
	}
	opened, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "toolpit.db"), s.store)
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	r.store = s.wrap(opened)
	registry, err := r.registry()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(r.log)
	replica := tools.Replica{ID: "rep_test", Version: "0.1.0", StartedAt: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	executor := execution.New(s.executor)
	s.server.Engine = tools.NewEngine(tools.EngineConfig{Registry: registry, Store: r.store, Replica: replica, Log: log, Load: executor})
	s.server.Executor, s.server.Store, s.server.Replica = executor, r.store, replica
	s.server.Watch = newHub(t, s.hub(watch.Config{Source: r.store, Log: log}))
	if s.server.Log == nil {
		s.server.Log = log
	}
	if r.handler, err = server.New(s.server); err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewUnstartedServer(r.handler)
	listener.Config = server.HTTPServer(r.handler, log)
	listener.Start()
	t.Cleanup(listener.Close)
	r.url = listener.URL
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	r.client = &http.Client{Transport: newContract(t, transport), CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return r
}

// newHub runs a hub until the end of the test.
func newHub(t testing.TB, hub *watch.Hub) *watch.Hub {
	var listening sync.WaitGroup
	listening.Go(func() { hub.Run(t.Context()) })
	t.Cleanup(func() {
		listening.Wait()
		if err := hub.Close(); err != nil {
			t.Errorf("closing the hub: %v", err)
		}
	})
	return hub
}

// registry holds the tools of the service.
func (r *running) registry() (*tools.Registry, error) {
	return tools.NewRegistry(basic.Tools(), session.Tools(), variable.Tools(), binary.Tools(), testTools(r.hold))
}

// answer is a response, read to its end.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

// call sends a request. header is a list of names and values; a body that is
// not empty goes as JSON unless the list says otherwise.
func (r *running) call(method, path, body string, header ...string) *answer {
	r.t.Helper()
	return r.send(r.request(method, path, body, header...))
}

func (r *running) request(method, path, body string, header ...string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i+1] == "" {
			req.Header.Del(header[i])
		} else {
			req.Header.Set(header[i], header[i+1])
		}
	}
	return req
}

func (r *running) send(req *http.Request) *answer {
	r.t.Helper()
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	return &answer{t: r.t, status: res.StatusCode, header: res.Header, body: content}
}

// pages returns the pages of a list, from one link to the next.
func (r *running) pages(path string) (pages []*answer) {
	r.t.Helper()
	const tooMany = 100
	for path != "" {
		if len(pages) == tooMany {
			r.t.Fatalf("there are more than %d pages", tooMany)
		}
		a := r.call("GET", path, "").wants(http.StatusOK)
		pages = append(pages, a)
		link := a.header.Get("Link")
		if cursor := a.raw("next_cursor"); (link == "") != (cursor == "") {
			r.t.Errorf("Link %q beside the cursor %s", link, cursor)
		}
		path = strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	}
	return pages
}

// items returns a member of each item of a list.
func (a *answer) items(member string) (values []string) {
	a.t.Helper()
	var items []map[string]any
	if err := json.Unmarshal([]byte(a.raw("items")), &items); err != nil {
		a.t.Fatalf("items: %v: %s", err, a.body)
	}
	for _, item := range items {
		values = append(values, fmt.Sprint(item[member]))
	}
	return values
}

// session creates a session of that id.
func (r *running) session(id string) {
	r.t.Helper()
	r.call("POST", "/sessions", `{"id":"`+id+`"}`).wants(http.StatusCreated)
}

// counter reads a session's counter.
func (r *running) counter(id string) string {
	r.t.Helper()
	a := r.call("POST", "/sessions/"+id+"/execute", `{"tool":"get_counter"}`).wants(http.StatusOK)
	return a.raw("result", "value")
}

// wants fails the test for another status.
func (a *answer) wants(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// refused fails the test unless the answer is a problem of that status and
// code.
func (a *answer) refused(status int, code string) *answer {
	a.t.Helper()
	a.wants(status)
	if got := a.text("code"); got != code {
		a.t.Fatalf("code %s, want %s: %s", got, code, a.body)
	}
	return a
}

// raw returns a member of the body as it was sent, "" when there is none.
func (a *answer) raw(path ...string) string {
	a.t.Helper()
	value := json.RawMessage(a.body)
	for _, name := range path {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(value, &object); err != nil {
			a.t.Fatalf("%v is no object: %s", path, a.body)
		}
		value = object[name]
	}
	return string(value)
}

// text returns a member that is a string.
func (a *answer) text(path ...string) string {
	a.t.Helper()
	var s string
	if err := json.Unmarshal([]byte(a.raw(path...)), &s); err != nil {
		a.t.Fatalf("%v is no string: %s", path, a.body)
	}
	return s
}

// pointers lists what the violations of a problem point at, in order.
func (a *answer) pointers() string {
	a.t.Helper()
	var p struct {
		Errors []struct{ Pointer, Code string }
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		a.t.Fatal(err)
	}
	var list []string
	for _, v := range p.Errors {
		list = append(list, v.Pointer+" "+v.Code)
	}
	return strings.Join(list, ", ")
}

// with changes the service's configuration.
func with(change func(*server.Config)) func(*setup) {
	return func(s *setup) { change(&s.server) }
}

// wrapped puts something between the service and its store.
func wrapped(wrap func(store.Store) store.Store) func(*setup) {
	return func(s *setup) { s.wrap = wrap }
}

// journal keeps the lines of the log. The line of a request is written when
// its answer has been sent, so a test waits for it.
type journal struct {
	mu    sync.Mutex
	lines []map[string]any
	more  chan struct{} // closed and replaced when a line comes
}

func newJournal() *journal { return &journal{more: make(chan struct{})} }

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }

func (j *journal) Handle(ctx context.Context, record slog.Record) error {
	var text bytes.Buffer
	if err := slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}).Handle(ctx, record); err != nil {
		return err
	}
	var line map[string]any
	if err := json.Unmarshal(text.Bytes(), &line); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	close(j.more)
	j.more = make(chan struct{})
	return nil
}

// The attributes of a derived logger are of no interest to the tests.
func (j *journal) WithAttrs([]slog.Attr) slog.Handler { return j }

func (j *journal) WithGroup(string) slog.Handler { return j }

// of waits for the line of a request.
func (j *journal) of(t testing.TB, requestID string) map[string]any {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		j.mu.Lock()
		for _, line := range j.lines {
			if line["msg"] == "request" && line["request_id"] == requestID {
				j.mu.Unlock()
				return line
			}
		}
		more := j.more
		j.mu.Unlock()
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("the log has no line of the request %s", requestID)
		}
	}
}

// all returns every line so far.
func (j *journal) all() []map[string]any {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]map[string]any(nil), j.lines...)
}
