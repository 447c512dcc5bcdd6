package storetest

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/store"
	"toolpit/internal/store/storetest/faultproxy"
)

// testWrongClocks has replicas whose clocks are wrong share a session. Only
// the tokens they mint know their clocks: whether something has expired is up
// to the store's.
func testWrongClocks(t *testing.T, open wireOpener) {
	const wrong, each, every = 10 * time.Minute, 300, 20
	s := newWired(t, open, newOwner(t))
	ref := s.create(t, lifetime)
	clocks := []time.Duration{-wrong, 0, wrong}
	mint := func(clock time.Duration, by string) store.Unit {
		w := minted()
		w.Token = store.MintToken(time.Now().Add(clock))
		w.By = by
		return store.Unit{Write: w, Count: true, Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
	}
	var replicas errgroup.Group
	faults := faultproxy.Faults()
	for r, clock := range clocks {
		replicas.Go(func() error {
			for i := range each {
				if i%every == 0 {
					s.proxy.Arm(faults[(r+i/every)%len(faults)])
				}
				u := mint(clock, fmt.Sprintf("%d-%d", r, i))
				first, err := s.insist(t.Context(), ref, u)
				if err != nil {
					return err
				}
				again, err := s.insist(t.Context(), ref, u)
				if err != nil {
					return err
				}
				if !again.Replayed || again.Results[0].Value != first.Results[0].Value {
					return fmt.Errorf("a repetition at %v was answered %+v, and first %+v", clock, again, first)
				}
			}
			return nil
		})
	}
	wantNoError(t, replicas.Wait())
	if s.proxy.Fired() < len(clocks)*each/every/2 {
		t.Errorf("only %d faults struck", s.proxy.Fired())
	}
	want := int64(len(clocks) * each)
	if n, session := s.integer(t, ref, "n"), s.get(t, ref); n != want || session.Commands != want {
		t.Errorf("the counter is %d and %d commands were counted, want %d", n, session.Commands, want)
	}
	times := map[string]int{}
	for _, change := range s.changes(t, ref) {
		times[change.By]++
	}
	for by, n := range times {
		if n != 1 {
			t.Errorf("increment %s happened %d times", by, n)
		}
	}

	// The records end by the store's clock, whatever the tokens say.
	for _, clock := range clocks {
		u := mint(clock, "late")
		s.applyUnit(t, ref, u)
		s.clock.Advance(store.MintedTTL - margin)
		if again := s.applyUnit(t, ref, u); !again.Replayed {
			t.Errorf("a record of a clock %v off is forgotten early", clock)
		}
		s.clock.Advance(margin)
		if again := s.applyUnit(t, ref, u); again.Replayed {
			t.Errorf("a record of a clock %v off is remembered too long", clock)
		}
	}
}
