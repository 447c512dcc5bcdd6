package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/server"
	"toolpit/internal/store"
	"toolpit/internal/watch"
)

// streamed is an event as a client of server-sent events reads it.
type streamed struct {
	id, kind string
	data     map[string]any
}

// String says what tests compare.
func (e streamed) String() string {
	s := e.kind
	if e.id != "" {
		s = e.id + " " + s
	}
	for _, member := range []string{"name", "version", "reason", "from", "to", "superseded"} {
		if v, ok := e.data[member]; ok {
			s += fmt.Sprintf(" %s=%v", member, v)
		}
	}
	if v, ok := e.data["variable"].(map[string]any); ok {
		if tensor, ok := v["tensor"]; ok {
			return s + fmt.Sprintf(" tensor=%t", tensor != nil)
		}
		return s + fmt.Sprintf(" value=%v", v["value"])
	}
	return s
}

// reader reads a stream of events.
type reader struct {
	t      testing.TB
	body   io.ReadCloser
	lines  *bufio.Scanner
	lastID string // its number
	log    string // what all ids have behind it
}

// takeID takes an id apart. What is behind the number is that of the session.
func (w *reader) takeID(id string) {
	w.t.Helper()
	number, log, _ := strings.Cut(id, "-")
	if len(log) != 8 || w.log != "" && w.log != log {
		w.t.Errorf("the id is %q, after one that ends with %q", id, w.log)
	}
	w.lastID, w.log = number, log
}

// watch opens a stream, which must be answered 200.
func (r *running) watch(path string, header ...string) *reader {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) // so that a test that waits in vain ends
	r.t.Cleanup(cancel)
	res, err := r.client.Do(r.request("GET", path, "", append([]string{"Accept", "text/event-stream"}, header...)...).WithContext(ctx))
	if err != nil {
		r.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(res.Body)
		r.t.Fatalf("%s: status %d: %s", path, res.StatusCode, body)
	}
	w := &reader{t: r.t, body: res.Body, lines: bufio.NewScanner(res.Body)}
	w.lines.Buffer(nil, 1<<20)
	r.t.Cleanup(w.close)
	return w
}

func (w *reader) close() { _ = w.body.Close() }

// next returns the next event that has a kind; ok is false at the end.
func (w *reader) next() (e streamed, ok bool) {
	for w.lines.Scan() {
		name, value, _ := strings.Cut(w.lines.Text(), ": ")
		switch name {
		case "id":
			w.takeID(value)
			e.id = w.lastID
		case "event":
			e.kind = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e.data); err != nil {
				w.t.Errorf("data %s: %v", value, err)
			}
		case "":
			if e.kind != "" {
				return e, true
			}
			e = streamed{}
		}
	}
	return e, false
}

// tells fails unless those are the next events.
func (w *reader) tells(want ...string) {
	w.t.Helper()
	if len(want) == 0 {
		return
	}
	got := []string{}
	for range want {
		e, ok := w.next()
		if !ok {
			w.t.Errorf("the stream ended: %v", w.lines.Err())
			break
		}
		got = append(got, e.String())
	}
	if d := cmp.Diff(want, got); d != "" {
		w.t.Fatalf("(-want +got):\n%s", d)
	}
}

// ends fails unless the stream ends now.
func (w *reader) ends() {
	w.t.Helper()
	if e, ok := w.next(); ok {
		w.t.Errorf("there is one more event: %s", e)
	}
}

func (r *running) put(session, name, value string) {
	r.t.Helper()
	if a := r.call("PUT", "/sessions/"+session+"/variables/"+name, `{"value":`+value+`}`); a.status != 200 && a.status != 201 {
		r.t.Fatalf("PUT %s: %d %s", name, a.status, a.body)
	}
}

