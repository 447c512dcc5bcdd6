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
	t.Run("LostReplies", func(t *testing.T) {
		RunLostReplies(t, func(t *testing.T, cfg store.Config) (store.Store, []*faultproxy.Proxy) {
			s, proxy := open(t, cfg)
			return s, []*faultproxy.Proxy{proxy}
		})
	})
	t.Run("Outages", func(t *testing.T) { testOutages(t, open) })
	t.Run("WrongClocks", func(t *testing.T) { testWrongClocks(t, open) })
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

// strike has the next request fail, behind whichever proxy, while call is
// made, and tells whether one did.
func strike(proxies []*faultproxy.Proxy, f faultproxy.Fault, call func()) (struck bool) {
	var armed []<-chan struct{}
	for _, p := range proxies {
		armed = append(armed, p.Arm(f))
	}
	call()
	for i, p := range proxies {
		p.Disarm()
		select {
		case <-armed[i]:
			struck = true
		default:
		}
	}
	return struck
}

// RunLostReplies is the part of [RunFaults] that goes through every mutation,
// every kind of token and every way to lose a reply, for stores with any number
// of servers, each behind a proxy.
func RunLostReplies(t *testing.T, open func(t *testing.T, cfg store.Config) (store.Store, []*faultproxy.Proxy)) {
	var struck atomic.Int64
	t.Cleanup(func() {
		if !t.Failed() {
			t.Logf("%d mutations met a fault: no effect was doubled, no answer wrong, no caller saw an error", struck.Load())
		}
	})
	newStruck := func(t *testing.T) (*subject, []*faultproxy.Proxy) {
		t.Helper()
		clock := &Clock{}
		s, proxies := open(t, store.Config{Offset: clock.Offset})
		return &subject{Store: s, clock: clock, owner: newOwner(t)}, proxies
	}
	for _, fault := range faultproxy.Faults() {
		for _, kind := range tokenKinds {
			for _, m := range mutations() {
				t.Run(m.name+" happens once in spite of a "+fault.String()+", "+kind.name, func(t *testing.T) {
					t.Parallel()
					s, proxies := newStruck(t)
					twin, w := s.newRef(), kind.make()
					m.prepare(t, s, twin, w)
					want, _, err := m.call(t.Context(), s, twin, w)
					wantNoError(t, err)

					ref, w := s.newRef(), kind.make()
					m.prepare(t, s, ref, w)
					var got any
					if !strike(proxies, fault, func() { got, _, err = m.call(t.Context(), s, ref, w) }) {
						t.Fatal("the fault did not strike")
					}
					struck.Add(1)
					wantNoError(t, err)
					wantEqual(t, "answer, compared with one without a fault", got, want, butReplayed, butIdentity)
					wantEqual(t, "session, compared with one without a fault",
						s.look(t, ref, mutationNames...), s.look(t, twin, mutationNames...), butIdentity)

					again, replayed, err := m.call(t.Context(), s, ref, w)
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
				s, proxies := newStruck(t)
				ref := s.newRef()
				q.prepare(t, s, ref, minted())
				strike(proxies, fault, func() {
					_, _, err := q.call(t.Context(), s, ref, minted())
					wantNoError(t, err)
				})
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
			h.check(t, s.subject, longSteps(), func() {
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
