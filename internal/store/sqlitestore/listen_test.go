package sqlitestore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/sqlitestore"
)

// listen listens until the test ends, and returns what rings and why it ended.
func listen(t *testing.T, s *sqlitestore.Store) (rings <-chan store.Ref, stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	rung, over, listening := make(chan store.Ref, 1000), make(chan error, 1), make(chan struct{})
	go func() {
		close(listening)
		over <- s.Listen(ctx, func(ref store.Ref) {
			select {
			case rung <- ref:
			default: // the test has seen enough
			}
		})
	}()
	t.Cleanup(stop)
	<-listening
	return rung, stop, over
}

// hear changes a session until ref rings: the first changes may come before
// anybody listens.
func hear(t *testing.T, rings <-chan store.Ref, ref store.Ref, change func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for change(); ; {
		select {
		case got := <-rings:
			if got == ref {
				return
			}
			t.Errorf("%v rang, want %v", got, ref)
		case <-again.C:
			change()
		case <-ctx.Done():
			t.Fatalf("nothing rang for %v", ref)
		}
	}
}

func TestListenersHearOfAllProcesses(t *testing.T) {
	path := filed(t)
	ours, theirs := open(t, path, store.Config{}), open(t, path, store.Config{})
	ref := create(t, ours, "id")
	rings, stop, ended := listen(t, ours)
	add := func(s *sqlitestore.Store) func() {
		return func() { apply(t, s, ref, write(), store.Add("n", 1).StartingAt(0)) }
	}
	hear(t, rings, ref, add(ours))
	for range 20 { // long enough for what is our own to be looked at, too
		hear(t, rings, ref, add(ours))
	}
	for len(rings) > 0 {
		<-rings
	}
	hear(t, rings, store.Ref{}, add(theirs))
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("listening ended with %v", err)
	}
}

func TestNobodyListensToAClosedStore(t *testing.T) {
	s := open(t, filed(t), store.Config{})
	_, _, ended := listen(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, fault.StoreUnavailable) {
		t.Errorf("listening ended with %v, want %s", err, fault.StoreUnavailable)
	}
	if err := s.Listen(t.Context(), func(store.Ref) {}); !errors.Is(err, fault.StoreUnavailable) {
		t.Errorf("listening later ended with %v, want %s", err, fault.StoreUnavailable)
	}
}

func TestAListenerThatBlocksHoldsNobodyUp(t *testing.T) {
	s := open(t, filed(t), store.Config{})
	ref := create(t, s, "id")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inside, release, ended := make(chan struct{}, 1), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.Listen(ctx, func(store.Ref) {
			select {
			case inside <- struct{}{}:
			default:
			}
			<-release
		})
	}()
	for blocked := false; !blocked; {
		apply(t, s, ref, write(), store.Add("n", 1).StartingAt(0))
		select {
		case <-inside:
			blocked = true
		default:
		}
	}
	for range 100 {
		apply(t, s, ref, write(), store.Add("n", 1))
	}
	close(release)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("listening ended with %v", err)
	}
}
