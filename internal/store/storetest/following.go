package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// testFollowing is about those who wait for changes.
func testFollowing(t *testing.T, open opener) {
	t.Run("Follow reads the log as Changes does, and the session's numbers", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		for range 12 {
			s.apply(t, ref, store.Add("a", 1).StartingAt(0))
		}
		session := s.get(t, ref)
		for _, c := range []struct {
			after int64
			limit int
		}{{0, 100}, {0, 3}, {3, 1}, {8, 3}, {9, 100}, {11, 5}, {12, 5}, {1000, 5}} {
			want, err := s.Changes(t.Context(), ref, c.after, c.limit)
			wantNoError(t, err)
			got, err := s.Follow(t.Context(), ref, c.after, c.limit)
			wantNoError(t, err)
			wantEqual(t, "changes", got.Changes, want)
			if got.Seq != 12 || got.TTL != lifetime || !got.Expires.Equal(session.Expires) || got.At.Before(session.Created) || got.At.After(s.now(t)) {
				t.Errorf("followed %+v of the session %+v", got, session)
			}
		}
		empty, err := s.Follow(t.Context(), s.create(t, lifetime), 0, 10)
		wantNoError(t, err)
		if empty.Seq != 0 || len(empty.Changes) != 0 {
			t.Errorf("followed %+v of an empty session", empty)
		}
	})

	t.Run("following does not re-arm the session", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		expires := s.get(t, ref).Expires
		s.clock.Advance(lifetime / 2)
		got, err := s.Follow(t.Context(), ref, 0, 10)
		wantNoError(t, err)
		if !got.Expires.Equal(expires) || got.At.Before(expires.Add(-lifetime/2-margin)) {
			t.Errorf("it expires at %v, the clock is %v, want %v", got.Expires, got.At, expires)
		}
		s.clock.Advance(lifetime / 2)
		_, err = s.Follow(t.Context(), ref, 0, 10)
		wantCode(t, err, fault.SessionExpired)
		_, err = s.Follow(t.Context(), s.newRef(), 0, 10)
		wantCode(t, err, fault.SessionNotFound)
	})

	t.Run("Follow sees that older changes were dropped", func(t *testing.T) {
		t.Parallel()
		const kept, written = 50, 400
		s := newSubject(t, open, store.Config{Limits: store.Limits{Changes: kept}})
		ref := s.create(t, lifetime)
		for range written {
			s.apply(t, ref, store.Add("a", 1).StartingAt(0))
		}
		got, err := s.Follow(t.Context(), ref, 0, 1000)
		wantNoError(t, err)
		wantEqual(t, "changes", got.Changes, s.changes(t, ref))
		if got.Seq != written || len(got.Changes) < kept || got.Changes[0].Seq == 1 {
			t.Errorf("%d changes, the first is %d, the last %d", len(got.Changes), got.Changes[0].Seq, got.Seq)
		}
		if usage := s.usage(t, ref); usage.Changes != int64(len(got.Changes)) {
			t.Errorf("%d changes are counted, %d are there", usage.Changes, len(got.Changes))
		}
	})

	t.Run("a followed session rings", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		s.wantRings(t, s)
	})

	t.Run("listening stops with its context", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ctx, stop := context.WithCancelCause(t.Context())
		var listening errgroup.Group
		listening.Go(func() error { return s.Listen(ctx, func(store.Ref) {}) })
		stop(errors.New("enough"))
		if err := listening.Wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("listening ended with %v, want %v", err, context.Canceled)
		}
	})

	t.Run("listening stops when the store is closed", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		var listening errgroup.Group
		listening.Go(func() error { return s.Listen(t.Context(), func(store.Ref) {}) })
		wantNoError(t, s.Close())
		if err := listening.Wait(); err == nil {
			t.Error("listening ended without an error")
		}
	})
}

// RunReplicas tests what stores on the same data do for each other. Each call
// of open returns two.
func RunReplicas(t *testing.T, open func(t *testing.T, cfg store.Config) (a, b store.Store)) {
	pair := func(t *testing.T) (a, b *subject) {
		t.Helper()
		clock := &Clock{}
		first, second := open(t, store.Config{Offset: clock.Offset})
		a = &subject{Store: first, clock: clock, owner: newOwner(t)}
		return a, &subject{Store: second, clock: clock, owner: a.owner}
	}

	t.Run("what one store writes rings in another", func(t *testing.T) {
		t.Parallel()
		a, b := pair(t)
		a.wantRings(t, b)
	})

	t.Run("one store reads what another wrote", func(t *testing.T) {
		t.Parallel()
		a, b := pair(t)
		ref := a.create(t, lifetime, store.Put("n", number(1)))
		x := newTensor(store.ChunkSize+1, 1)
		content := a.stage(t, ref, x)
		b.apply(t, ref, store.CreateContent("x", content), store.Add("n", 1))
		a.wantBytes(t, ref, x)
		a.apply(t, ref, store.Patch("n", []byte(`{"max":3}`), nil))
		b.refuse(t, ref, fault.ConstraintViolation, store.Put("n", number(4)))
		a.apply(t, ref, store.AcquireLock("n", store.Lease{Token: "mine", TTL: time.Minute}))
		b.refuse(t, ref, fault.VariableLocked, store.Put("n", number(3)))
		child := b.fork(t, ref)
		a.wantBytes(t, child, x)
		wantEqual(t, "history", a.history(t, child, "n", 0, 10), b.history(t, ref, "n", 0, 10))
	})
}

// wantRings requires that a listener of s hears of what writer does to a
// session that s follows. Rings may be lost: each one is waited for only a
// while, and most must come in time.
func (s *subject) wantRings(t *testing.T, writer *subject) {
	t.Helper()
	const rounds, most, patience = 10, 8, time.Second
	ref := s.create(t, lifetime, store.Put("n", number(0)))
	ctx, stop := context.WithCancel(t.Context())
	rings := make(chan struct{}, 1)
	listening, ctx := errgroup.WithContext(ctx)
	listening.Go(func() error {
		return s.Listen(ctx, func(rung store.Ref) {
			if rung != ref && rung != (store.Ref{}) {
				return
			}
			select {
			case rings <- struct{}{}:
			default:
			}
		})
	})
	defer func() {
		stop()
		if err := listening.Wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("listening ended with %v", err)
		}
	}()

	write := func(patience time.Duration) (rang bool) {
		_, err := s.Follow(ctx, ref, 0, 1)
		wantNoError(t, err)
		select {
		case <-rings: // of an earlier write
		default:
		}
		writer.apply(t, ref, store.Add("n", 1))
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-rings:
			return true
		case <-timer.C:
			return false
		}
	}
	for deadline := time.Now().Add(20 * time.Second); !write(patience / 10); { // until the listener is there
		if time.Now().After(deadline) {
			t.Fatal("nothing ever rang")
		}
	}
	rang := 0
	for range rounds {
		if write(patience) {
			rang++
		}
	}
	if rang < most {
		t.Errorf("%d of %d writes rang within %v", rang, rounds, patience)
	}
}
