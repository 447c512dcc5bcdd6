package watch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/watch"
)

// within runs a test in virtual time with a hub on a source.
func within(t *testing.T, test func(t *testing.T, s *source, h *watch.Hub), options ...func(*watch.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		cfg := watch.Config{Source: s, Log: slog.New(slog.DiscardHandler)}
		for _, o := range options {
			o(&cfg)
		}
		h := watch.New(cfg)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.Run(ctx)
		}()
		synctest.Wait()
		test(t, s, h)
		cancel()
		<-done
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

func begin(t *testing.T, h *watch.Hub, after *int64) *watch.Watch {
	t.Helper()
	if after == nil {
		return resume(t, h, nil)
	}
	return resume(t, h, &watch.Position{Seq: *after})
}

func resume(t *testing.T, h *watch.Hub, after *watch.Position) *watch.Watch {
	t.Helper()
	w, err := h.Watch(t.Context(), ref, after)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// told writes a batch down.
func told(b watch.Batch) []string {
	var lines []string
	if b.Gap != nil {
		lines = append(lines, fmt.Sprintf("gap %d-%d", b.Gap.From, b.Gap.To))
	}
	for _, e := range b.Entries {
		for _, one := range e.Texts(text) {
			lines = append(lines, string(one))
		}
	}
	if !b.Expiring.IsZero() {
		lines = append(lines, "expiring")
	}
	if b.Closed != "" {
		lines = append(lines, "closed "+string(b.Closed))
	}
	return lines
}

// soon returns what a watch tells until nothing has come for a while.
func soon(t *testing.T, w *watch.Watch, while time.Duration) []string {
	t.Helper()
	var all []string
	for {
		ctx, cancel := context.WithTimeout(t.Context(), while)
		b, err := w.Next(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, told(b)...)
		if b.Closed != "" {
			return all
		}
	}
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestWatchBeginsWhereItWasTold(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		s.put("x")
		s.put("x", "y")
		now, beginning := begin(t, h, nil), begin(t, h, new(int64(0)))
		defer now.Close()
		defer beginning.Close()
		if now.Position() != 2 {
			t.Errorf("the watch begins at %d", now.Position())
		}
		s.put("y")
		expect(t, soon(t, now, 10*time.Millisecond), "3 v y 2=3")
		expect(t, soon(t, beginning, 10*time.Millisecond), "1 r x 1=superseded", "2 v x 2=2", "2 r y 1=superseded", "3 v y 2=3")
		if beginning.Position() != 3 {
			t.Errorf("the watch is at %d", beginning.Position())
		}
	})
}

func TestWhoeverHasEverythingReadsNothing(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		const watchers, changes = 1000, 60
		results := make([][]string, watchers)
		var group sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		for i := range watchers {
			w := begin(t, h, nil)
			group.Go(func() {
				defer w.Close()
				for {
					b, err := w.Next(ctx)
					if err != nil {
						return
					}
					results[i] = append(results[i], told(b)...)
				}
			})
		}
		joined := s.follows
		var want []string
		for i := range changes {
			s.put("x")
			want = append(want, fmt.Sprintf("%d %c x %d=%d", i+1, map[bool]store.ChangeKind{true: store.Registered, false: store.ValueChanged}[i == 0], i+1, i+1))
			<-time.After(50 * time.Millisecond)
		}
		cancel()
		group.Wait()
		for i := range watchers {
			if d := cmp.Diff(want, results[i]); d != "" {
				t.Fatalf("watcher %d (-want +got):\n%s", i, d)
			}
		}
		if s.reads > changes || s.follows-joined > 3*changes {
			t.Errorf("%d reads and %d looks at the log for %d changes", s.reads, s.follows-joined, changes)
		}
	})
}

func TestReaderBehindReadsByItself(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		slow, other := begin(t, h, nil), begin(t, h, nil)
		defer slow.Close()
		defer other.Close()
		const changes = 5000
		for i := range changes {
			s.put("x")
			if i%100 == 0 {
				soon(t, other, 0)
			}
		}
		synctest.Wait()
		before := s.follows
		lines := soon(t, slow, 10*time.Millisecond)
		if len(lines) != changes || !strings.HasPrefix(lines[0], "1 r") || !strings.HasPrefix(lines[changes-1], "5000 v") {
			t.Fatalf("%d lines", len(lines))
		}
		if s.follows-before < 10 {
			t.Errorf("the log was read %d times; more was kept than is shared", s.follows-before)
		}
	})
}

