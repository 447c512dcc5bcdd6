package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"toolpit/internal/server"
	"toolpit/internal/store"
)

// countingReads is a store that counts reads in parts, and what they returned at most.
type countingReads struct {
	store.Store

	reads   atomic.Int64
	largest atomic.Int64
	during  func(n int64) // called before the n-th read; nil: nothing is
}

func (c *countingReads) Read(context.Context, store.Ref, ...string) (store.Snapshot, error) {
	return store.Snapshot{}, errors.New("a read without a bound")
}

func (c *countingReads) ReadPart(ctx context.Context, ref store.Ref, bytes int64, names ...string) (store.Snapshot, error) {
	if n := c.reads.Add(1); c.during != nil {
		c.during(n)
	}
	got, err := c.Store.ReadPart(ctx, ref, bytes, names...)
	size := int64(0)
	for _, v := range got.Variables {
		size += v.Size()
	}
	for old := c.largest.Load(); old < size && !c.largest.CompareAndSwap(old, size); old = c.largest.Load() {
	}
	return got, err
}

const largeValue = 250_000

// large starts a service whose session has n variables of that size.
func large(t *testing.T, c *countingReads, n int, change ...func(*setup)) *running {
	t.Helper()
	s := inSession(t, append(change, wrapped(func(s store.Store) store.Store { c.Store = s; return c }),
		with(func(cfg *server.Config) { cfg.Log = slog.New(slog.DiscardHandler) }))...)
	for i := range n {
		putLarge(t, c, fmt.Sprint("n", i), largeValue)
	}
	c.reads.Store(0)
	return s
}

// putLarge writes a variable of a size. Sending them over HTTP would
// take most of the time of a test.
func putLarge(t *testing.T, c *countingReads, name string, size int) {
	t.Helper()
	content := store.Content{JSON: []byte(`"` + strings.Repeat("x", size) + `"`)}
	unit := store.Unit{Write: store.Write{Token: store.MintToken(time.Now())}, Ops: []store.Op{store.PutContent(name, content)}}
	if _, err := c.Apply(t.Context(), store.Ref{Owner: "default", ID: "demo"}, unit); err != nil {
		t.Fatal(err)
	}
}

// ask asks for a large batch, and returns the answer without a look at the
// contract, which takes seconds for such bodies.
func ask(s *running, n int) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, batch, strings.NewReader(largeBatch(n)))
	req.Header.Set("Content-Type", "application/json")
	s.handler.ServeHTTP(w, req)
	return w
}

// wantAll requires that an answer has all the variables.
func wantAll(t *testing.T, body []byte, n int) {
	t.Helper()
	var got struct {
		Found   map[string]struct{ Value string }
		Missing []string
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Found) != n || len(got.Missing) != 1 || got.Missing[0] != "none" {
		t.Fatalf("%d found, missing %v", len(got.Found), got.Missing)
	}
	for name, v := range got.Found {
		if len(v.Value) != largeValue {
			t.Errorf("%s has %d bytes", name, len(v.Value))
		}
	}
}

// largeBatch asks for all of them, and for one that is not there.
func largeBatch(n int) string { return `{"get":[` + names(n) + `,"none"]}` }

func TestBatchGetReadsLargeValuesInParts(t *testing.T) {
	const n = 40
	c := &countingReads{}
	s := large(t, c, n)
	wantAll(t, ask(s, n).Body.Bytes(), n)
	if reads, most := c.reads.Load(), c.largest.Load(); reads < 8 || most > store.PageBytes+largeValue {
		t.Errorf("%d reads, of which one returned %d bytes", reads, most)
	}
	c.reads.Store(0)
	s.call("POST", batch, `{"get":["n1","n2","n3"]}`).wants(200)
	if n := c.reads.Load(); n != 1 {
		t.Errorf("a small batch took %d reads", n)
	}
}

