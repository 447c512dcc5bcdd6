package redisstore_test

import (
	"fmt"
	"testing"
	"time"

	"toolpit/internal/store"
	"toolpit/internal/store/redisstore"
	"toolpit/internal/store/storetest"
	"toolpit/internal/store/storetest/redistest"
)

// A Redis that writes each command to disk before it answers may be killed at
// any time.
func TestAKilledRedisLosesNothing(t *testing.T) {
	const cycles, serving = 5, 2 * time.Second
	server := redistest.StartServer(t, "--appendonly", "yes", "--appendfsync", "always")
	s := open(t, server.URL(), store.Config{Limits: store.Limits{Changes: 1 << 20}})
	if long() {
		const sessions = 100_000
		start := time.Now()
		server.Configure("appendfsync", "no") // the disk of a busy machine takes minutes for them
		together(many, func(caller int) {
			for i := caller; i < sessions; i += many {
				ref := store.Ref{Owner: "idle", ID: fmt.Sprintf("ses_%034d", i)}
				if _, err := s.Create(t.Context(), ref, store.NewSession{Write: write("t"), TTL: time.Hour}); err != nil {
					t.Error(err)
				}
			}
		})
		t.Logf("%d sessions created in %v", sessions, time.Since(start).Round(time.Millisecond))
		server.Configure("appendfsync", "always")
		// Redis makes its log short by itself, but not at a time of ours.
		c := raw(t, server.URL())
		short := func() bool { return field(c.Info(t.Context(), "persistence").Val(), "aof_rewrite_in_progress") == "0" }
		nothing := func() {}
		await(t, short, nothing, "the log is not made short")
		if err := c.BgRewriteAOF(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		await(t, short, nothing, "the log is not made short")
	}
	c := gather(t, s, many/8, 8, 2)
	for range cycles {
		c.await(1000)
		server.Kill()
		start := time.Now()
		server.Restart()
		loaded := time.Since(start)
		c.await(1)
		took := time.Since(start)
		t.Logf("started again: loaded after %v, first increment answered after %v", loaded.Round(time.Millisecond), took.Round(time.Millisecond))
		if took > serving {
			t.Errorf("an increment is answered %v after Redis was started again, want at most %v", took, serving)
		}
	}
	c.await(1000)
	if c.repeated.Load() == 0 {
		t.Error("nobody noticed that Redis was killed")
	}
	if lost, doubled := c.disperse(); lost != 0 || doubled != 0 {
		t.Errorf("lost %d, doubled %d", lost, doubled)
	}
}

// What eight clients are answered of one session is as if each operation had
// happened at one instant, although Redis is killed again and again.
func TestHistoriesOverKilledRedis(t *testing.T) {
	const pause = 400 * time.Millisecond
	server := redistest.StartServer(t, "--appendonly", "yes", "--appendfsync", "always")
	stop, kills := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		defer func() { kills <- n }()
		for {
			select {
			case <-stop:
				return
			case <-time.After(pause):
			}
			if err := server.TryRestart(); err != nil {
				t.Error(err)
				return
			}
			n++
		}
	}()
	storetest.RunHistories(t, func(t *testing.T, cfg store.Config) store.Store { return openLater(t, server.URL(), cfg) })
	close(stop)
	n := <-kills
	t.Logf("Redis was killed %d times", n)
	if n == 0 {
		t.Error("Redis was never killed")
	}
}

// openLater is open for a server that need not answer yet.
func openLater(t *testing.T, url string, cfg store.Config) *redisstore.Store {
	t.Helper()
	s, err := redisstore.Open(url, cfg, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	awaitFit(t, s)
	return s
}

// awaitFit waits for a store whose server may be down, or just busy.
func awaitFit(t *testing.T, s store.Store) {
	t.Helper()
	await(t, func() bool { return s.Check(t.Context()) == nil }, func() {}, "the store does not answer")
}