func TestWatchTellsWhatHappens(t *testing.T) {
	s := start(t)
	s.session("demo")
	s.put("demo", "before", "1")
	w := s.watch("/sessions/demo/watch")
	s.put("demo", "x", "1")
	s.put("demo", "x", "2")
	s.call("PATCH", "/sessions/demo/variables/x", `{"constraints":{"min":0}}`).wants(200)
	s.call("POST", "/sessions/demo/variables/x/rollback", `{"version":1}`).wants(200)
	s.call("PUT", "/sessions/demo/variables/x/lock", `{"ttl_seconds":60,"token":"mine"}`).wants(200)
	s.call("DELETE", "/sessions/demo/variables/x/lock", "", "X-Lock-Token", "mine").wants(204)
	s.call("DELETE", "/sessions/demo/variables/x", "").wants(204)
	s.call("POST", "/sessions/demo/variables:batch", `{"set":{"a":{"value":1},"b":{"value":"two"}},"atomic":true}`).wants(200)
	var kinds []string
	for range 9 {
		e, ok := w.next()
		if !ok {
			t.Fatal("the stream ended")
		}
		kinds = append(kinds, e.id+" "+e.kind)
	}
	if d := cmp.Diff([]string{
		"2 registered", "3 value_change", "4 constraint_change", "5 rollback", "6 locked", "7 unlocked", "8 deleted", " registered", "9 registered",
	}, kinds); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	s.put("demo", "b", `"three"`)
	e, _ := w.next()
	if got := s.call("GET", "/sessions/demo/variables/b", ""); !sameJSON(t, got.body, e.data["variable"]) {
		t.Errorf("the variable is %v, GET says %s", e.data["variable"], got.body)
	}
	if e.data["updated_by"] != "http" || e.data["at"] == nil || e.data["seq"] != 10.0 {
		t.Errorf("%v", e.data)
	}
	s.call("DELETE", "/sessions/demo", "").wants(204)
	w.tells("session_closed reason=deleted")
	w.ends()
}

func sameJSON(t *testing.T, text []byte, value any) bool {
	t.Helper()
	var other any
	if err := json.Unmarshal(text, &other); err != nil {
		t.Fatal(err)
	}
	return cmp.Equal(other, value)
}

func TestWatchResumes(t *testing.T) {
	s := start(t)
	s.session("demo")
	for i := range 4 {
		s.put("demo", "x", strconv.Itoa(i))
	}
	s.call("POST", "/sessions/demo/variables:batch", `{"set":{"a":{"value":1},"b":{"value":2},"c":{"value":3}},"atomic":true}`).wants(200)
	all := []string{
		"1 registered name=x version=1 superseded=true", "2 value_change name=x version=2 superseded=true",
		"3 value_change name=x version=3 superseded=true", "4 value_change name=x version=4 value=3",
	}
	first := s.watch("/sessions/demo/watch?after=0")
	first.tells(all...)
	batch := map[string]bool{}
	for i := range 3 {
		e, _ := first.next()
		batch[fmt.Sprint(e.data["name"])] = true
		if (e.id != "") != (i == 2) {
			t.Errorf("item %d of a change has the id %q", i, e.id)
		}
	}
	if len(batch) != 3 {
		t.Errorf("the change has the items %v", batch)
	}
	other := another(t, s)
	for after := range 5 {
		for _, w := range []*reader{
			other.watch("/sessions/demo/watch", "Last-Event-ID", strconv.Itoa(after)),
			other.watch("/sessions/demo/watch?after=" + strconv.Itoa(after)),
			other.watch("/sessions/demo/watch?after=0", "Last-Event-ID", strconv.Itoa(after)),
		} {
			w.tells(all[after:]...)
			w.next()
			w.next()
			if e, _ := w.next(); e.id != "5" {
				t.Errorf("after %d the last id is %q", after, e.id)
			}
			w.close()
		}
	}
	w := other.watch("/sessions/demo/watch?after=9") // of an earlier session
	w.tells("5 gap from=10 to=5")
	s.put("demo", "x", "9")
	w.tells("6 value_change name=x version=5 value=9")
}

