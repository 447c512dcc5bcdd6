package storetest

import (
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// testRealTime lets real time pass, in which alone a server can show that it
// expires things by itself: it does not see the clock's offset.
func testRealTime(t *testing.T, open opener) {
	if testing.Short() {
		return // it takes seconds
	}
	const ttl = 3 * time.Second / 2 // slow machines must get around in that time

	t.Run("whatever uses a session keeps it, with its variables, changes and keys", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{TombstoneTTL: time.Millisecond})
		w := keyed("key", "request")
		u := store.Unit{Write: w, Ops: []store.Op{store.Put("a", number(7)), store.Put("b", text("x"))}}
		touched, got, read, counted := s.create(t, ttl), s.create(t, ttl), s.create(t, ttl), s.create(t, ttl)
		all := []store.Ref{touched, got, read, counted}
		var firsts []store.Applied
		for _, ref := range all {
			firsts = append(firsts, s.applyUnit(t, ref, u))
		}
		for s.now(t).Sub(firsts[0].At) < 5*ttl/2 {
			s.touch(t, touched)
			s.get(t, got)
			s.read(t, read, "a")
			s.applyUnit(t, counted, store.Unit{Write: minted(), Count: true})
		}
		for i, ref := range all {
			wantEqual(t, "variables", s.values(t, ref, "a", "b"), map[string]string{"a": "7", "b": `"x"`})
			if changes := s.changes(t, ref); len(changes) != 1 {
				t.Errorf("session %d: %d changes, want 1", i, len(changes))
			}
			s.wantReplay(t, ref, u, firsts[i])
		}
	})

	t.Run("a session that is over leaves a tombstone and its keys", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{TombstoneTTL: lifetime})
		expired, removed := s.create(t, ttl), s.create(t, ttl)
		u := store.Unit{Write: keyed("key", "request"), Ops: []store.Op{store.Put("a", number(7))}}
		firstExpired, firstRemoved := s.applyUnit(t, expired, u), s.applyUnit(t, removed, u)
		s.remove(t, removed)
		for s.now(t).Sub(firstRemoved.At) < 2*ttl {
			s.wantGone(t, removed, fault.SessionNotFound)
		}
		s.wantGone(t, expired, fault.SessionExpired)
		s.wantReplay(t, expired, u, firstExpired)
		s.wantReplay(t, removed, u, firstRemoved)
		wantEqual(t, "list", s.list(t, 10), []string(nil))
		s.clock.Advance(lifetime)
		s.wantGone(t, expired, fault.SessionNotFound)
	})
}
