package storetest

import (
	"sync/atomic"
	"testing"

	"toolpit/internal/store"
	"toolpit/internal/store/storetest/faultproxy"
)

// wireOpener opens a store, whose every connection goes through the proxy, and
// closes both when the test ends.
type wireOpener func(t *testing.T, cfg store.Config) (store.Store, *faultproxy.Proxy)

// RunFaults tests what the stores that open returns do when the wire fails.
// Each call of open must return a proxy that no other store uses. Without a
// fault the stores are expected to pass [Run].
func RunFaults(t *testing.T, open func(t *testing.T, cfg store.Config) (store.Store, *faultproxy.Proxy)) {
	t.Run("LostReplies", func(t *testing.T) { testLostReplies(t, open) })
	t.Run("Outages", func(t *testing.T) { testOutages(t, open) })
	t.Run("FaultyHistories", func(t *testing.T) { testFaultyHistories(t, open) })
}

// wired is a store behind a proxy.
type wired struct {
	*subject
	proxy *faultproxy.Proxy
}

// newWired opens a store that has a connection.
func newWired(t *testing.T, open wireOpener, owner string) *wired {
	t.Helper()
	clock := &Clock{}
	s, proxy := open(t, store.Config{Offset: clock.Offset})
	w := &wired{&subject{Store: s, clock: clock, owner: owner}, proxy}
	w.create(t, lifetime)
	return w
}

func testLostReplies(t *testing.T, open wireOpener) {
	for _, fault := range faultproxy.Faults() {
		for _, kind := range tokenKinds {
			for _, m := range mutations() {
				t.Run(m.name+" happens once in spite of a "+fault.String()+", "+kind.name, func(t *testing.T) {
					t.Parallel()
					s := newWired(t, open, newOwner(t))
					twin, w := s.newRef(), kind.make()
					m.prepare(t, s.subject, twin, w)
					want, _, err := m.call(t.Context(), s.subject, twin, w)
					wantNoError(t, err)

					ref, w := s.newRef(), kind.make()
					m.prepare(t, s.subject, ref, w)
					struck := s.proxy.Arm(fault)
					got, _, err := m.call(t.Context(), s.subject, ref, w)
					wantNoError(t, err)
					select {
					case <-struck:
					default:
						t.Fatal("the fault did not strike")
					}
					wantEqual(t, "answer, compared with one without a fault", got, want, butReplayed, butIdentity)
					wantEqual(t, "session, compared with one without a fault",
						s.look(t, ref, mutationNames...), s.look(t, twin, mutationNames...), butIdentity)

					again, replayed, err := m.call(t.Context(), s.subject, ref, w)
					wantNoError(t, err)
					if !replayed {
						t.Error("the repetition does not say that it is one")
					}
					wantEqual(t, "answer to the repetition", again, got, butReplayed)
				})
			}
		}
		for _, q := range queries() {
			t.Run(q.name+" is answered in spite of a "+fault.String(), func(t *testing.T) {
				t.Parallel()
				s := newWired(t, open, newOwner(t))
				ref := s.newRef()
				q.prepare(t, s.subject, ref, minted())
				s.proxy.Arm(fault)
				_, _, err := q.call(t.Context(), s.subject, ref, minted())
				wantNoError(t, err)
			})
		}
	}
}

func testFaultyHistories(t *testing.T, open wireOpener) {
	for _, h := range histories() {
		t.Run(h.name, func(t *testing.T) {
			const every = 20 // steps
			s := newWired(t, open, newOwner(t))
			faults := faultproxy.Faults()
			var steps atomic.Int64
			h.check(t, s.subject, func() {
				if n := steps.Add(1); n%every == 0 {
					s.proxy.Arm(faults[n/every%int64(len(faults))])
				}
			})
			if fired, armed := s.proxy.Fired(), int(steps.Load()/every); fired < armed/2 {
				t.Errorf("%d of %d faults struck", fired, armed)
			}
		})
	}
}