func TestGaps(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		for range 10 {
			s.put("x")
		}
		s.first = 7
		for _, test := range []struct {
			after int64
			want  []string
		}{
			{0, []string{"gap 1-6", "7 v x 7=superseded", "8 v x 8=superseded", "9 v x 9=superseded", "10 v x 10=10"}},
			{6, []string{"7 v x 7=superseded", "8 v x 8=superseded", "9 v x 9=superseded", "10 v x 10=10"}},
			{8, []string{"9 v x 9=superseded", "10 v x 10=10"}},
			{10, nil},
			{15, []string{"gap 16-10"}},
		} {
			w := begin(t, h, &test.after)
			expect(t, soon(t, w, 10*time.Millisecond), test.want...)
			if w.Position() != 10 {
				t.Errorf("after %d the position is %d", test.after, w.Position())
			}
			w.Close()
		}
		s.first = 11 // nothing is left
		w := begin(t, h, new(int64(3)))
		expect(t, soon(t, w, 10*time.Millisecond), "gap 4-10")
		w.Close()
	})
}

func TestGapWhileTheStoreIsAway(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		w := begin(t, h, nil)
		defer w.Close()
		s.put("x")
		expect(t, soon(t, w, 10*time.Millisecond), "1 r x 1=1")
		s.change(func() { s.down = true })
		for range 9 {
			s.put("x")
		}
		expect(t, soon(t, w, 30*time.Second))
		s.change(func() { s.down, s.first = false, 9 })
		expect(t, soon(t, w, 3*time.Second), "gap 2-8", "9 v x 9=superseded", "10 v x 10=10")
	})
}

func TestNothingIsLostWhileTheStoreIsAway(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		follows, behind := begin(t, h, nil), begin(t, h, nil)
		defer follows.Close()
		defer behind.Close()
		for range 3000 {
			s.put("x")
		}
		if n := len(soon(t, follows, time.Second)); n != 3000 {
			t.Fatalf("%d lines", n)
		}
		s.change(func() { s.down = true })
		s.put("y")
		expect(t, soon(t, behind, time.Minute))
		s.change(func() { s.down = false })
		expect(t, soon(t, follows, 3*time.Second), "3001 r y 1=3001")
		if n := len(soon(t, behind, 3*time.Second)); n != 3001 {
			t.Errorf("%d lines", n)
		}
	})
}

func TestPollingReplacesTheBell(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		w := begin(t, h, nil)
		defer w.Close()
		s.change(func() { s.deaf = true; close(s.cut) })
		synctest.Wait()
		s.put("x")
		expect(t, soon(t, w, 2*time.Second), "1 r x 1=1")
		<-time.After(time.Minute)
		s.change(func() {
			s.deaf = false
			if s.listened < 5 || s.listened > 25 {
				t.Errorf("listened %d times in a minute", s.listened)
			}
		})
		<-time.After(6 * time.Second) // now it is listened to again
		s.put("x")
		expect(t, soon(t, w, 10*time.Millisecond), "2 v x 2=2")
	})
}

func TestEndOfTheSession(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*source)
		want []string
	}{
		{"deleted", func(s *source) { s.deleted = true }, []string{"closed deleted"}},
		{"created again", func(s *source) { s.epoch, s.changes = "b", nil }, []string{"closed deleted"}},
		{"created again and used", func(s *source) { s.epoch, s.changes = "b", append(s.changes, s.changes...) }, []string{"closed deleted"}},
		{"expired", func(s *source) { s.expires = time.Now() }, []string{"closed expired"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			within(t, func(t *testing.T, s *source, h *watch.Hub) {
				w, behind := begin(t, h, nil), begin(t, h, nil)
				defer w.Close()
				defer behind.Close()
				for range 2000 {
					s.put("x")
				}
				soon(t, w, 10*time.Millisecond)
				s.change(func() { test.end(s) })
				if _, err := behind.Next(t.Context()); err != nil { // reads by itself
					t.Error(err)
				}
				expect(t, soon(t, w, 3*time.Second), test.want...)
				expect(t, soon(t, w, 3*time.Second), test.want...) // and says so again
				expect(t, soon(t, behind, 3*time.Second), test.want...)
			})
		})
	}
}

