package storetest

import (
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// testIncarnations is about ids that are used again: what was remembered for
// the session that had the id before is answered until its tombstone is over,
// and neither longer nor shorter because the id lives again.
func testIncarnations(t *testing.T, open opener) {
	const (
		ttl       = time.Hour
		tombstone = 10 * time.Minute
	)
	once := store.Unit{Write: keyed("key", "request"), Count: true, Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
	expire := func(t *testing.T, s *subject, _ store.Ref) { t.Helper(); s.clock.Advance(ttl) }
	remove := func(t *testing.T, s *subject, ref store.Ref) { t.Helper(); s.remove(t, ref) }
	end := func(t *testing.T, s *subject, ref store.Ref) {
		t.Helper()
		s.applyUnit(t, ref, store.Unit{Write: minted(), Ops: []store.Op{store.End()}})
	}
	for name, over := range map[string]func(*testing.T, *subject, store.Ref){"expired": expire, "removed": remove, "ended": end} {
		begin := func(t *testing.T) (*subject, store.Ref, store.Applied) {
			t.Helper()
			s := newSubject(t, open, store.Config{TombstoneTTL: tombstone})
			ref := s.create(t, ttl)
			first := s.applyUnit(t, ref, once)
			over(t, s, ref)
			return s, ref, first
		}
		fresh := func(t *testing.T, s *subject, ref store.Ref) {
			t.Helper()
			a := s.applyUnit(t, ref, once)
			if a.Replayed || a.Results[0].Value != number(1) || a.Commands != 1 {
				t.Errorf("replayed %v, sum %s, commands %d; want a first application", a.Replayed, a.Results[0].Value.JSON(), a.Commands)
			}
		}

		t.Run("a key of a session that was "+name+" is answered while its tombstone lives, also when the id lives again", func(t *testing.T) {
			t.Parallel()
			s, ref, first := begin(t)
			s.createAt(t, ref, 10*ttl)
			s.clock.Advance(tombstone - margin)
			s.wantReplay(t, ref, once, first)
		})

		t.Run("a key of a session that was "+name+" is free in the next one when the tombstone is over", func(t *testing.T) {
			t.Parallel()
			s, ref, _ := begin(t)
			s.createAt(t, ref, 10*ttl)
			s.clock.Advance(tombstone + margin)
			fresh(t, s, ref)
		})

		t.Run("a key of a session that was "+name+" is free in one created after its tombstone", func(t *testing.T) {
			t.Parallel()
			s, ref, _ := begin(t)
			s.clock.Advance(tombstone + margin)
			s.wantGone(t, ref, fault.SessionNotFound)
			s.createAt(t, ref, 10*ttl)
			fresh(t, s, ref)
		})

		t.Run("each of several incarnations that were "+name+" has its own time", func(t *testing.T) {
			t.Parallel()
			s, ref, _ := begin(t)
			s.createAt(t, ref, ttl)
			second := store.Unit{Write: keyed("second", "request"), Ops: []store.Op{store.Add("n", 7).StartingAt(0)}}
			secondFirst := s.applyUnit(t, ref, second)
			over(t, s, ref)
			s.createAt(t, ref, 10*ttl)
			s.clock.Advance(tombstone - margin)
			s.wantReplay(t, ref, second, secondFirst)
			s.clock.Advance(2 * margin)
			fresh(t, s, ref)
			if a := s.applyUnit(t, ref, second); a.Replayed || a.Results[0].Value != number(8) {
				t.Errorf("replayed %v, sum %s; want a second application", a.Replayed, a.Results[0].Value.JSON())
			}
		})
	}

	t.Run("forgotten keys of an earlier session make no room in a later one", func(t *testing.T) {
		t.Parallel()
		const keyTTL = time.Minute
		s := newSubject(t, open, store.Config{TombstoneTTL: time.Hour, KeyTTL: keyTTL, Limits: store.Limits{SessionBytes: 4000}})
		ref := s.create(t, ttl)
		memo := make([]byte, 300)
		for i := range 8 {
			s.applyUnit(t, ref, store.Unit{Write: keyed("old"+string(rune('a'+i)), "request"), Memo: memo})
		}
		s.remove(t, ref)
		s.createAt(t, ref, 10*ttl)
		s.clock.Advance(keyTTL + time.Second)
		kept := 0
		for i := range 30 {
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: keyed("new"+string(rune('a'+i)), "request"), Memo: memo})
			if err != nil {
				break
			}
			kept++
		}
		if kept < 6 || kept > 10 {
			t.Errorf("%d records of some 400 bytes were kept within 4,000 bytes", kept)
		}
	})
}
