package storetest

import (
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// margin is how far from an instant a test stays, so that a slow machine does
// not reach it.
const margin = 30 * time.Second

func testExpiry(t *testing.T, open opener) {
	t.Run("a session lives until its time is over, then it is expired, then unknown", func(t *testing.T) {
		t.Parallel()
		const tombstone = 3 * time.Hour
		s := newSubject(t, open, store.Config{TombstoneTTL: tombstone})
		// Asking re-arms, so each question has a session of its own.
		alive, ref := s.create(t, lifetime), s.create(t, lifetime, store.Put("a", number(1)))
		s.clock.Advance(lifetime - margin)
		s.get(t, alive)
		s.clock.Advance(margin)
		s.get(t, alive)
		s.wantGone(t, ref, fault.SessionExpired)
		s.clock.Advance(tombstone - margin)
		s.wantGone(t, ref, fault.SessionExpired)
		s.clock.Advance(margin)
		s.wantGone(t, ref, fault.SessionNotFound)
	})

	t.Run("nothing brings an expired session back but its creation", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		s.clock.Advance(lifetime)
		for range 2 { // what the first round does must not revive it for the second
			s.wantGone(t, ref, fault.SessionExpired)
		}
		wantEqual(t, "list", s.list(t, 10), []string(nil))
	})

	t.Run("the expired session's tombstone goes with the session created in its place", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		s.clock.Advance(lifetime)
		s.createAt(t, ref, lifetime)
		s.get(t, ref)
		s.remove(t, ref)
		s.wantGone(t, ref, fault.SessionNotFound)
	})

	t.Run("a short life is a life", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.newRef()
		created := s.createAt(t, ref, time.Millisecond)
		if got := created.Expires.Sub(created.Created); got != time.Millisecond {
			t.Errorf("it lasts %v, want a millisecond", got)
		}
		s.clock.Advance(time.Millisecond)
		s.wantGone(t, ref, fault.SessionExpired)
	})

	for name, read := range map[string]func(*testing.T, *subject, store.Ref){
		"Get":             func(t *testing.T, s *subject, ref store.Ref) { t.Helper(); s.get(t, ref) },
		"Read":            func(t *testing.T, s *subject, ref store.Ref) { t.Helper(); s.read(t, ref, "a") },
		"Read of nothing": func(t *testing.T, s *subject, ref store.Ref) { t.Helper(); s.read(t, ref) },
	} {
		t.Run(name+" re-arms only when a tenth of the time is over", func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime, store.Put("a", number(1)))
			before := s.get(t, ref).Expires
			s.clock.Advance(lifetime/10 - margin)
			read(t, s, ref)
			if got := s.get(t, ref).Expires; !got.Equal(before) {
				t.Errorf("it re-armed by %v although more than 90 %% were left", got.Sub(before))
			}
			s.clock.Advance(2 * margin)
			read(t, s, ref)
			s.clock.Advance(lifetime - margin) // only one that was re-armed is alive now
			s.wantLeft(t, s.get(t, ref), lifetime)
		})
	}

	t.Run("the session that re-arms says so", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		s.clock.Advance(lifetime / 2)
		s.wantLeft(t, s.get(t, ref), lifetime)
	})

	put := []store.Op{store.Put("a", number(2))}
	for name, mutate := range map[string]func(t *testing.T, s *subject, ref store.Ref) error{
		"Touch": func(t *testing.T, s *subject, ref store.Ref) error {
			t.Helper()
			_, err := s.Touch(t.Context(), ref, minted())
			return err
		},
		"Update": func(t *testing.T, s *subject, ref store.Ref) error {
			t.Helper()
			_, err := s.Update(t.Context(), ref, store.SessionUpdate{Write: minted()})
			return err
		},
		"a unit": func(t *testing.T, s *subject, ref store.Ref) error {
			t.Helper()
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Ops: put})
			return err
		},
		"a unit that only reads": func(t *testing.T, s *subject, ref store.Ref) error {
			t.Helper()
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Ops: []store.Op{store.Load("a")}})
			return err
		},
		"a unit that only counts": func(t *testing.T, s *subject, ref store.Ref) error {
			t.Helper()
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Count: true})
			return err
		},
		"a draft": func(t *testing.T, s *subject, ref store.Ref) error {
			t.Helper()
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Kind: store.Draft, Count: true})
			return err
		},
	} {
		t.Run(name+" always re-arms", func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime, store.Put("a", number(1)))
			before := s.get(t, ref).Expires
			s.clock.Advance(time.Second) // a read would not
			wantNoError(t, mutate(t, s, ref))
			if won := s.get(t, ref).Expires.Sub(before); won < time.Second {
				t.Errorf("it won %v, want at least a second", won)
			}
			s.wantLeft(t, s.get(t, ref), lifetime)
		})
	}

	t.Run("a session in use does not expire, nor do its variables", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{TombstoneTTL: time.Minute})
		ref := s.create(t, lifetime, store.Put("a", number(7)))
		for i := range 50 {
			s.clock.Advance(lifetime * 9 / 10)
			if i%2 == 0 {
				s.touch(t, ref)
			} else {
				s.get(t, ref)
			}
		}
		if got := s.integer(t, ref, "a"); got != 7 {
			t.Errorf("a is %d, want 7", got)
		}
		if got := s.changes(t, ref); len(got) != 1 {
			t.Errorf("%d changes, want 1", len(got))
		}
	})
}