func TestWatchOfASessionCreatedAgain(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		s.put("x")
		old := begin(t, h, nil)
		defer old.Close()
		synctest.Wait()
		s.change(func() { s.epoch, s.changes, s.now = "b", nil, map[string]store.Variable{} })
		fresh := begin(t, h, new(int64(0)))
		defer fresh.Close()
		s.put("z")
		s.put("z")
		expect(t, soon(t, fresh, 10*time.Millisecond), "1 r z 1=superseded", "2 v z 2=2")
		expect(t, soon(t, old, 3*time.Second), "closed deleted")
	})
}

func TestPositionOfAnEarlierSession(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		for range 14 {
			s.put("x")
		}
		first := begin(t, h, new(int64(0)))
		all := soon(t, first, 10*time.Millisecond)
		first.Close()
		for _, test := range []struct {
			after watch.Position
			want  []string
		}{
			{watch.Position{Seq: 11, Epoch: s.epoch}, all[11:]},
			{watch.Position{Seq: 11}, all[11:]},
			{watch.Position{Seq: 11, Epoch: "earlier"}, append([]string{"gap 12-0"}, all...)},
			{watch.Position{Seq: 20, Epoch: "earlier"}, append([]string{"gap 21-0"}, all...)},
			{watch.Position{Seq: 20, Epoch: s.epoch}, []string{"gap 21-14"}}, // the store has lost what it had
		} {
			w := resume(t, h, &test.after)
			expect(t, soon(t, w, 10*time.Millisecond), test.want...)
			if w.Position() != 14 || w.Epoch() != s.epoch {
				t.Errorf("after %v the position is %d of %s", test.after, w.Position(), w.Epoch())
			}
			w.Close()
		}
	})
}

func TestExpiring(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		s.change(func() { s.ttl, s.expires = 100*time.Second, time.Now().Add(100*time.Second) })
		w := begin(t, h, nil)
		defer w.Close()
		expect(t, soon(t, w, 85*time.Second))
		start := time.Now()
		b, err := w.Next(t.Context())
		if err != nil || b.Expiring.IsZero() || time.Since(start) > 6*time.Second || time.Until(b.Expiring) > 10*time.Second {
			t.Errorf("%+v, %v after %s", b, err, time.Since(start))
		}
		expect(t, soon(t, w, 5*time.Second)) // once
		late := begin(t, h, nil)
		expect(t, soon(t, late, 2*time.Second), "expiring")
		late.Close()
		s.change(func() { s.expires = time.Now().Add(100 * time.Second) })
		expect(t, soon(t, w, 85*time.Second))
		expect(t, soon(t, w, time.Minute), "expiring", "closed expired")
	})
}

func TestPlaces(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		first, second := begin(t, h, nil), begin(t, h, nil)
		if _, err := h.Watch(t.Context(), ref, nil); !errors.Is(err, fault.PoolSaturated) {
			t.Errorf("%v", err)
		}
		first.Close()
		first.Close() // counts once
		if _, err := h.Watch(t.Context(), store.Ref{Owner: "default", ID: "none"}, nil); !errors.Is(err, fault.SessionNotFound) {
			t.Errorf("%v", err) // and gives its place back
		}
		third := begin(t, h, nil)
		if _, err := h.Watch(t.Context(), ref, nil); !errors.Is(err, fault.PoolSaturated) {
			t.Errorf("%v", err)
		}
		second.Close()
		third.Close()
		synctest.Wait()
		looks := s.follows
		<-time.After(time.Minute)
		if s.follows != looks {
			t.Error("a session is followed that nobody watches")
		}
	}, func(c *watch.Config) { c.Watchers = 2 })
}

func TestCloseWakesWhoIsLeft(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		w := begin(t, h, nil)
		defer w.Close()
		err := make(chan error)
		go func() {
			_, e := w.Next(t.Context())
			err <- e
		}()
		synctest.Wait()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if e := <-err; !errors.Is(e, fault.PoolSaturated) {
			t.Errorf("%v", e)
		}
		if _, e := h.Watch(t.Context(), ref, nil); !errors.Is(e, fault.PoolSaturated) {
			t.Errorf("%v", e)
		}
	})
}

