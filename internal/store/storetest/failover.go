package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/storetest/lateness"
)

// Failover is a store whose server can be replaced by a replica that lacks
// what was written last.
type Failover struct {
	Open func(t *testing.T, cfg store.Config) store.Store
	Sync func() // waits until the replicas have what was written, and keeps from them what will be
	Kill func() // kills the server and waits until another one is in its place
}

// RunFailover tests that a caller who insists has every mutation done once,
// also when what was answered before is lost with the server, and that every
// call is answered in time. It does not test that nothing is lost: that is the
// promise of servers that wait for their replicas.
func RunFailover(t *testing.T, f Failover) {
	const pace = 10 * time.Millisecond
	s := newSubject(t, f.Open, store.Config{})
	var calls []*insistent
	for _, m := range mutations() {
		for _, kind := range tokenKinds {
			c := &insistent{mutation: m, ref: s.newRef(), twin: s.newRef(), w: kind.make()}
			w := kind.make()
			m.prepare(t, s, c.twin, w)
			var err error
			c.want, _, err = m.call(t.Context(), s, c.twin, w)
			wantNoError(t, err)
			m.prepare(t, s, c.ref, c.w)
			calls = append(calls, c)
		}
	}
	f.Sync()

	late := lateness.Watch(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var callers sync.WaitGroup
	for _, c := range calls {
		callers.Go(func() { c.insist(t, ctx, s, pace) })
	}
	each := func(enough func(c *insistent) bool) {
		over, look := time.After(failoverTime), time.NewTicker(pace)
		defer look.Stop()
		for _, c := range calls {
			for !enough(c) {
				select {
				case <-over:
					stop()
					callers.Wait()
					t.Fatalf("%s was not answered again", c.name)
				case <-look.C:
				}
			}
		}
	}
	each(func(c *insistent) bool { return c.answered.Load() > 0 })
	f.Kill()
	before := make(map[*insistent]int64, len(calls))
	for _, c := range calls {
		before[c] = c.answered.Load()
	}
	each(func(c *insistent) bool { return c.answered.Load() > before[c] })
	stop()
	callers.Wait()

	var answered, refused, again int64
	slowest := time.Duration(0)
	for _, c := range calls {
		answered += c.answered.Load()
		refused += c.refused
		again += c.first - 1
		slowest = max(slowest, c.slowest)
		wantEqual(t, c.name+": session, compared with one that met no failover",
			s.look(t, c.ref, mutationNames...), s.look(t, c.twin, mutationNames...), butIdentity)
	}
	t.Logf("%d mutations answered %d times and refused %d times, the slowest after %v; %d were lost and done again",
		len(calls), answered, refused, slowest.Round(time.Millisecond), again)
	if refused == 0 || again == 0 {
		t.Error("nobody noticed the failover, or it lost nothing")
	}
	if most := answerTime + late(); slowest > most {
		t.Errorf("a call took %v, want at most %v, of which the machine is late by %v", slowest, most, late())
	}
}

// failoverTime is far more than servers need for a failover.
const failoverTime = 30 * time.Second

// insistent is a caller who makes one call again and again.
type insistent struct {
	mutation
	ref, twin store.Ref
	w         store.Write
	want      any

	answered       atomic.Int64
	first, refused int64
	slowest        time.Duration
}

// insist makes the call until ctx ends, and requires of every answer that it is
// the right one.
func (c *insistent) insist(t *testing.T, ctx context.Context, s *subject, every time.Duration) {
	pace := time.NewTicker(every)
	defer pace.Stop()
	for ctx.Err() == nil {
		start := time.Now()
		got, replayed, err := c.call(context.WithoutCancel(ctx), s, c.ref, c.w)
		c.slowest = max(c.slowest, time.Since(start))
		switch {
		case err == nil:
			if diff := cmp.Diff(c.want, got, butReplayed, butIdentity, comparison); diff != "" {
				t.Errorf("%s: answer, compared with one without a failover (-want +got):\n%s", c.name, diff)
				return
			}
			if !replayed {
				c.first++
			}
			c.answered.Add(1)
		case errors.Is(err, fault.StoreUnavailable), errors.Is(err, fault.OutcomeUnknown):
			c.refused++
		default:
			t.Errorf("%s: %v", c.name, err)
			return
		}
		<-pace.C
	}
}
