package storetest

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// sweepHorizon is how far ahead of real time the clock of a store may be that
// is swept, see the package's documentation.
const sweepHorizon = 20 * time.Second

// testHousekeeping runs its tests one after the other: a sweep is for all that
// a server holds.
func testHousekeeping(t *testing.T, open opener) {
	t.Run("what expired long ago is swept, until nothing is left to sweep", func(t *testing.T) {
		s := newSubject(t, open, store.Config{TombstoneTTL: time.Second})
		s.sweepAll(t)
		for range 5 {
			s.create(t, sweepHorizon/4, store.Put("a", number(1)))
		}
		s.clock.Advance(sweepHorizon / 2)
		if swept := s.sweepAll(t); swept.Sessions+swept.Hints == 0 {
			t.Error("five sessions expired and nothing was swept")
		}
		wantEqual(t, "list", s.list(t, 10), []string(nil))
	})

	t.Run("a tombstone answers before and after a sweep, and so do its records", func(t *testing.T) {
		s := newSubject(t, open, store.Config{TombstoneTTL: time.Hour})
		ref := s.create(t, sweepHorizon/2)
		u := store.Unit{Write: keyed("key", "request"), Ops: []store.Op{store.Put("a", number(1))}}
		first := s.applyUnit(t, ref, u)
		s.clock.Advance(sweepHorizon / 2)
		s.wantGone(t, ref, fault.SessionExpired)
		s.sweepAll(t)
		s.wantGone(t, ref, fault.SessionExpired)
		s.wantReplay(t, ref, u, first)
		s.createAt(t, ref, lifetime)
		wantEqual(t, "session created after the sweep", s.look(t, ref, "a"), state{Session: store.Session{Version: 1, TTL: lifetime}}, butIdentity)
	})

	t.Run("a swept session is unknown when its tombstone is over", func(t *testing.T) {
		s := newSubject(t, open, store.Config{TombstoneTTL: time.Second})
		ref := s.create(t, sweepHorizon/4, store.Put("a", number(1)))
		s.clock.Advance(sweepHorizon / 2)
		s.wantGone(t, ref, fault.SessionNotFound)
		s.sweepAll(t)
		s.wantGone(t, ref, fault.SessionNotFound)
		s.createAt(t, ref, lifetime)
		s.sweepAll(t)
		wantEqual(t, "session created after the sweep", s.look(t, ref, "a"), state{Session: store.Session{Version: 1, TTL: lifetime}}, butIdentity)
	})

	t.Run("the records of a swept session end with its tombstone", func(t *testing.T) {
		s := newSubject(t, open, store.Config{TombstoneTTL: sweepHorizon / 2})
		ref := s.create(t, sweepHorizon/4)
		u := store.Unit{Write: keyed("key", "request"), Ops: []store.Op{store.Put("a", number(1))}}
		first := s.applyUnit(t, ref, u)
		s.clock.Advance(sweepHorizon / 4)
		s.sweepAll(t)
		s.wantReplay(t, ref, u, first)
		s.clock.Advance(sweepHorizon / 2)
		_, err := s.Apply(t.Context(), ref, u)
		wantCode(t, err, fault.SessionNotFound)
		s.createAt(t, ref, lifetime)
		if again := s.applyUnit(t, ref, u); again.Replayed {
			t.Error("the next session answers from the records of the one before")
		}
	})

	t.Run("a sweep spares what lives", func(t *testing.T) {
		s := newSubject(t, open, store.Config{TombstoneTTL: time.Second})
		old := s.create(t, sweepHorizon/2, store.Put("a", number(1)), store.Put("b", text("x")))
		again := s.create(t, sweepHorizon/4)
		u := store.Unit{Write: keyed("key", "request"), Count: true, Ops: []store.Op{store.Add("a", 1)}}
		first := s.applyUnit(t, old, u)
		wrong := minted()
		wrong.Token = store.MintToken(time.UnixMilli(0))
		skewed := store.Unit{Write: wrong, Ops: []store.Op{store.Add("a", 1)}}
		firstSkewed := s.applyUnit(t, old, skewed)
		_, err := s.Remember(t.Context(), s.owner, keyed("key", "outside"), []byte("answer"))
		wantNoError(t, err)
		_, err = s.Update(t.Context(), old, store.SessionUpdate{Write: minted(), TTL: lifetime})
		wantNoError(t, err)
		s.clock.Advance(sweepHorizon * 3 / 4)
		s.createAt(t, again, lifetime, store.Put("a", number(9)))

		before, beforeAgain := s.look(t, old, "a", "b"), s.look(t, again, "a")
		s.sweepAll(t)
		wantEqual(t, "old session after the sweep", s.look(t, old, "a", "b"), before)
		wantEqual(t, "session created again, after the sweep", s.look(t, again, "a"), beforeAgain)
		s.wantReplay(t, old, u, first)
		s.wantReplay(t, old, skewed, firstSkewed)
		if memo, found, err := s.Recall(t.Context(), s.owner, keyed("key", "outside")); !found || string(memo) != "answer" {
			t.Errorf("recalled %q, found %v, error %v", memo, found, err)
		}
		wantEqual(t, "list", s.list(t, 10), []string{old.ID, again.ID})
	})

	t.Run("sweeping harms nobody at work", func(t *testing.T) {
		s := newSubject(t, open, store.Config{TombstoneTTL: time.Second})
		ref := s.create(t, lifetime)
		ctx, stop := context.WithCancel(t.Context())
		sweeping, ctx := errgroup.WithContext(ctx)
		sweeping.Go(func() error {
			for ctx.Err() == nil {
				if _, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
					return err
				}
			}
			return nil
		})
		const rounds = 100
		for i := range int64(rounds) {
			fleeting := s.create(t, sweepHorizon/4, store.Put("a", number(1)))
			s.clock.Advance(sweepHorizon / rounds)
			if got := s.apply(t, ref, store.Add("n", 1).StartingAt(0)).Results[0].Value; got != number(i+1) {
				t.Fatalf("the counter is %s after %d additions", got.JSON(), i+1)
			}
			if i%10 == 0 {
				s.createAt(t, store.Ref{Owner: newOwner(t), ID: fleeting.ID}, lifetime)
			}
		}
		stop()
		wantNoError(t, sweeping.Wait())
		if got := len(s.changes(t, ref)); got != rounds {
			t.Errorf("%d changes, want %d", got, rounds)
		}
	})
}

// sweepAll sweeps until there is nothing left to sweep.
func (s *subject) sweepAll(t *testing.T) store.Swept {
	t.Helper()
	const tooOften = 10_000
	var sum store.Swept
	for range tooOften {
		swept, err := s.Sweep(t.Context())
		wantNoError(t, err)
		if swept == (store.Swept{}) {
			return sum
		}
		sum.Sessions += swept.Sessions
		sum.Tokens += swept.Tokens
		sum.Hints += swept.Hints
		sum.Blobs += swept.Blobs
	}
	t.Fatal("sweeping has no end")
	return sum
}
