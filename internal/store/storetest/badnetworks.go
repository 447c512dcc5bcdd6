package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/storetest/faultproxy"
	"toolpit/internal/store/storetest/lateness"
)

// badNetwork is a network between store and server, and what may be expected
// of calls over it.
type badNetwork struct {
	name    string
	line    faultproxy.Line
	callers int
	time    time.Duration // that it is used for
	// warmUp is how much of the time goes by before calls are counted, where the
	// line's delays alone say how many calls a second there can be. Connections
	// are made meanwhile: as the callers of a batch drift apart they need more,
	// and each takes a round trip to be made.
	warmUp time.Duration
	// harass is called again and again, this long after it has returned.
	harass func(p *faultproxy.Proxy, pause func(time.Duration))
}

const (
	// goodput is the share of the calls a line of much delay allows that is aimed
	// at. It is logged: on two cores under the race detector 0.77 to 0.95 were
	// seen. Below the half, callers would wait for each other, and that is a fault.
	goodput, beside = 0.9, 0.5
	// alone is how many calls are made one by one, to see how long they take.
	alone = 5
)

func badNetworks() []badNetwork {
	const (
		callers      = 64
		delay        = 200 * time.Millisecond
		jitter       = 100 * time.Millisecond
		rate         = 64 << 10
		short        = 3 * time.Second
		partitioning = 1500 * time.Millisecond
		between      = 500 * time.Millisecond
	)
	return []badNetwork{
		{name: "latency of 200 ms ± 100", line: faultproxy.Line{Delay: delay, Jitter: jitter}, callers: callers, time: 8 * time.Second, warmUp: 4 * time.Second},
		{name: "slices of one byte", line: faultproxy.Line{Slice: 1}, callers: callers, time: short},
		{name: "64 KiB a second", line: faultproxy.Line{Rate: rate}, callers: callers, time: short},
		{
			name: "resets", callers: callers, time: short,
			harass: func(p *faultproxy.Proxy, pause func(time.Duration)) {
				p.Sever()
				pause(50 * time.Millisecond)
				p.Arm(faultproxy.Reset)
				pause(50 * time.Millisecond)
			},
		},
		{
			name: "partitions of 1.5 s", callers: callers, time: 2*partitioning + 2*between,
			harass: func(p *faultproxy.Proxy, pause func(time.Duration)) {
				pause(between)
				p.Hang()
				pause(partitioning)
				p.Resume()
			},
		},
	}
}

// RunBadNetworks tests that keyed calls have one effect and the right answer
// each, whatever the network between the store and its server does, and how
// many get through. Each call of open must return a proxy that no other store
// uses.
func RunBadNetworks(t *testing.T, open func(t *testing.T, cfg store.Config) (store.Store, *faultproxy.Proxy)) {
	for _, n := range badNetworks() {
		t.Run(n.name, func(t *testing.T) {
			share := n.use(t, newWired(t, open, newOwner(t)))
			if n.warmUp > 0 {
				t.Logf("%.1f %% of the calls that the delays allow were answered; the aim is %.0f %%", 100*share, 100*goodput)
			}
			if n.warmUp > 0 && share < beside {
				t.Errorf("callers wait for each other")
			}
		})
	}
}

// traffic is what callers saw.
type traffic struct {
	warm     time.Time // what is answered before does not count in steady
	cold     time.Time // nor what is answered after it
	mu       sync.Mutex
	answered int
	steady   int
	failed   int
	longest  time.Duration // of a call, without repetitions
}

func (tr *traffic) note(start time.Time, err error) {
	now := time.Now()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.longest = max(tr.longest, now.Sub(start))
	if err != nil {
		tr.failed++
		return
	}
	tr.answered++
	if now.After(tr.warm) && now.Before(tr.cold) {
		tr.steady++
	}
}

// rate is how many calls a second were answered once everything was warm.
func (tr *traffic) rate() float64 { return float64(tr.steady) / tr.cold.Sub(tr.warm).Seconds() }