// TestWatchOfAnEarlierSession resumes in a session that was created again under
// its id and has come further since.
func TestWatchOfAnEarlierSession(t *testing.T) {
	s := start(t)
	s.session("demo")
	for range 11 {
		s.put("demo", "x", "1")
	}
	first := s.watch("/sessions/demo/watch?after=10")
	first.next()
	id := first.lastID + "-" + first.log
	s.call("DELETE", "/sessions/demo", "").wants(204)
	s.session("demo")
	want := []string{"gap from=12 to=0"}
	for i := range 14 {
		name := fmt.Sprint("y", i)
		s.put("demo", name, "2")
		want = append(want, fmt.Sprintf("%d registered name=%s version=1 value=2", i+1, name))
	}
	other := another(t, s)
	for _, w := range []*reader{
		other.watch("/sessions/demo/watch", "Last-Event-ID", id),
		other.watch("/sessions/demo/watch?after=" + id),
		other.watch("/sessions/demo/watch?after=11", "Last-Event-ID", id),
	} {
		w.tells(want...)
		if w.log == first.log {
			t.Errorf("the ids are still of %s", w.log)
		}
		again := other.watch("/sessions/demo/watch?after=20", "Last-Event-ID", "13-"+w.log) // a later log than the address knows
		again.tells(want[14])
	}
	other.watch("/sessions/demo/watch?after=13").tells(want[14]) // a number alone is one of the present session
}

// another is a second service on the same store.
func another(t *testing.T, s *running) *running {
	t.Helper()
	return start(t, wrapped(func(own store.Store) store.Store { return borrowed{s.store, own} }))
}

// borrowed is the store of another service; only its own is closed.
type borrowed struct {
	store.Store

	own store.Store
}

func (b borrowed) Close() error { return b.own.Close() }

func TestWatchSnapshot(t *testing.T) {
	s := start(t)
	s.session("demo")
	s.watch("/sessions/demo/watch?include_initial=true") // of nothing
	for i := range 70 {                                  // more than one part
		s.put("demo", fmt.Sprintf("v%02d", i), strconv.Itoa(i))
	}
	w := s.watch("/sessions/demo/watch?include_initial=true")
	for i := range 70 {
		e, _ := w.next()
		want := fmt.Sprintf("initial name=v%02d version=1 value=%d", i, i)
		if i == 69 {
			want = "70 " + want
		}
		if e.String() != want {
			t.Fatalf("%s, want %s", e, want)
		}
	}
	s.put("demo", "v03", "100")
	w.tells("71 value_change name=v03 version=2 value=100")

	w = s.watch("/sessions/demo/watch?include_initial=true&names=v05,none,v01")
	w.tells("initial name=v01 version=1 value=1", "71 initial name=v05 version=1 value=5")
	s.put("demo", "v02", "0")
	s.put("demo", "v01", "0")
	w.tells("73 value_change name=v01 version=2 value=0")

	w = s.watch("/sessions/demo/watch?include_initial=true", "Last-Event-ID", "72") // came back
	w.tells("73 value_change name=v01 version=2 value=0")
}

func TestWatchMovesOverWhatDoesNotConcern(t *testing.T) {
	s := start(t)
	s.session("demo")
	w := s.watch("/sessions/demo/watch?names=x,y")
	for range 3 {
		s.put("demo", "z", "1")
	}
	for w.lastID != "3" {
		if !w.lines.Scan() {
			t.Fatal("the stream ended")
		}
		if id, ok := strings.CutPrefix(w.lines.Text(), "id: "); ok {
			w.takeID(id)
		}
	}
	s.put("demo", "y", "1")
	w.tells("4 registered name=y version=1 value=1")
}

