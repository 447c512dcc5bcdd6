package redisstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/redisstore"
	"toolpit/internal/store/storetest"
	"toolpit/internal/store/storetest/faultproxy"
	"toolpit/internal/store/storetest/redistest"
	"toolpit/internal/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a store that is fit for use, and closes it with the test.
func open(t *testing.T, url string, cfg store.Config) *redisstore.Store {
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
	// On a busy machine the first dial may take longer than a call may.
	for try := 1; ; try++ {
		err := s.Check(t.Context())
		if err == nil {
			return s
		}
		if try == 5 || !errors.Is(err, fault.StoreUnavailable) {
			t.Fatal(err)
		}
	}
}

func TestConformance(t *testing.T) {
	url := redistest.Shared(t)
	storetest.Run(t, func(t *testing.T, cfg store.Config) store.Store { return open(t, url, cfg) })
}

func TestReplicas(t *testing.T) {
	url := redistest.Shared(t)
	storetest.RunReplicas(t, func(t *testing.T, cfg store.Config) (a, b store.Store) {
		return open(t, url, cfg), open(t, url, cfg)
	})
}

func TestFaults(t *testing.T) {
	server := redistest.StartServer(t)
	storetest.RunFaults(t, func(t *testing.T, cfg store.Config) (store.Store, *faultproxy.Proxy) {
		proxy := faultproxy.Start(t, server.Addr())
		return open(t, "redis://"+proxy.Addr()+"/0", cfg), proxy
	})
}

