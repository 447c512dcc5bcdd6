package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/store"
	"toolpit/internal/store/storetest"
	"toolpit/internal/store/storetest/redistest"
)

const (
	idleBytes  = 700                   // that an idle session may take in Redis, its place in the list included
	burstDelay = 20 * time.Millisecond // of others, when many sessions end at once, beyond what the machine does to them anyway
	peaceTime  = 3 * time.Second       // in which it is seen what that is
)

// expireEarlier moves the expiry of keys by so many ms.
var expireEarlier = redis.NewScript(`
for i = 1, #KEYS do
  local at = redis.call('PEXPIRETIME', KEYS[i])
  if at > 0 then redis.call('PEXPIREAT', KEYS[i], string.format('%d', at - ARGV[1])) end
end`)

// elapse lets time pass for a store, and for its server, whose clock cannot be
// moved, so its keys expire the earlier.
func elapse(t *testing.T, c *redis.Client, clock *storetest.Clock, d time.Duration) {
	t.Helper()
	const together = 1000
	clock.Advance(d)
	var batch []string
	move := func() {
		if err := expireEarlier.Run(t.Context(), c, batch, d.Milliseconds()).Err(); err != nil && !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
		batch = batch[:0]
	}
	keys := c.Scan(t.Context(), 0, "*", together).Iterator()
	for keys.Next(t.Context()) {
		if batch = append(batch, keys.Val()); len(batch) == together {
			move()
		}
	}
	if len(batch) > 0 {
		move()
	}
}

// elapseUntil lets time pass until shortly before an instant of the store.
func elapseUntil(t *testing.T, s store.Store, c *redis.Client, clock *storetest.Clock, at time.Time) {
	t.Helper()
	const shortly = 2 * time.Second // going through the keys takes that long
	now, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	elapse(t, c, clock, at.Sub(now)-shortly)
}

// await does what there is to do until it is done.
func await(t *testing.T, done func() bool, do func(), otherwise string) {
	t.Helper()
	late, look := time.After(4*patience), time.NewTicker(lookAgain) // a busy machine sweeps ten times as long
	defer look.Stop()
	for do(); !done(); do() {
		select {
		case <-late:
			t.Fatal(otherwise)
		case <-look.C:
		}
	}
}

// meanwhile does what, and returns how long the slowest of a hundred
// increments took that somebody else sent during that time, at an even pace.
func meanwhile(t *testing.T, s store.Store, ref store.Ref, what func()) (p99 time.Duration) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	delays := make(chan []time.Duration)
	go func() {
		var all []time.Duration
		pace := time.NewTicker(2 * time.Millisecond)
		defer pace.Stop()
		for ctx.Err() == nil {
			due := <-pace.C
			if _, err := s.Apply(t.Context(), ref, addOne(write("t"))); err != nil {
				t.Error(err)
			}
			all = append(all, time.Since(due))
		}
		delays <- all
	}()
	what()
	stop()
	all := <-delays
	slices.Sort(all)
	p99 = all[len(all)*99/100]
	t.Logf("meanwhile %d increments took %v at most, but one in a hundred, which took up to %v", len(all), p99, all[len(all)-1])
	return p99
}

// kinds counts keys by the last part of their names.
func kinds(t *testing.T, c *redis.Client) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, k := range sessionKeys(t, c) {
		kind := k[strings.LastIndexByte(k, ':')+1:]
		if strings.Contains(k, ":t:") {
			kind = "t"
		}
		out[kind]++
	}
	return out
}

