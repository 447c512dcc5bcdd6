package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/storetest/lateness"
)

const (
	// answerTime is how long a call may take whatever happens, on a machine that is
	// in time itself.
	answerTime = store.CallTimeout + 100*time.Millisecond
	// recoveryTime is how long a store may take to work again.
	recoveryTime = time.Second
	// bulkTime is how long a call that moves a chunk may take.
	bulkTime = 10*time.Second + 500*time.Millisecond
)

// endangered is a call that is going to meet an outage: it has a store with a
// connection for itself, and a twin that did the same in peace.
type endangered struct {
	mutation
	*wired
	mutates   bool
	ref, twin store.Ref
	w         store.Write
	before    state

	err    error         // what it was answered
	took   time.Duration // and when
	undone bool          // every answer said that nothing happened
}

// newEndangered prepares every call there is.
func newEndangered(t *testing.T, open wireOpener) []*endangered {
	t.Helper()
	var calls []*endangered
	owner := newOwner(t)
	add := func(m mutation, mutates bool, w store.Write) {
		e := &endangered{mutation: m, wired: newWired(t, open, owner), mutates: mutates, w: w, undone: true}
		e.ref, e.twin = e.newRef(), e.newRef()
		twinWrite := minted()
		m.prepare(t, e.subject, e.twin, twinWrite)
		_, _, err := m.call(t.Context(), e.subject, e.twin, twinWrite)
		wantNoError(t, err)
		m.prepare(t, e.subject, e.ref, w)
		e.before = e.look(t, e.ref, mutationNames...)
		calls = append(calls, e)
	}
	for _, m := range mutations() {
		for _, kind := range tokenKinds {
			add(m, true, kind.make())
		}
	}
	for _, q := range queries() {
		add(q, false, minted())
	}
	return calls
}

// meet makes all calls at once, which must be answered with an error in time.
func meet(t *testing.T, calls []*endangered, limit time.Duration, caller func() (context.Context, context.CancelFunc)) {
	t.Helper()
	late := lateness.Watch(t)
	together(len(calls), func(i int) {
		e := calls[i]
		ctx, cancel := caller()
		defer cancel()
		start := time.Now()
		_, _, e.err = e.call(ctx, e.subject, e.ref, e.w)
		e.took = time.Since(start)
		e.undone = e.undone && errors.Is(e.err, fault.StoreUnavailable)
	})
	for _, e := range calls {
		if e.err == nil {
			t.Errorf("%s was answered without an error", e.name)
		}
		most := limit
		if e.bulk && limit == answerTime {
			most = bulkTime
		}
		if e.took > most+late() {
			t.Errorf("%s took %v, want at most %v, of which the machine is late by %v", e.name, e.took, most+late(), late())
		}
	}
}

// wantRecovery ends the outage and requires that the store soon works, that
// what was called undone is undone, and that the call, repeated, has one effect.
func (e *endangered) wantRecovery(t *testing.T) {
	t.Helper()
	e.proxy.Resume()
	e.proxy.Refuse(false)
	start := time.Now()
	soon := func(call func() error) {
		for {
			err := call()
			if err == nil {
				return
			}
			if time.Since(start) > recoveryTime {
				t.Fatalf("%s: the store does not work again after %v: %v", e.name, recoveryTime, err)
			}
		}
	}
	soon(func() error {
		_, err := e.Now(t.Context())
		return err
	})
	if e.mutates && e.undone {
		wantEqual(t, e.name+": session that was called unchanged", e.look(t, e.ref, mutationNames...), e.before)
	}
	soon(func() error {
		_, _, err := e.call(t.Context(), e.subject, e.ref, e.w)
		return err
	})
	wantEqual(t, e.name+": session, compared with one without an outage",
		e.look(t, e.ref, mutationNames...), e.look(t, e.twin, mutationNames...), butIdentity)
}

// wantUnknown requires that a mutation, which must have been sent, is not
// called undone, and that a query is.
func (e *endangered) wantUnknown(t *testing.T) {
	t.Helper()
	want := fault.StoreUnavailable
	if e.mutates && (!e.indexed || errors.Is(e.err, fault.OutcomeUnknown)) {
		want = fault.OutcomeUnknown
	}
	if fault.CodeOf(e.err) != want {
		t.Errorf("%s: got error %v, want %s", e.name, e.err, want)
	}
}

func testOutages(t *testing.T, open wireOpener) {
	patient := func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) }

	t.Run("a server that hangs is given up in time, and what was sent is said to be unknown", func(t *testing.T) {
		calls := newEndangered(t, open)
		for _, e := range calls {
			e.proxy.Hang()
		}
		meet(t, calls, answerTime, patient)
		for _, e := range calls {
			e.wantUnknown(t)
		}

		// With no connection left nothing can be sent, or it cannot be known.
		meet(t, calls, answerTime, patient)
		for _, e := range calls {
			code := fault.CodeOf(e.err)
			if code != fault.StoreUnavailable && (code != fault.OutcomeUnknown || !e.mutates) {
				t.Errorf("%s, again: got error %v, want %s", e.name, e.err, fault.StoreUnavailable)
			}
		}
		for _, e := range calls {
			e.wantRecovery(t)
		}
	})

	t.Run("a server that refuses connections is unavailable", func(t *testing.T) {
		calls := newEndangered(t, open)
		for _, e := range calls {
			e.disconnect()
		}
		meet(t, calls, answerTime, patient)
		for _, e := range calls {
			if fault.CodeOf(e.err) != fault.StoreUnavailable {
				t.Errorf("%s: got error %v, want %s", e.name, e.err, fault.StoreUnavailable)
			}
		}
		for _, e := range calls {
			e.wantRecovery(t)
		}
	})

	t.Run("a caller's deadline is kept", func(t *testing.T) {
		const deadline, slack = 100 * time.Millisecond, 200 * time.Millisecond
		calls := newEndangered(t, open)
		for _, e := range calls {
			e.proxy.Hang()
		}
		meet(t, calls, deadline+slack, func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), deadline)
		})
		for _, e := range calls {
			if e.mutates {
				e.wantUnknown(t)
			}
		}
		for _, e := range calls {
			e.wantRecovery(t)
		}
	})

	t.Run("a caller that has gone away sends nothing", func(t *testing.T) {
		calls := newEndangered(t, open)
		for _, e := range calls {
			e.proxy.Hang()
		}
		meet(t, calls, answerTime, func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx, cancel
		})
		for _, e := range calls {
			if !errors.Is(e.err, context.Canceled) {
				t.Errorf("%s: got error %v, want %v", e.name, e.err, context.Canceled)
			}
		}
	})
}

// disconnect has dials refused and ends the connections that there are.
func (w *wired) disconnect() {
	w.proxy.Refuse(true)
	w.proxy.Disconnect()
}