// raw returns a client that looks at the keys behind the store's back.
func raw(t *testing.T, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func write(by string) store.Write {
	return store.Write{Token: store.MintToken(time.Now()), By: by}
}

func keyed(key string) store.Write {
	return store.Write{Token: store.KeyedToken(key), Fingerprint: [32]byte{1}, By: "test"}
}

// sessionKeys returns all keys but the index, the layout and records outside
// sessions.
func sessionKeys(t *testing.T, c *redis.Client) []string {
	t.Helper()
	var out []string
	all := c.Scan(t.Context(), 0, "tp1:*", 1000).Iterator()
	for all.Next(t.Context()) {
		if k := all.Val(); k != "tp1:layout" && !strings.HasPrefix(k, "tp1:{index}:") && !strings.HasPrefix(k, "tp1:k:") {
			out = append(out, k)
		}
	}
	if err := all.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryKeyOfASessionExpires(t *testing.T) {
	url := redistest.Start(t)
	clock := &storetest.Clock{}
	s, c := open(t, url, store.Config{Offset: clock.Offset}), raw(t, url)
	ctx := t.Context()
	ref := store.Ref{Owner: "o", ID: "mortal"}
	const ttl, tombstone = 100 * time.Second, time.Hour
	if _, err := s.Create(ctx, ref, store.NewSession{Write: keyed("create"), TTL: ttl, Labels: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	apply := func(w store.Write, ops ...store.Op) {
		t.Helper()
		if _, err := s.Apply(ctx, ref, store.Unit{Write: w, Ops: ops, Count: true}); err != nil {
			t.Fatal(err)
		}
	}
	steps := []func(){
		func() { apply(write("t"), store.Put("text", value.Text("x"))) },
		func() { apply(write("t"), store.Add("n", 1).StartingAt(0)) },
		func() { apply(keyed("k"), store.Delete("n")) },
		func() { apply(write("t"), store.Add("n", 1).StartingAt(0)) }, // the counter hash is made anew
		func() { clock.Advance(50 * time.Second); apply(write("t"), store.Add("n", 1)) },
		func() { clock.Advance(90 * time.Second); _, _ = s.Get(ctx, ref) },
	}
	for i, step := range steps {
		step()
		for _, k := range sessionKeys(t, c) {
			left := c.PTTL(ctx, k).Val()
			limit := ttl + ttl/10 // the state
			if strings.HasSuffix(k, ":m") || strings.HasSuffix(k, ":x") || strings.HasSuffix(k, ":xo") || strings.Contains(k, ":t:") {
				limit += tombstone
			}
			if left <= 0 || left > limit {
				t.Errorf("after step %d: key %q has %v to live, want more than nothing and at most %v", i, k, left, limit)
			}
			if strings.HasSuffix(k, ":m") && left < ttl*8/10 {
				t.Errorf("after step %d: the session's key has only %v to live", i, left)
			}
		}
	}
}

func TestRemovalLeavesOnlyRecords(t *testing.T) {
	url := redistest.Start(t)
	s, c := open(t, url, store.Config{TombstoneTTL: time.Minute}), raw(t, url)
	ctx := t.Context()
	ref := store.Ref{Owner: "o", ID: "gone"}
	if _, err := s.Create(ctx, ref, store.NewSession{Write: keyed("create"), TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(ctx, ref, store.Unit{Write: keyed("put"), Ops: []store.Op{store.Put("v", value.Int(1)), store.Put("w", value.Bool(true))}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove(ctx, ref, store.SessionRemoval{Write: keyed("remove")}); err != nil {
		t.Fatal(err)
	}
	for _, k := range sessionKeys(t, c) {
		if !strings.HasSuffix(k, ":x") && !strings.HasSuffix(k, ":xo") {
			t.Errorf("key %q is left", k)
		}
		if left := c.PTTL(ctx, k).Val(); left <= 0 || left > time.Minute {
			t.Errorf("key %q has %v to live, want at most a tombstone's minute", k, left)
		}
	}
}

// What a sweep leaves of an expired session is small, and answers still.
func TestASweptSessionIsASmallTombstone(t *testing.T) {
	const tombstone = time.Hour
	url := redistest.Start(t)
	clock := &storetest.Clock{}
	s, c := open(t, url, store.Config{TombstoneTTL: tombstone, Offset: clock.Offset}), raw(t, url)
	ctx := t.Context()
	ref := store.Ref{Owner: "o", ID: "dropped"}
	if _, err := s.Create(ctx, ref, store.NewSession{Write: write("t"), TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(ctx, ref, store.Unit{Write: write("t"), Ops: []store.Op{store.Put("v", value.Int(1)), store.Put("w", value.Bool(true))}}); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	if _, err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	graves := 0
	for _, k := range sessionKeys(t, c) {
		switch {
		case strings.HasSuffix(k, ":d"):
			graves++
			if n := c.MemoryUsage(ctx, k).Val(); n > 110 {
				t.Errorf("the tombstone takes %d bytes", n)
			}
			if left := c.PTTL(ctx, k).Val(); left <= tombstone-patience || left > tombstone {
				t.Errorf("the tombstone has %v to live, want %v", left, tombstone)
			}
		case !strings.Contains(k, ":t:"): // records of minted tokens go by themselves, in minutes
			t.Errorf("key %q is left", k)
		}
	}
	if graves != 1 {
		t.Errorf("%d tombstones, want 1", graves)
	}
	if _, err := s.Get(ctx, ref); !errors.Is(err, fault.SessionExpired) {
		t.Errorf("Get = %v, want SESSION_EXPIRED", err)
	}
	if _, err := s.Apply(ctx, ref, store.Unit{Write: write("t"), Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}); !errors.Is(err, fault.SessionExpired) {
		t.Errorf("Apply = %v, want SESSION_EXPIRED", err)
	}
	if _, err := s.Create(ctx, ref, store.NewSession{Write: write("t"), TTL: time.Hour}); err != nil {
		t.Errorf("creating it again: %v", err)
	}
}

// The keys of a session go a little after it expired. What is said of it must
// not change back when they do.
func TestAnExpiredSessionIsNotUnexpired(t *testing.T) {
	url := redistest.Start(t)
	clock := &storetest.Clock{}
	s, c := open(t, url, store.Config{TombstoneTTL: time.Second, Offset: clock.Offset}), raw(t, url)
	ctx := t.Context()
	ref := store.Ref{Owner: "o", ID: "brief"}
	if _, err := s.Create(ctx, ref, store.NewSession{Write: write("t"), TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour + 2*time.Second)
	for _, gone := range []string{"", ":v", ":m"} { // as long as Redis has the keys, and after
		for _, k := range sessionKeys(t, c) {
			if gone != "" && strings.HasSuffix(k, gone) {
				c.Del(ctx, k)
			}
		}
		if _, err := s.Get(ctx, ref); !errors.Is(err, fault.SessionNotFound) {
			t.Errorf("Get = %v, want SESSION_NOT_FOUND", err)
		}
	}
}

func TestScriptsSurviveAFlush(t *testing.T) {
	url := redistest.Start(t)
	s, c := open(t, url, store.Config{}), raw(t, url)
	if err := c.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), store.Ref{Owner: "o", ID: "a"}, store.NewSession{Write: write("t"), TTL: time.Hour}); err != nil {
		t.Error(err)
	}
}

func TestCheckRefusesEviction(t *testing.T) {
	url := redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
	for _, tc := range []struct {
		allow, unfit bool
	}{{false, true}, {true, false}} {
		s, err := redisstore.Open(url, store.Config{}, redisstore.Options{AllowEviction: tc.allow})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Check(t.Context()); store.IsUnfit(err) != tc.unfit {
			t.Errorf("with AllowEviction %v, Check = %v", tc.allow, err)
		}
		_ = s.Close()
	}
}

func TestCheckRefusesANewerLayout(t *testing.T) {
	url := redistest.Start(t)
	raw(t, url).Set(t.Context(), "tp1:layout", "3", 0)
	s, err := redisstore.Open(url, store.Config{}, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(t.Context()); !store.IsUnfit(err) {
		t.Errorf("Check = %v, want Unfit", err)
	}
}

func TestOpenDoesNotRepeatThePassword(t *testing.T) {
	_, err := redisstore.Open("redis://user:secret@host:port:port/0", store.Config{}, redisstore.Options{})
	if !store.IsUnfit(err) || strings.Contains(err.Error(), "secret") {
		t.Errorf("Open = %v, want an Unfit without the password", err)
	}
}

func TestFullMemoryIsRefusedWhole(t *testing.T) {
	url := redistest.Start(t)
	s, c := open(t, url, store.Config{}), raw(t, url)
	ctx := t.Context()
	ref := store.Ref{Owner: "o", ID: "full"}
	for _, id := range []string{"full", "other", "third"} {
		if _, err := s.Create(ctx, store.Ref{Owner: "o", ID: id}, store.NewSession{Write: write("t"), TTL: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.ConfigSet(ctx, "maxmemory", "1mb").Err(); err != nil {
		t.Fatal(err)
	}
	unit := store.Unit{Write: keyed("k"), Count: true, Ops: []store.Op{store.Add("n", 1).StartingAt(0), store.Put("t", value.Text("x"))}}
	if _, err := s.Apply(ctx, ref, unit); !errors.Is(err, fault.StoreFull) {
		t.Fatalf("Apply = %v, want STORE_FULL", err)
	}
	// What reads, and what makes room, works all the same.
	if _, err := s.Get(ctx, ref); err != nil {
		t.Errorf("Get = %v", err)
	}
	if _, err := s.Read(ctx, ref, "n"); err != nil {
		t.Errorf("Read = %v", err)
	}
	if p, err := s.List(ctx, "o", store.Page{Limit: 10}); err != nil || len(p.Items) != 3 {
		t.Errorf("List = %+v, %v", p, err)
	}
	if r, err := s.Remove(ctx, store.Ref{Owner: "o", ID: "other"}, store.SessionRemoval{Write: write("t")}); err != nil || !r.Existed {
		t.Errorf("Remove = %+v, %v", r, err)
	}
	if _, err := s.Apply(ctx, store.Ref{Owner: "o", ID: "third"}, store.Unit{Write: write("t"), Ops: []store.Op{store.End()}}); err != nil {
		t.Errorf("a unit that ends a session: %v", err)
	}
	if err := c.ConfigSet(ctx, "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	a, err := s.Apply(ctx, ref, unit)
	if err != nil || a.Replayed || a.Seq != 1 || a.Commands != 1 {
		t.Errorf("after memory was freed: %+v, %v; want a first application", a, err)
	}
}

func TestBadNetworks(t *testing.T) {
	server := redistest.StartServer(t)
	storetest.RunBadNetworks(t, func(t *testing.T, cfg store.Config) (store.Store, *faultproxy.Proxy) {
		proxy := faultproxy.Start(t, server.Addr())
		return open(t, "redis://"+proxy.Addr()+"/0", cfg), proxy
	})
}