// Many sessions are created, touched and left alone, until nothing of them is
// there any more. They end as fast as they were touched.
func TestIdleSessionsAreSmallAndGoAway(t *testing.T) {
	n := 10_000
	if long() {
		n = 100_000
	}
	const ttl, tombstone = time.Hour, time.Hour
	url := redistest.Start(t)
	clock := &storetest.Clock{}
	s, c := open(t, url, store.Config{TombstoneTTL: tombstone, Offset: clock.Offset}), raw(t, url)
	ctx := t.Context()
	start := time.Now()
	step := func(what string) { t.Logf("%6s %s", time.Since(start).Round(100*time.Millisecond), what) }
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	memory := func() (used int64) {
		if _, err := fmt.Sscan(field(c.Info(ctx, "memory").Val(), "used_memory"), &used); err != nil {
			t.Fatal(err)
		}
		return used
	}
	each := func(call func(ref store.Ref) error) {
		together(many, func(caller int) {
			for i := caller; i < n; i += many {
				if err := call(store.Ref{Owner: "default", ID: fmt.Sprintf("ses_%034d", i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}

	bystander := store.Ref{Owner: "other", ID: store.MintID()}
	if _, err := s.Create(ctx, bystander, store.NewSession{Write: write("t"), TTL: 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	empty, before := memory(), heap()
	each(func(ref store.Ref) error {
		_, err := s.Create(ctx, ref, store.NewSession{Write: write("t"), TTL: ttl})
		return err
	})
	nothing := func() {}
	sweep := func() {
		if _, err := s.Sweep(ctx); err != nil {
			t.Error(err)
		}
	}
	step(fmt.Sprintf("created: %d B each, with the records of their creation", (memory()-empty)/int64(n)))
	first, err := s.Now(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first = first.Add(ttl)
	each(func(ref store.Ref) error { _, err := s.Touch(ctx, ref, write("t")); return err })
	step("touched")
	elapse(t, c, clock, store.MintedTTL+time.Minute)
	await(t, func() bool { return c.DBSize(ctx).Val() <= int64(n)+10 }, nothing, "keys are left")
	idle := (memory() - empty) / int64(n)
	step(fmt.Sprintf("idle: %d B each; keys %v", idle, kinds(t, c)))
	if idle > idleBytes {
		t.Errorf("an idle session takes %d B, want at most %d", idle, idleBytes)
	}

	peace := meanwhile(t, s, bystander, func() { <-time.After(peaceTime) })
	elapseUntil(t, s, c, clock, first)
	p99 := meanwhile(t, s, bystander, func() {
		swept := func() bool { return c.Exists(ctx, "tp1:{index}:e:default").Val() == 0 }
		await(t, swept, sweep, "sessions are left to sweep")
	})
	left := kinds(t, c)
	step(fmt.Sprintf("swept: %d B each; keys %v", (memory()-empty)/int64(n), left))
	if left["d"] != n || left["m"] != 1 || len(left) > 8 { // besides d, m, c, v, e, t, h, n of the bystander
		t.Errorf("keys are left: %v", left)
	}

	elapseUntil(t, s, c, clock, first.Add(tombstone))
	p99 = max(p99, meanwhile(t, s, bystander, func() {
		await(t, func() bool { return c.DBSize(ctx).Val() <= 20 }, nothing, "tombstones are left")
	}))
	peace = max(peace, meanwhile(t, s, bystander, func() { <-time.After(peaceTime) }))
	// A few sessions are no burst, and their time is soon over.
	if long() && p99 > peace+burstDelay {
		t.Errorf("one in a hundred increments took %v while %d sessions went, %v before and after", p99, n, peace)
	}
	if _, err := s.Remove(ctx, bystander, store.SessionRemoval{Write: write("t")}); err != nil {
		t.Fatal(err)
	}
	const grace = 10 * time.Second // of a removed session's hint, lua/index.lua
	elapse(t, c, clock, max(grace, store.MintedTTL))
	await(t, func() bool { return c.DBSize(ctx).Val() <= 1 }, sweep, "keys are left")
	if keys := c.Keys(ctx, "*").Val(); !slices.Equal(keys, []string{"tp1:layout"}) {
		t.Errorf("keys are left: %q", keys)
	}
	after := heap()
	step(fmt.Sprintf("gone; heap %d KiB, before %d KiB", after/1024, before/1024))
	if grown := after - before; grown > 2<<20 {
		t.Errorf("the heap has grown by %d B", grown)
	}
}