// use has callers increment a counter each, over the bad network. It returns
// which share of the calls that the delays allow were answered.
func (n badNetwork) use(t *testing.T, s *wired) float64 {
	t.Helper()
	ref := s.create(t, lifetime)
	s.proxy.Shape(n.line)
	before := time.Now()
	for i := range alone {
		if got, err := s.increment(t.Context(), ref, "alone", int64(i+1), &traffic{}); err != nil {
			t.Fatalf("call %d was answered %d, %v", i, got, err)
		}
	}
	lone := time.Since(before) / alone

	late := lateness.Watch(t)
	start := time.Now()
	seen := traffic{warm: start.Add(n.warmUp), cold: start.Add(n.time)}
	sums, err := n.crowd(t, s, ref, &seen)
	s.proxy.Disarm()
	s.proxy.Resume()
	s.proxy.Shape(faultproxy.Line{})
	wantNoError(t, err)

	all := int64(alone)
	for caller, want := range sums {
		all += want
		if got := s.integer(t, ref, fmt.Sprintf("n%d", caller)); got != want {
			t.Errorf("caller %d's counter is %d, want %d", caller, got, want)
		}
	}
	if session := s.get(t, ref); session.Commands != all {
		t.Errorf("the session counted %d calls, want %d", session.Commands, all)
	}
	t.Logf("%d callers: %d calls answered, all of them right and applied once, %.0f a second; %d failed and were repeated; the longest took %v, a lone one %v",
		n.callers, seen.answered, seen.rate(), seen.failed, seen.longest.Round(time.Millisecond), lone.Round(time.Millisecond))
	if most := answerTime + late(); seen.longest > most {
		t.Errorf("a call took %v, want at most %v, of which the machine is late by %v", seen.longest, most, late())
	}
	if n.warmUp == 0 {
		return 0
	}
	replies, delays := s.proxy.Delayed()
	mean := delays / time.Duration(replies)
	bound := float64(n.callers) / mean.Seconds()
	t.Logf("a reply was delayed by %v on average, which allows %.0f calls a second: %.1f %% of them were answered",
		mean.Round(time.Millisecond), bound, 100*seen.rate()/bound)
	return seen.rate() / bound
}

// crowd lets the callers work, and returns how often each has incremented its
// counter.
func (n badNetwork) crowd(t *testing.T, s *wired, ref store.Ref, seen *traffic) ([]int64, error) {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), seen.cold)
	defer cancel()
	var harassing sync.WaitGroup
	if n.harass != nil {
		harassing.Go(func() {
			for ctx.Err() == nil {
				n.harass(s.proxy, func(d time.Duration) { pause(ctx, d) })
			}
		})
	}
	var group errgroup.Group
	sums := make([]int64, n.callers)
	for caller := range sums {
		group.Go(func() (err error) {
			name := fmt.Sprintf("n%d", caller)
			for err == nil && ctx.Err() == nil {
				sums[caller], err = s.increment(ctx, ref, name, sums[caller]+1, seen)
			}
			return err
		})
	}
	harassing.Wait()
	return sums, group.Wait()
}

// increment increments a counter for the nth time, under a key that it repeats
// until it is answered, which must be with n.
func (w *wired) increment(ctx context.Context, ref store.Ref, name string, n int64, seen *traffic) (int64, error) {
	u := store.Unit{Write: keyed(fmt.Sprintf("%s-%d", name, n), "request"), Count: true, Ops: []store.Op{store.Add(name, 1).StartingAt(0)}}
	for {
		start := time.Now()
		// Not ctx: what was begun is brought to its end.
		applied, err := w.Apply(context.WithoutCancel(ctx), ref, u)
		seen.note(start, err)
		if errors.Is(err, fault.StoreUnavailable) || errors.Is(err, fault.OutcomeUnknown) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if got, _ := applied.Results[0].Value.Int64(); got != n {
			return got, fmt.Errorf("increment %d of %s was answered %d", n, name, got)
		}
		return n, nil
	}
}

// pause waits for d, less when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