func TestWatchAsObjects(t *testing.T) {
	s := start(t)
	s.session("demo")
	s.put("demo", "x", "1")
	s.put("demo", "x", "2")
	w := s.watch("/sessions/demo/watch?after=1", "Accept", "application/x-ndjson, text/event-stream;q=0.5")
	if !w.lines.Scan() {
		t.Fatal("nothing came")
	}
	var e struct {
		ID    string
		Event string
		Data  struct{ Seq, Version int64 }
	}
	if err := json.Unmarshal(w.lines.Bytes(), &e); err != nil || !strings.HasPrefix(e.ID, "2-") || len(e.ID) != 10 || e.Event != "value_change" || e.Data.Version != 2 {
		t.Errorf("%s: %v", w.lines.Bytes(), err)
	}
}

func TestWatchIsRefused(t *testing.T) {
	s := start(t)
	s.session("demo")
	for _, test := range []struct {
		path, header, value string
		status              int
		code                string
	}{
		{path: "none/watch", status: 404, code: "SESSION_NOT_FOUND"},
		{path: "-/watch", status: 400, code: "INVALID_REQUEST"},
		{path: "demo/watch", header: "Accept", value: "application/json", status: 406, code: "NOT_ACCEPTABLE"},
		{path: "demo/watch", header: "Accept", value: "text/event-stream;q=0", status: 406, code: "NOT_ACCEPTABLE"},
		{path: "demo/watch?names=", status: 400, code: "INVALID_REQUEST"},
		{path: "demo/watch?names=a,,b", status: 400, code: "INVALID_REQUEST"},
		{path: "demo/watch?names=a&names=b", status: 400, code: "INVALID_REQUEST"},
		{path: "demo/watch?names=v" + strings.Join(manyNames(129), ",v"), status: 400, code: "INVALID_REQUEST"},
		{path: "demo/watch?include_initial=1", status: 400, code: "INVALID_REQUEST"},
		{path: "demo/watch?include_initial=true&after=1", status: 400, code: "INVALID_REQUEST"},
		{path: "demo/watch?after=-1", status: 400, code: "INVALID_REQUEST"},
		{path: "demo/watch?after=5", header: "Last-Event-ID", value: "4", status: 400, code: "INVALID_REQUEST"},
		{path: "demo/watch", header: "Last-Event-ID", value: "x", status: 400, code: "INVALID_REQUEST"},
		{path: "demo/watch", header: "Last-Event-ID", value: "4-x", status: 400, code: "INVALID_REQUEST"},
	} {
		header := []string{"X-None", "1"}
		if test.header != "" {
			header = []string{test.header, test.value}
		}
		s.call("GET", "/sessions/"+test.path, "", header...).refused(test.status, test.code)
	}
	head := s.call("HEAD", "/sessions/demo/watch", "").wants(200)
	if got := head.header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("Content-Type %q", got)
	}
	s.watch("/sessions/demo/watch?names=v" + strings.Join(manyNames(128), ",v"))
	s.offset.Store(int64(90 * time.Minute))
	s.call("GET", "/sessions/demo/watch", "").refused(410, "SESSION_EXPIRED")
}

func manyNames(n int) []string {
	var names []string
	for i := range n {
		names = append(names, strconv.Itoa(i))
	}
	return names
}

func TestWatchPlaces(t *testing.T) {
	var hub *watch.Hub
	s := start(t, with(func(c *server.Config) { c.Streams = t.Context() }), func(u *setup) {
		u.hub = func(c watch.Config) *watch.Hub { c.Watchers = 2; hub = watch.New(c); return hub }
	})
	s.session("demo")
	first, _ := s.watch("/sessions/demo/watch"), s.watch("/sessions/demo/watch")
	if a := s.call("GET", "/sessions/demo/watch", "").refused(503, "POOL_SATURATED"); a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.call("HEAD", "/sessions/demo/watch", "").wants(503)
	first.close()
	for s.call("HEAD", "/sessions/demo/watch", "").status != 200 { // until it has been noticed
	}
}