// TestBatchGetIsOfOneInstant changes two variables, always together, between the
// parts of a read.
func TestBatchGetIsOfOneInstant(t *testing.T) {
	const n = 10
	for _, changes := range []int64{0, 2, 1 << 30} {
		c := &countingReads{}
		s := large(t, c, n)
		versions := int64(1)
		first, last := "n0", fmt.Sprintf("n%d", n-1)
		c.during = func(n int64) {
			if n == 1 || versions > changes {
				return
			}
			versions++
			put := func(name string) store.Op {
				return store.PutContent(name, store.Content{JSON: []byte(`"` + strings.Repeat("y", largeValue) + `"`)})
			}
			if _, err := c.Apply(t.Context(), store.Ref{Owner: "default", ID: "demo"}, store.Unit{
				Write: store.Write{Token: store.MintToken(time.Now())}, Ops: []store.Op{put(first), put(last)},
			}); err != nil {
				t.Error(err)
			}
		}
		a := s.call("POST", batch, largeBatch(n)).wants(200)
		wantAll(t, a.body, n)
		if x, y := a.raw("found", first, "version"), a.raw("found", last, "version"); x != y {
			t.Errorf("with %d changes, %s is of version %s and %s of version %s", changes, first, x, last, y)
		}
		if changes > 0 && versions < 2 {
			t.Error("nothing changed")
		}
	}
}

// TestBatchGetsWaitForMemory has many callers who do not read ask for 16 MB
// each. What the store is asked for is held by as many as there is memory for.
func TestBatchGetsWaitForMemory(t *testing.T) {
	const n = 64
	const callers, memory = 5, server.LeastTensorMemory
	c := &countingReads{}
	s := large(t, c, n, func(s *setup) { s.server.Limits.TensorMemory = memory })
	alone := func() int64 {
		c.reads.Store(0)
		ask(s, n)
		return c.reads.Load()
	}()
	c.reads.Store(0)
	free, wait := make(chan struct{}), make(chan struct{}, callers)
	var all sync.WaitGroup
	answers := make([]*stalling, callers)
	for i := range answers {
		answers[i] = &stalling{ResponseRecorder: httptest.NewRecorder(), stalls: wait, on: free}
		all.Go(func() {
			req := httptest.NewRequest(http.MethodPost, batch, bytes.NewReader([]byte(largeBatch(n))))
			req.Header.Set("Content-Type", "application/json")
			s.handler.ServeHTTP(answers[i], req)
		})
	}
	<-wait
	<-wait // two of them write, and the others have no room
	if n := c.reads.Load(); n > 2*alone+callers-2 {
		t.Errorf("%d reads, want those of two answers and the first of the others: one takes %d", n, alone)
	}
	close(free)
	all.Wait()
	answered := 0
	for _, a := range answers {
		switch a.Code {
		case http.StatusOK:
			wantAll(t, a.Body.Bytes(), n)
			answered++
		case http.StatusServiceUnavailable: // waited for too long, on a busy machine
		default:
			t.Errorf("status %d: %s", a.Code, a.Body)
		}
	}
	if answered < 2 {
		t.Errorf("%d answers", answered)
	}
}

// stalling is a ResponseWriter that tells of its first write, and waits there.
type stalling struct {
	*httptest.ResponseRecorder
	stalls chan<- struct{}
	on     <-chan struct{}
	once   sync.Once
}

func (s *stalling) Write(p []byte) (int, error) {
	s.once.Do(func() { s.stalls <- struct{}{}; <-s.on })
	return s.ResponseRecorder.Write(p)
}

func TestBatchGetIsRefusedWhenItNeverFits(t *testing.T) {
	const n = server.LeastTensorMemory/largeValue + 1
	c := &countingReads{}
	s := large(t, c, store.MaxOps-1, func(s *setup) {
		s.server.Limits.TensorMemory, s.store.Limits.ValueBytes = server.LeastTensorMemory, 1<<20
	})
	for i := range n - (store.MaxOps - 1) {
		putLarge(t, c, fmt.Sprint("n", i), 2*largeValue)
	}
	a := s.call("POST", batch, largeBatch(store.MaxOps-1)).refused(413, "VALUE_TOO_LARGE")
	if a.pointers() != "/get VALUE_TOO_LARGE" {
		t.Errorf("pointers %s", a.pointers())
	}
	if n := c.reads.Load(); n != 1 {
		t.Errorf("%d reads", n)
	}
}
