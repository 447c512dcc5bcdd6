package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testConcurrency(t *testing.T, open opener) {
	t.Run("additions are exact", func(t *testing.T) {
		workers, additions := int64(64), int64(200)
		if testing.Short() {
			additions = 20
		}
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		var group errgroup.Group
		var mu sync.Mutex
		sums := map[int64]bool{}
		for range workers {
			group.Go(func() error {
				for range additions {
					applied, err := s.insist(t.Context(), ref, store.Unit{
						Write: minted(), Count: true, Ops: []store.Op{store.Add("n", 1).StartingAt(0)},
					})
					if err != nil {
						return err
					}
					sum, _ := applied.Results[0].Value.Int64()
					if sum != applied.Results[0].Version || sum != applied.Seq || sum != applied.Commands {
						return fmt.Errorf("the sum is %d, version %d, seq %d, commands %d", sum, applied.Results[0].Version, applied.Seq, applied.Commands)
					}
					mu.Lock()
					twice := sums[sum]
					sums[sum] = true
					mu.Unlock()
					if twice {
						return fmt.Errorf("two additions gave %d", sum)
					}
				}
				return nil
			})
		}
		wantNoError(t, group.Wait())
		if got, want := s.integer(t, ref, "n"), workers*additions; got != want {
			t.Errorf("the counter is %d, want %d", got, want)
		}
		if session := s.get(t, ref); session.Seq != workers*additions || session.Commands != workers*additions {
			t.Errorf("seq %d, commands %d, want %d", session.Seq, session.Commands, workers*additions)
		}
	})

	const crowd = 50

	t.Run("of many creations of one id one wins", func(t *testing.T) {
		s := newSubject(t, open, store.Config{})
		for range 5 {
			ref := s.newRef()
			got := make([]error, crowd)
			together(crowd, func(i int) {
				_, got[i] = s.Create(t.Context(), ref, store.NewSession{Write: minted(), TTL: lifetime})
			})
			wantOne(t, got, fault.SessionExists)
		}
	})

	t.Run("many creations that return what exists return one session", func(t *testing.T) {
		s := newSubject(t, open, store.Config{})
		ref := s.newRef()
		got, errs := make([]store.Created, crowd), make([]error, crowd)
		together(crowd, func(i int) {
			got[i], errs[i] = s.Create(t.Context(), ref, store.NewSession{Write: minted(), TTL: lifetime, ReturnExisting: true})
		})
		wantNoError(t, errors.Join(errs...))
		created := 0
		for _, c := range got {
			if !c.Existing {
				created++
			}
			if c.Epoch != got[0].Epoch {
				t.Errorf("epochs %q and %q", c.Epoch, got[0].Epoch)
			}
		}
		if created != 1 {
			t.Errorf("%d of %d say that they created it", created, crowd)
		}
	})

	t.Run("of many removals one finds the session", func(t *testing.T) {
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		got, errs := make([]store.Removed, crowd), make([]error, crowd)
		together(crowd, func(i int) {
			got[i], errs[i] = s.Remove(t.Context(), ref, store.SessionRemoval{Write: minted()})
		})
		wantNoError(t, errors.Join(errs...))
		found := 0
		for _, r := range got {
			if r.Existed {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%d of %d removals found the session", found, crowd)
		}
	})

	for _, kind := range tokenKinds {
		t.Run("one unit sent many times at once has one effect, "+kind.name, func(t *testing.T) {
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime)
			u := store.Unit{Write: kind.make(), Count: true, Memo: []byte("memo"), Ops: []store.Op{store.Add("n", 5).StartingAt(0)}}
			got, errs := make([]store.Applied, crowd), make([]error, crowd)
			together(crowd, func(i int) { got[i], errs[i] = s.Apply(t.Context(), ref, u) })
			wantNoError(t, errors.Join(errs...))
			firsts := 0
			for _, applied := range got {
				if !applied.Replayed {
					firsts++
				}
				wantEqual(t, "answers", applied, got[0], butReplayed)
			}
			if firsts != 1 {
				t.Errorf("%d of %d say that they were the first", firsts, crowd)
			}
			session := s.get(t, ref)
			if n := s.integer(t, ref, "n"); n != 5 || session.Commands != 1 || session.Seq != 1 {
				t.Errorf("n %d, commands %d, seq %d, want 5, 1, 1", n, session.Commands, session.Seq)
			}
		})
	}

	t.Run("readers never see half a unit", func(t *testing.T) {
		const writers, readers, moves = 8, 8, 50
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1000)), store.Put("b", number(0)))
		watch := func(ctx context.Context) error { return s.watchHalves(ctx, ref) }
		whileRead(t, readers, watch, writers, func(i int64) error {
			for range moves {
				_, err := s.insist(t.Context(), ref, store.Unit{
					Write: minted(), Count: true, Ops: []store.Op{store.Add("a", -i), store.Add("b", i)},
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		s.checkLog(t, ref, writers*moves+1)
	})

	t.Run("a session ends for all at once", func(t *testing.T) {
		s := newSubject(t, open, store.Config{})
		for range 5 {
			ref := s.create(t, lifetime, store.Put("n", number(0)))
			errs := make([]error, crowd)
			together(crowd, func(i int) {
				op := store.Add("n", 1)
				if i == crowd/2 {
					op = store.End()
				}
				_, errs[i] = s.Apply(t.Context(), ref, store.Unit{Write: minted(), Ops: []store.Op{op}})
			})
			for _, err := range errs {
				if err != nil {
					wantCode(t, err, fault.SessionNotFound)
				}
			}
			s.wantGone(t, ref, fault.SessionNotFound)
			s.createAt(t, ref, lifetime)
			wantEqual(t, "variables of the next session", s.values(t, ref, "n"), map[string]string{})
		}
	})
}

// together calls f n times at once and waits for all.
func together(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			f(i)
		})
	}
	done.Wait()
}