func TestWatchExpires(t *testing.T) {
	s := start(t)
	s.call("POST", "/sessions", `{"id":"demo","ttl_seconds":600}`).wants(201)
	w := s.watch("/sessions/demo/watch")
	s.offset.Store(int64(545 * time.Second))
	w.tells("session_expiring")
	s.call("POST", "/sessions/demo/touch", "").wants(200)
	s.offset.Add(int64(545 * time.Second))
	w.tells("session_expiring")
	s.offset.Add(int64(60 * time.Second))
	w.tells("session_closed reason=expired")
	w.ends()
}

func TestWatchEndsWhenTheReplicaDrains(t *testing.T) {
	ctx, drain := context.WithCancel(t.Context())
	s := start(t, with(func(c *server.Config) { c.Streams = ctx }))
	s.session("demo")
	w := s.watch("/sessions/demo/watch")
	drain()
	w.ends()
	if err := w.lines.Err(); err != nil {
		t.Errorf("the stream was cut off: %v", err)
	}
}

// deaf is a store that can be listened to only after a while.
type deaf struct {
	store.Store

	failures atomic.Int64
}

func (d *deaf) Listen(ctx context.Context, ring func(store.Ref)) error {
	if d.failures.Add(1) < 4 {
		return errors.New("the connection broke")
	}
	return d.Store.Listen(ctx, ring)
}

func TestWatchWithoutBell(t *testing.T) {
	s := start(t, wrapped(func(s store.Store) store.Store { return &deaf{Store: s} }))
	s.session("demo")
	w := s.watch("/sessions/demo/watch")
	for i := range 5 {
		s.put("demo", "x", strconv.Itoa(i))
	}
	for i := range 5 {
		if e, ok := w.next(); !ok || e.data["seq"] != float64(i+1) {
			t.Fatalf("%s, want %d", e, i+1)
		}
	}
}

func TestCrowdOfWatchers(t *testing.T) {
	const watchers, changes = 1000, 60
	s := start(t)
	s.session("demo")
	url := s.url + "/sessions/demo/watch"
	var ready, done sync.WaitGroup
	ready.Add(watchers)
	opening := make(chan struct{}, 16) // the store has a second for each, however busy the machine
	for range watchers {
		done.Go(func() {
			opening <- struct{}{}
			w := newCollector(changes, func() { <-opening; ready.Done() })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			w.stop = cancel
			s.handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", url, http.NoBody))
			for i, seq := range w.seen {
				if seq != i+1 {
					t.Errorf("event %d has the number %d", i+1, seq)
					return
				}
			}
			if len(w.seen) != changes || w.status != http.StatusOK {
				t.Errorf("status %d with %d events, want %d", w.status, len(w.seen), changes)
			}
		})
	}
	ready.Wait()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := range changes {
		<-tick.C
		s.put("demo", "x", strconv.Itoa(i))
	}
	done.Wait()
}

// collector is a client in the process: it notes the ids of events and leaves
// when it has enough.
type collector struct {
	header http.Header
	opened func()
	stop   context.CancelFunc
	want   int
	status int
	seen   []int
	rest   []byte
}

func newCollector(want int, opened func()) *collector {
	return &collector{header: http.Header{}, opened: opened, want: want}
}

func (c *collector) Header() http.Header { return c.header }

func (c *collector) WriteHeader(status int) {
	c.status = status
	c.opened()
}

func (c *collector) Flush() {}

func (c *collector) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	for {
		line, rest, ok := strings.Cut(string(c.rest), "\n")
		if !ok {
			break
		}
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			number, _, _ := strings.Cut(id, "-")
			n, err := strconv.Atoi(number)
			if err != nil {
				return 0, err
			}
			c.seen = append(c.seen, n)
		}
		c.rest = []byte(rest)
	}
	if len(c.seen) >= c.want {
		c.stop()
	}
	return len(p), nil
}
