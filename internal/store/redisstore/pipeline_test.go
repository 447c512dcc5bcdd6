package redisstore_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/redisstore"
	"toolpit/internal/store/storetest/faultproxy"
	"toolpit/internal/store/storetest/lateness"
	"toolpit/internal/store/storetest/redistest"
)

const many = 64 // callers at once

// together runs call for each of n callers at once.
func together(n int, call func(i int)) {
	var callers sync.WaitGroup
	for i := range n {
		callers.Go(func() { call(i) })
	}
	callers.Wait()
}

func addOne(w store.Write) store.Unit {
	return store.Unit{Write: w, Count: true, Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
}

// newCounter creates a session in which addOne counts.
func newCounter(t *testing.T, s store.Store) store.Ref {
	t.Helper()
	ref := store.Ref{Owner: "o", ID: store.MintID()}
	if _, err := s.Create(t.Context(), ref, store.NewSession{Write: write("t"), TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	return ref
}

// insist applies a unit as a client does, until it is answered: a busy machine
// may keep a server from answering in time.
func insist(t *testing.T, s store.Store, ref store.Ref, u store.Unit) {
	t.Helper()
	const patience = 10
	var err error
	for range patience {
		_, err = s.Apply(t.Context(), ref, u)
		if !errors.Is(err, fault.OutcomeUnknown) && !errors.Is(err, fault.StoreUnavailable) {
			break
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func wantCount(t *testing.T, s store.Store, ref store.Ref, want int64) {
	t.Helper()
	snap, err := s.Read(t.Context(), ref, "n")
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := snap.Variables["n"].Value.Int64(); n != want || snap.Commands != want {
		t.Errorf("the counter is %d and %d commands were counted, want %d", n, snap.Commands, want)
	}
}

// behindProxy opens a store that has a connection through a proxy.
func behindProxy(t *testing.T) (*redisstore.Store, *faultproxy.Proxy, store.Ref) {
	t.Helper()
	proxy := faultproxy.Start(t, redistest.StartServer(t).Addr())
	s := open(t, "redis://"+proxy.Addr()+"/0", store.Config{})
	return s, proxy, newCounter(t, s)
}

// served returns how many reads from connections, and how many EVALSHA, the
// server has seen.
func served(t *testing.T, c *redis.Client) (reads, scripts int64) {
	t.Helper()
	info := c.Info(t.Context(), "stats", "commandstats").Val()
	number := func(before, after string) int64 {
		_, rest, _ := strings.Cut(info, before)
		text, _, _ := strings.Cut(rest, after)
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatalf("INFO has no number after %q: %v", before, err)
		}
		return n
	}
	return number("total_reads_processed:", "\r\n"), number("cmdstat_evalsha:calls=", ",")
}

func TestConcurrentCallsShareRoundTrips(t *testing.T) {
	t.Run("standalone", func(t *testing.T) {
		url := redistest.Start(t)
		shareRoundTrips(t, open(t, url, store.Config{}), raw(t, url))
	})
	t.Run("cluster", func(t *testing.T) {
		cluster := redistest.StartClusterOf(t, 1)
		shareRoundTrips(t, open(t, cluster.URL(), store.Config{}), raw(t, cluster.Nodes()[0].URL()))
	})
}

func shareRoundTrips(t *testing.T, s store.Store, c *redis.Client) {
	t.Helper()
	const each = 50
	ref := newCounter(t, s)
	reads, scripts := served(t, c)
	together(many, func(int) {
		for range each {
			insist(t, s, ref, addOne(write("t")))
		}
	})
	moreReads, moreScripts := served(t, c)
	reads, scripts = moreReads-reads, moreScripts-scripts
	if scripts > many*each/2 || reads > many*each/2 {
		t.Errorf("%d units were %d scripts, read in %d pieces; want two or more in each", many*each, scripts, reads)
	}
	t.Logf("%d units in %d scripts, in %d pieces", many*each, scripts, reads)
	wantCount(t, s, ref, many*each)
}

func TestScriptsSurviveFlushesUnderLoad(t *testing.T) {
	const each, flushEvery = 50, 100
	url := redistest.Start(t)
	s, c := open(t, url, store.Config{}), raw(t, url)
	ref := newCounter(t, s)
	var calls atomic.Int64
	together(many, func(int) {
		for range each {
			if calls.Add(1)%flushEvery == 0 {
				if err := c.ScriptFlush(t.Context()).Err(); err != nil {
					t.Error(err)
				}
			}
			insist(t, s, ref, addOne(write("t")))
		}
	})
	wantCount(t, s, ref, many*each)
}

func TestALostBatchIsAppliedOnce(t *testing.T) {
	const each, armAfter = 20, many
	s, proxy, ref := behindProxy(t)
	var count, lost, replayed int64
	for _, f := range faultproxy.Faults() {
		var calls, again atomic.Int64
		together(many, func(int) {
			for range each {
				if calls.Add(1) == armAfter {
					proxy.Arm(f)
				}
				unit := addOne(write("t"))
				applied, err := s.Apply(t.Context(), ref, unit)
				for errors.Is(err, fault.OutcomeUnknown) { // so slow a machine that the repetition was late, too
					applied, err = s.Apply(t.Context(), ref, unit)
				}
				if err != nil {
					t.Errorf("%s: %v", f, err)
				}
				if applied.Replayed {
					again.Add(1)
				}
			}
		})
		count += many * each
		wantCount(t, s, ref, count)
		if f.Applied() {
			lost++
			replayed += again.Load()
		}
	}
	if replayed < lost {
		t.Errorf("%d batches were applied and lost, but only %d units were answered again", lost, replayed)
	}
	t.Logf("%d lost batches of %d units", lost, replayed)
}

func TestADeadBatchDoesNotHoldUpTheNext(t *testing.T) {
	s, proxy, ref := behindProxy(t)
	struck, answered := proxy.Arm(faultproxy.Swallow), make(chan struct{})
	go func() {
		defer close(answered)
		insist(t, s, ref, addOne(write("t")))
	}()
	<-struck
	insist(t, s, ref, addOne(write("t")))
	select {
	case <-answered:
		t.Error("a call waited for a batch that was dead")
	default:
	}
	<-answered
	wantCount(t, s, ref, 2)
}

func TestACallerThatLeavesDisturbsNobody(t *testing.T) {
	s, proxy, ref := behindProxy(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	proxy.Hang()
	var patient, hasty sync.WaitGroup
	var alone atomic.Int64
	hurried := make([]store.Unit, many/2)
	for i := range hurried {
		hurried[i] = addOne(write("t"))
		hasty.Go(func() {
			_, err := s.Apply(ctx, ref, hurried[i])
			switch {
			case errors.Is(err, context.Canceled): // whatever became of its batch
			case errors.Is(err, fault.OutcomeUnknown) && alone.Add(1) == 1: // the one that found nothing under way
			default:
				t.Errorf("a call that was cancelled was answered %v", err)
			}
		})
		patient.Go(func() { insist(t, s, ref, addOne(write("t"))) })
	}
	cancel()
	hasty.Wait()
	proxy.Resume()
	patient.Wait()
	for _, u := range hurried {
		insist(t, s, ref, u)
	}
	wantCount(t, s, ref, many)
}

func TestAHungServerKeepsNobodyWaiting(t *testing.T) {
	const limit = store.CallTimeout + 100*time.Millisecond
	s, proxy, ref := behindProxy(t)
	units := make([]store.Unit, many)
	late := lateness.Watch(t)
	proxy.Hang()
	together(many, func(i int) {
		units[i] = addOne(write("t"))
		start := time.Now()
		_, err := s.Apply(t.Context(), ref, units[i])
		if !errors.Is(err, fault.StoreUnavailable) && !errors.Is(err, fault.OutcomeUnknown) {
			t.Errorf("a call of a server that hangs was answered %v", err)
		}
		if took, most := time.Since(start), limit+late(); took > most {
			t.Errorf("a call of a server that hangs took %v, want at most %v, of which the machine is late by %v", took, most, late())
		}
	})
	proxy.Resume()
	together(many, func(i int) { insist(t, s, ref, units[i]) })
	wantCount(t, s, ref, many)
}

func TestCloseAnswersWhoWaits(t *testing.T) {
	proxy := faultproxy.Start(t, redistest.StartServer(t).Addr())
	s, err := redisstore.Open("redis://"+proxy.Addr()+"/0", store.Config{}, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ref := newCounter(t, s)
	proxy.Hang()
	var callers, begun sync.WaitGroup
	begun.Add(many)
	for range many {
		callers.Go(func() {
			begun.Done()
			_, err := s.Apply(t.Context(), ref, addOne(write("t")))
			if !errors.Is(err, fault.StoreUnavailable) && !errors.Is(err, fault.OutcomeUnknown) {
				t.Errorf("a call that met the end of the store was answered %v", err)
			}
		})
	}
	begun.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	callers.Wait()
	if _, err := s.Apply(t.Context(), ref, addOne(write("t"))); !errors.Is(err, fault.StoreUnavailable) {
		t.Errorf("a call of a closed store was answered %v", err)
	}
}

// go-redis leaves the commands of a pipeline without an error when it is the
// server that refuses their new connection.
func TestARefusedConnectionIsNoReply(t *testing.T) {
	url := strings.Replace(redistest.Start(t), "redis://", "redis://nobody:wrong@", 1)
	s, err := redisstore.Open(url, store.Config{}, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Apply(t.Context(), store.Ref{Owner: "o", ID: "x"}, addOne(write("t")))
	if !errors.Is(err, fault.StoreUnavailable) || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("Apply = %v, want the server's refusal", err)
	}
}
