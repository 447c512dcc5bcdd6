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
)

// badNetwork is a network between store and server, and what may be expected
// of calls over it.
type badNetwork struct {
	name    string
	line    faultproxy.Line
	callers int
	// bound is how many calls a second the network allows; 0 when that means
	// nothing.
	bound float64
	// harass is called again and again, this long after it has returned.
	harass func(p *faultproxy.Proxy, pause func(time.Duration))
	// healing is set when calls fail for a while.
	healing bool
}

const (
	networkTime = 4 * time.Second // that each network is used for
	goodput     = 0.9             // of the bound
)

func badNetworks() []badNetwork {
	const (
		callers      = 64
		delay        = 200 * time.Millisecond
		jitter       = 100 * time.Millisecond
		rate         = 64 << 10
		partitioning = 1500 * time.Millisecond
	)
	return []badNetwork{
		{name: "latency of 200 ms ± 100", line: faultproxy.Line{Delay: delay, Jitter: jitter}, callers: callers, bound: callers / delay.Seconds()},
		{name: "slices of one byte", line: faultproxy.Line{Slice: 1}, callers: callers},
		{name: "64 KiB a second", line: faultproxy.Line{Rate: rate}, callers: callers},
		{
			name: "resets", callers: callers,
			harass: func(p *faultproxy.Proxy, pause func(time.Duration)) {
				p.Sever()
				pause(50 * time.Millisecond)
				p.Arm(faultproxy.Reset)
				pause(50 * time.Millisecond)
			},
		},
		{
			name: "partitions of 1.5 s", callers: callers, healing: true,
			harass: func(p *faultproxy.Proxy, pause func(time.Duration)) {
				pause(500 * time.Millisecond)
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
		t.Run(n.name, func(t *testing.T) { n.test(t, newWired(t, open, newOwner(t))) })
	}
}

// traffic is what callers saw.
type traffic struct {
	mu       sync.Mutex
	answered int
	failed   int
	longest  time.Duration // of a call, without repetitions
}

func (tr *traffic) note(took time.Duration, err error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.longest = max(tr.longest, took)
	if err == nil {
		tr.answered++
	} else {
		tr.failed++
	}
}

// test has callers increment a counter each, over the bad network.
func (n badNetwork) test(t *testing.T, s *wired) {
	ref := s.create(t, lifetime)
	s.proxy.Shape(n.line)
	ctx, cancel := context.WithTimeout(t.Context(), networkTime)
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
	var seen traffic
	sums := make([]int64, n.callers)
	start := time.Now()
	for caller := range sums {
		group.Go(func() (err error) {
			sums[caller], err = s.count(ctx, ref, fmt.Sprintf("n%d", caller), &seen)
			return err
		})
	}
	err := group.Wait()
	took := time.Since(start)
	harassing.Wait()
	s.proxy.Disarm()
	s.proxy.Resume()
	s.proxy.Shape(faultproxy.Line{})
	wantNoError(t, err)

	all := int64(0)
	for caller, want := range sums {
		all += want
		if got := s.integer(t, ref, fmt.Sprintf("n%d", caller)); got != want {
			t.Errorf("caller %d's counter is %d, want %d", caller, got, want)
		}
	}
	if session := s.get(t, ref); session.Commands != all {
		t.Errorf("the session counted %d calls, want %d", session.Commands, all)
	}
	got := float64(seen.answered) / took.Seconds()
	t.Logf("%d callers for %v: %d answered, %.0f a second, %d failed and were repeated, the longest took %v",
		n.callers, took.Round(time.Millisecond), seen.answered, got, seen.failed, seen.longest.Round(time.Millisecond))
	if seen.longest > answerTime {
		t.Errorf("a call took %v, want at most %v", seen.longest, answerTime)
	}
	if n.bound > 0 {
		t.Logf("the network allows %.0f a second: %.1f %%", n.bound, 100*got/n.bound)
		if got < goodput*n.bound {
			t.Errorf("%.0f calls a second were answered, want at least %.0f %% of %.0f", got, 100*goodput, n.bound)
		}
	}
}

// count increments a counter until ctx ends, each time under a key that it
// repeats until it is answered, and returns how often.
func (s *wired) count(ctx context.Context, ref store.Ref, name string, seen *traffic) (int64, error) {
	for want := int64(1); ; want++ {
		u := store.Unit{Write: keyed(fmt.Sprintf("%s-%d", name, want), "request"), Count: true, Ops: []store.Op{store.Add(name, 1).StartingAt(0)}}
		for {
			start := time.Now()
			// Not ctx: what was begun is brought to its end.
			applied, err := s.Apply(context.WithoutCancel(ctx), ref, u)
			seen.note(time.Since(start), err)
			if errors.Is(err, fault.StoreUnavailable) || errors.Is(err, fault.OutcomeUnknown) {
				continue
			}
			if err != nil {
				return 0, err
			}
			if got, _ := applied.Results[0].Value.Int64(); got != want {
				return 0, fmt.Errorf("increment %d of %s was answered %d", want, name, got)
			}
			break
		}
		if ctx.Err() != nil {
			return want, nil
		}
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
