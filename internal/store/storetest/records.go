package storetest

import (
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// testRecords is about how long tokens are remembered.
func testRecords(t *testing.T, open opener) {
	const (
		keyTTL    = 4 * time.Hour
		tombstone = time.Hour
	)
	begin := func(t *testing.T, ttl time.Duration) (*subject, store.Ref, store.Unit, store.Applied) {
		t.Helper()
		s := newSubject(t, open, store.Config{KeyTTL: keyTTL, TombstoneTTL: tombstone})
		ref := s.create(t, ttl)
		u := store.Unit{Write: keyed("key", "request"), Count: true, Memo: []byte("memo"), Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
		return s, ref, u, s.applyUnit(t, ref, u)
	}

	t.Run("a key is remembered for its time", func(t *testing.T) {
		t.Parallel()
		s, ref, u, first := begin(t, 10*keyTTL)
		s.clock.Advance(keyTTL - margin)
		s.wantReplay(t, ref, u, first)
	})

	t.Run("a key is free when its time is over", func(t *testing.T) {
		t.Parallel()
		s, ref, u, _ := begin(t, 10*keyTTL)
		s.clock.Advance(keyTTL + time.Second)
		u.Fingerprint[0]++
		second := s.applyUnit(t, ref, u)
		if second.Replayed || second.Results[0].Value != number(2) || second.Commands != 2 {
			t.Errorf("replayed %v, sum %s, commands %d, want a second application", second.Replayed, second.Results[0].Value.JSON(), second.Commands)
		}
		s.clock.Advance(keyTTL - margin) // the time runs anew
		s.wantReplay(t, ref, u, second)
	})

	for _, m := range mutations() {
		if m.name == "Remember" {
			continue // testAnswers has it
		}
		t.Run(m.name+" is forgotten when the key's time is over", func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{KeyTTL: 10 * time.Minute})
			ref, w := s.newRef(), keyed("key", "request")
			m.prepare(t, s, ref, w)
			_, _, err := m.call(t.Context(), s, ref, w)
			wantNoError(t, err)
			s.clock.Advance(10*time.Minute + time.Second)
			_, replayed, err := m.call(t.Context(), s, ref, keyed("key", "another"))
			if replayed || fault.CodeOf(err) == fault.IdempotencyKeyReused {
				t.Errorf("replayed %v, error %v, want a call that is looked at afresh", replayed, err)
			}
		})
	}

	t.Run("a key is remembered as long as its session lives on", func(t *testing.T) {
		t.Parallel()
		s, ref, u, first := begin(t, 10*time.Minute)
		for range 20 { // three hours
			s.clock.Advance(9 * time.Minute)
			s.touch(t, ref)
		}
		s.wantReplay(t, ref, u, first)
		u.Fingerprint[0]++
		_, err := s.Apply(t.Context(), ref, u)
		wantCode(t, err, fault.IdempotencyKeyReused)
	})

	t.Run("a key is remembered as long as reads keep its session alive", func(t *testing.T) {
		t.Parallel()
		s, ref, u, first := begin(t, 10*time.Minute)
		for range 20 {
			s.clock.Advance(9 * time.Minute)
			s.read(t, ref, "n")
		}
		s.wantReplay(t, ref, u, first)
	})

	t.Run("a key is remembered after its session slid on and expired, as long as the tombstone stands", func(t *testing.T) {
		t.Parallel()
		s, ref, u, first := begin(t, 10*time.Minute)
		for range 10 {
			s.clock.Advance(9 * time.Minute)
			s.touch(t, ref)
		}
		s.clock.Advance(10 * time.Minute)
		s.wantGone(t, ref, fault.SessionExpired)
		s.wantReplay(t, ref, u, first)
		s.clock.Advance(tombstone - margin)
		s.wantReplay(t, ref, u, first)
		s.wantGone(t, ref, fault.SessionExpired)
	})

	for name, end := range map[string]func(t *testing.T, s *subject, ref store.Ref){
		"removed":         func(t *testing.T, s *subject, ref store.Ref) { t.Helper(); s.remove(t, ref) },
		"ended by a unit": func(t *testing.T, s *subject, ref store.Ref) { t.Helper(); s.apply(t, ref, store.End()) },
	} {
		t.Run("a key is remembered for a tombstone's time after its session was "+name, func(t *testing.T) {
			t.Parallel()
			s, ref, u, first := begin(t, 10*time.Minute)
			for range 10 {
				s.clock.Advance(9 * time.Minute)
				s.touch(t, ref)
			}
			end(t, s, ref)
			s.wantReplay(t, ref, u, first)
			s.clock.Advance(tombstone - margin)
			s.wantReplay(t, ref, u, first)
			s.wantGone(t, ref, fault.SessionNotFound)
		})
	}

	t.Run("the removal itself is remembered for a tombstone's time", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{KeyTTL: keyTTL, TombstoneTTL: tombstone})
		ref := s.create(t, 10*time.Minute)
		removal := store.SessionRemoval{Write: keyed("key", "request")}
		_, err := s.Remove(t.Context(), ref, removal)
		wantNoError(t, err)
		s.clock.Advance(tombstone - margin)
		got, err := s.Remove(t.Context(), ref, removal)
		wantNoError(t, err)
		wantEqual(t, "answer to the repetition", got, store.Removed{Existed: true, Replayed: true})
	})

	t.Run("minted tokens are remembered for some minutes", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		u := store.Unit{Write: minted(), Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
		first := s.applyUnit(t, ref, u)
		for range 5 {
			s.clock.Advance(time.Minute)
			s.applyUnit(t, ref, store.Unit{Write: minted(), Count: true})
			s.wantReplay(t, ref, u, first)
		}
	})

	t.Run("a minted token is remembered when its session expires meanwhile", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, time.Minute)
		u := store.Unit{Write: minted(), Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
		first := s.applyUnit(t, ref, u)
		s.clock.Advance(2 * time.Minute)
		s.wantGone(t, ref, fault.SessionExpired)
		s.wantReplay(t, ref, u, first)
	})
}