// wantOne requires that one of many calls succeeded, and how the others failed.
func wantOne(t *testing.T, errs []error, others fault.Code) {
	t.Helper()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantCode(t, err, others)
	}
	if won != 1 {
		t.Errorf("%d of %d calls succeeded, want one", won, len(errs))
	}
}

// whileRead runs writers, which get their numbers, and readers for as long as
// they write.
func whileRead(t *testing.T, readers int, read func(context.Context) error, writers int64, write func(i int64) error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	reading, ctx := errgroup.WithContext(ctx)
	for range readers {
		reading.Go(func() error { return read(ctx) })
	}
	var writing errgroup.Group
	for i := range writers {
		writing.Go(func() error { return write(i) })
	}
	wantNoError(t, writing.Wait())
	stop()
	wantNoError(t, reading.Wait())
}

// insist applies a unit, again under the same token while a crowded store has
// no time for it.
func (s *subject) insist(ctx context.Context, ref store.Ref, u store.Unit) (store.Applied, error) {
	return retried(func() (store.Applied, error) { return s.Apply(ctx, ref, u) })
}

// retried repeats a call whose token stays the same until its outcome is known.
func retried[T any](call func() (T, error)) (T, error) {
	const patience, rest = 20 * time.Second, 5 * time.Millisecond
	var pause *time.Ticker
	for start := time.Now(); ; <-pause.C {
		answer, err := call()
		known := !errors.Is(err, fault.StoreUnavailable) && !errors.Is(err, fault.OutcomeUnknown)
		if known || time.Since(start) > patience {
			return answer, err
		}
		if pause == nil {
			pause = time.NewTicker(rest)
			defer pause.Stop()
		}
	}
}

// watchHalves reads until ctx ends and reports a snapshot that no unit left.
func (s *subject) watchHalves(ctx context.Context, ref store.Ref) error {
	last := int64(0)
	for {
		snapshot, err := retried(func() (store.Snapshot, error) { return s.Read(ctx, ref, "a", "b") })
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		a, b := snapshot.Variables["a"], snapshot.Variables["b"]
		x, _ := a.Value.Int64()
		y, _ := b.Value.Int64()
		switch {
		case x+y != 1000:
			return fmt.Errorf("a+b is %d+%d", x, y)
		case a.Version != b.Version || snapshot.Commands != a.Version-1:
			return fmt.Errorf("versions %d and %d after %d commands", a.Version, b.Version, snapshot.Commands)
		case a.Version < last:
			return fmt.Errorf("version %d was read after %d", a.Version, last)
		}
		last = a.Version
	}
}

// checkLog requires a change log of n changes without holes or disorder.
func (s *subject) checkLog(t *testing.T, ref store.Ref, n int) {
	t.Helper()
	changes := s.changes(t, ref)
	if len(changes) != n {
		t.Fatalf("%d changes, want %d", len(changes), n)
	}
	for i, change := range changes {
		if change.Seq != int64(i+1) || change.Items[0].Version != int64(i+1) {
			t.Fatalf("change %d is %+v", i+1, change)
		}
		if i > 0 && change.At.Before(changes[i-1].At) {
			t.Fatalf("change %d is older than the one before it", i+1)
		}
	}
}