func TestChangesOfManyVariables(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		var names []string
		for i := range store.MaxOps {
			names = append(names, fmt.Sprintf("v%03d", i))
		}
		s.put(names...)
		s.put("a", "b")
		s.put(names...)
		w := begin(t, h, new(int64(0)))
		defer w.Close()
		lines := soon(t, w, 10*time.Millisecond)
		if len(lines) != 2*store.MaxOps+2 {
			t.Fatalf("%d lines", len(lines))
		}
		if want := "3 v v127 2=3"; lines[len(lines)-1] != want {
			t.Errorf("%s, want %s", lines[len(lines)-1], want)
		}
	})
}

// TestReaderBehindHoldsLittle has changes of large variables behind a reader.
func TestReaderBehindHoldsLittle(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		const size, changes, batch = 250_000, 60, 256 << 10
		s.padding = size
		var want []string
		for i := range changes {
			s.put(fmt.Sprintf("v%d", i))
			want = append(want, fmt.Sprintf("%d r v%d 1=%d", i+1, i, i+1))
		}
		w := begin(t, h, new(int64(0)))
		defer w.Close()
		synctest.Wait()
		var got []string
		for len(got) < changes {
			before := s.bytes
			b, err := w.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if read := s.bytes - before; read > batch+size+1000 || read < size {
				t.Fatalf("%d bytes were read for %d changes", read, len(b.Entries))
			}
			got = append(got, told(b)...)
		}
		expect(t, got, want...)
	})
}

// TestLargeChangesAreWhole changes more at once than a reader gets at once.
func TestLargeChangesAreWhole(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		s.padding = 250_000
		names := []string{"a", "b", "c", "d", "e", "f"}
		s.put(names...)
		s.put(names[:3]...)
		w := begin(t, h, new(int64(0)))
		defer w.Close()
		b, err := w.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// The second change needs nothing that was not read for the first.
		expect(t, told(b), "1 r a 1=superseded", "1 r b 1=superseded", "1 r c 1=superseded", "1 r d 1=1", "1 r e 1=1", "1 r f 1=1",
			"2 v a 2=2", "2 v b 2=2", "2 v c 2=2")
	})
}

// TestReadersBehindShareMemory has many readers that take a batch and never come
// back for another. What they hold together is bounded, and whoever leaves makes
// room.
func TestReadersBehindShareMemory(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		const size, readers, most = 250_000, 200, 32 << 20
		s.padding = size
		for i := range 10 {
			s.put(fmt.Sprintf("v%d", i))
		}
		watches := make(chan *watch.Watch, readers)
		var group sync.WaitGroup
		for range readers {
			w := begin(t, h, new(int64(0)))
			group.Go(func() {
				if _, err := w.Next(t.Context()); err != nil {
					t.Error(err)
				}
				watches <- w
			})
		}
		synctest.Wait()
		if read := s.bytes; read > most || read < most/4 {
			t.Errorf("%d bytes are held, by %d readers", read, len(watches))
		}
		late := begin(t, h, new(int64(0)))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := late.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a reader had no room: %v", err)
		}
		cancel()
		at := begin(t, h, nil)
		s.put("new")
		if got := soon(t, at, 10*time.Millisecond); len(got) != 1 {
			t.Errorf("a reader that is not behind is told %v", got)
		}
		at.Close()
		for range readers {
			(<-watches).Close()
		}
		group.Wait()
		if n := len(soon(t, late, 10*time.Millisecond)); n != 11 {
			t.Errorf("%d changes after there was room", n)
		}
		late.Close()
		if err := late.Reserve(t.Context(), most); err != nil { // all of it came back
			t.Error(err)
		}
		late.Keep(0)
	})
}

func TestCloseWakesWhoWaitsForMemory(t *testing.T) {
	within(t, func(t *testing.T, s *source, h *watch.Hub) {
		s.put("x")
		first, second := begin(t, h, nil), begin(t, h, new(int64(0)))
		defer first.Close()
		defer second.Close()
		if err := first.Reserve(t.Context(), 32<<20); err != nil {
			t.Fatal(err)
		}
		failed := make(chan error)
		go func() {
			_, err := second.Next(t.Context())
			failed <- err
		}()
		synctest.Wait()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if err := <-failed; !errors.Is(err, fault.PoolSaturated) {
			t.Error(err)
		}
	})
}
