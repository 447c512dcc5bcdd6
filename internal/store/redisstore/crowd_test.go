package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

const (
	patience  = 30 * time.Second // with a crowd; far more than it needs
	lookAgain = 5 * time.Millisecond
)

// crowd is many callers who increment a counter in each of some sessions, as
// clients should: what is not answered is repeated under the same token. Every
// increment signs the change log with a name of its own, so that afterwards it
// is known of each how often it happened.
type crowd struct {
	t     *testing.T
	store store.Store
	refs  []store.Ref

	group    errgroup.Group
	stop     context.CancelFunc
	answered atomic.Int64 // increments
	visits   atomic.Int64
	repeated atomic.Int64 // calls
	mu       sync.Mutex
	done     map[store.Ref]map[string]bool // the names of what was answered
	longest  time.Duration                 // an increment took, repetitions included
	last     time.Time                     // that one was answered
	quiet    time.Duration                 // the longest time in which none was
	resumed  time.Time                     // when that ended
}

// gather creates sessions and has so many callers work in each. Visitors are
// callers who have sessions come, look for them in the list and have them go.
func gather(t *testing.T, s store.Store, sessions, callers, visitors int) *crowd {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c := &crowd{t: t, store: s, stop: stop, done: map[store.Ref]map[string]bool{}}
	t.Cleanup(func() {
		stop()
		_ = c.group.Wait()
	})
	for range sessions {
		ref := store.Ref{Owner: "crowd", ID: store.MintID()}
		if _, err := s.Create(ctx, ref, store.NewSession{Write: write("crowd"), TTL: time.Hour}); err != nil {
			t.Fatal(err)
		}
		c.refs = append(c.refs, ref)
		c.done[ref] = map[string]bool{}
	}
	// A call under way when the crowd is dispersed is still answered.
	lasting := context.WithoutCancel(ctx)
	work := func(call func(i int) error) {
		c.group.Go(func() error {
			for i := 0; ctx.Err() == nil; i++ {
				if err := call(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, ref := range c.refs {
		for caller := range callers {
			work(func(i int) error { return c.increment(lasting, ref, fmt.Sprintf("%d-%d", caller, i)) })
		}
	}
	for visitor := range visitors {
		owner := fmt.Sprintf("visitor-%d", visitor)
		work(func(int) error { return c.visit(lasting, owner) })
	}
	return c
}

// increment repeats one increment until it is answered.
func (c *crowd) increment(ctx context.Context, ref store.Ref, name string) error {
	unit := store.Unit{Write: write(name), Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
	start := time.Now()
	err := c.insist(ctx, func(ctx context.Context) error {
		_, err := c.store.Apply(ctx, ref, unit)
		return err
	})
	if err != nil {
		return fmt.Errorf("increment %s: %w", name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done[ref][name] = true
	now := time.Now()
	c.longest = max(c.longest, now.Sub(start))
	if quiet := now.Sub(c.last); !c.last.IsZero() && quiet > c.quiet {
		c.quiet, c.resumed = quiet, now
	}
	c.last = now
	c.answered.Add(1)
	return nil
}

// visit creates a session, finds it in its owner's list and removes it.
func (c *crowd) visit(ctx context.Context, owner string) error {
	ref := store.Ref{Owner: owner, ID: store.MintID()}
	create := store.NewSession{Write: write("visitor"), TTL: time.Hour}
	remove := store.SessionRemoval{Write: write("visitor")}
	for _, call := range []func(ctx context.Context) error{
		func(ctx context.Context) error { _, err := c.store.Create(ctx, ref, create); return err },
		func(ctx context.Context) error {
			page, err := c.store.List(ctx, owner, store.Page{Limit: 1000})
			if err == nil && (len(page.Items) != 1 || page.Items[0].Ref != ref) {
				return fmt.Errorf("listed %v, want only %v", page.Items, ref)
			}
			return err
		},
		func(ctx context.Context) error { _, err := c.store.Remove(ctx, ref, remove); return err },
	} {
		if err := c.insist(ctx, call); err != nil {
			return err
		}
	}
	c.visits.Add(1)
	return nil
}

// insist repeats a call as long as it is answered that the store was not
// reached, or perhaps was.
func (c *crowd) insist(ctx context.Context, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		err := call(ctx)
		if !errors.Is(err, fault.StoreUnavailable) && !errors.Is(err, fault.OutcomeUnknown) && !errors.Is(err, fault.DurabilityNotReached) {
			return err
		}
		c.repeated.Add(1)
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last: %w", ctx.Err(), err)
		case <-again.C:
		}
	}
}

// await waits until so many more increments have been answered.
func (c *crowd) await(more int64) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	for want := c.answered.Load() + more; c.answered.Load() < want; {
		select {
		case <-ctx.Done():
			c.stop()
			c.t.Fatalf("only %d increments were answered, want %d: %v", c.answered.Load(), want, c.group.Wait())
		case <-look.C:
		}
	}
}

// disperse ends the work and returns how many of the increments that were
// answered are not in the change logs, and how often any is too often.
func (c *crowd) disperse() (lost, doubled int) {
	c.t.Helper()
	c.stop()
	if err := c.group.Wait(); err != nil {
		c.t.Error(err)
	}
	for _, ref := range c.refs {
		times := map[string]int{}
		changes, err := c.store.Changes(c.t.Context(), ref, 0, 100_000)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, change := range changes {
			times[change.By]++
		}
		for name := range c.done[ref] {
			if times[name] == 0 {
				lost++
			}
		}
		for _, n := range times {
			doubled += n - 1
		}
		snap, err := c.store.Read(c.t.Context(), ref, "n")
		if err != nil {
			c.t.Fatal(err)
		}
		if n, _ := snap.Variables["n"].Value.Int64(); n != int64(len(changes)) {
			c.t.Errorf("the counter is %d after %d changes", n, len(changes))
		}
	}
	c.t.Logf("%d increments and %d visits answered, %d calls repeated, the longest increment took %v, none was answered for %v; lost %d, doubled %d",
		c.answered.Load(), c.visits.Load(), c.repeated.Load(), c.longest.Round(time.Millisecond), c.quiet.Round(time.Millisecond), lost, doubled)
	return lost, doubled
}
