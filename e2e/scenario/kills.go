package scenario

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Kills has clients increment one counter, each increment under a key of its
// own and repeated on the next replica until it is acknowledged, while one
// replica after the other is killed and replaced.
type Kills struct {
	Fleet   Fleet
	Clients int
	Each    int           // increments of each client; 0: as many as it can
	For     time.Duration // how long clients begin new ones; they finish what they began
	Every   time.Duration // between two kills
	Least   int           // kills without which nothing is shown
}

const tryTime = 2 * time.Second // for one request

// Run starts the fleet, runs the scenario and fails the test unless each
// increment happened exactly once. It returns the worst latency of a caller.
func (k Kills) Run(t *testing.T) (worst time.Duration) {
	t.Helper()
	begin(t, k.Fleet)
	var all ledger
	kills, took := k.during(t, func() { all = k.work(t) })

	f := all.figures()
	t.Logf("%d replicas, %d clients, %s: %d kills, %.0f increments/s; %s",
		k.Fleet.Size(), k.Clients, took.Round(10*time.Millisecond), kills, float64(f.count)/took.Seconds(), f)
	if want := k.Clients * k.Each; k.Each > 0 && f.count != want {
		t.Errorf("%d increments were acknowledged, want %d", f.count, want)
	}
	for _, complaint := range all.audit(counted(t, k.Fleet.URL(0))) {
		t.Error(complaint)
	}
	return f.worst
}

// during has work done while replicas are killed, and fails the test when too
// few were. It returns how many, and how long the work took.
func (k Kills) during(t *testing.T, work func()) (kills int, took time.Duration) {
	t.Helper()
	start := time.Now()
	killing, stopKilling := context.WithCancel(t.Context())
	killed := make(chan int, 1)
	go func() { killed <- k.killEach(killing, t) }()
	work()
	took = time.Since(start)
	stopKilling()
	if kills = <-killed; kills < k.Least {
		t.Errorf("%d kills show little, want %d", kills, k.Least)
	}
	return kills, took
}

// killEach kills replicas in turn and replaces each, until ctx is done. Those
// that it killed are up again when it returns, and it returns how many that
// were. A replacement that takes its time does not put off the next kill, as
// long as another replica is there.
func (k Kills) killEach(ctx context.Context, t *testing.T) (kills int) {
	var replacing sync.WaitGroup
	defer replacing.Wait()
	up := make(chan int, k.Fleet.Size())
	for i := range k.Fleet.Size() {
		up <- i
	}
	tick := time.NewTicker(k.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return kills
		case <-tick.C:
		}
		if len(up) < 2 {
			continue
		}
		victim := <-up
		if err := k.Fleet.Kill(t.Context(), victim); err != nil {
			t.Errorf("killing replica %d: %v", victim, err)
			return kills
		}
		kills++
		replacing.Go(func() {
			if err := k.Fleet.Start(t.Context(), victim); err != nil {
				t.Errorf("replacing replica %d: %v", victim, err)
				return
			}
			up <- victim
		})
	}
}

// work runs the clients to their end.
func (k Kills) work(t *testing.T) ledger {
	ctx, cancel := context.WithTimeout(t.Context(), k.For)
	defer cancel()
	client := newClient(k.Clients, tryTime)
	defer client.CloseIdleConnections()
	own := make([]ledger, k.Clients)
	var wg sync.WaitGroup
	for c := range k.Clients {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil && (k.Each == 0 || i < k.Each); i++ {
				key := fmt.Sprintf("c%d-%d", c, i)
				e, err := k.increment(t.Context(), client, c+i, key)
				if err != nil {
					t.Errorf("%s: %v", key, err)
					own[c].gaveUp = append(own[c].gaveUp, key)
					return
				}
				own[c].entries = append(own[c].entries, e)
			}
		})
	}
	wg.Wait()
	var all ledger
	for _, l := range own {
		all.add(l)
	}
	return all
}

// increment sees one increment through, beginning with the replica whose turn
// it is.
func (k Kills) increment(ctx context.Context, client *http.Client, turn int, key string) (entry, error) {
	start := time.Now()
	e := entry{key: key}
	var err error
	e.tries, err = persist(ctx, k.Fleet, turn, func(ctx context.Context, url string) (int, error) {
		r, err := send(ctx, client, http.MethodPost, calls(url), key, increment)
		if err != nil {
			return 0, err
		}
		o, err := r.outcome()
		e.value, e.replayed = o.Result.Value, r.replayed
		return r.status, err
	})
	e.took = time.Since(start)
	return e, err
}
