package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/storetest/redistest"
	"toolpit/internal/value"
)

// Sessions expire under the hands of those who write to them, by replicas
// whose clocks are wrong, too. No key may be left that Redis never drops.
func TestWritersLeaveNothingImmortal(t *testing.T) {
	const writers, rounds, ttl = 16, 30, 20 * time.Millisecond
	url := redistest.Start(t)
	s, c := open(t, url, store.Config{TombstoneTTL: time.Second}), raw(t, url)
	clocks := []time.Duration{0, -10 * time.Minute, 10 * time.Minute}
	mint := func(clock time.Duration) store.Write {
		return store.Write{Token: store.MintToken(time.Now().Add(clock)), By: "t"}
	}
	refused := make([]int, writers)
	ctx, stop := context.WithCancel(t.Context())
	var sweeping, writing errgroup.Group
	sweeping.Go(func() error {
		for ctx.Err() == nil {
			if _, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
		return nil
	})
	for w := range writers {
		writing.Go(func() error {
			clock := clocks[w%len(clocks)]
			for round := range rounds {
				// Two writers have a session together.
				ref := store.Ref{Owner: "o", ID: fmt.Sprintf("s%d-%d", w/2, round)}
				_, err := s.Create(t.Context(), ref, store.NewSession{Write: mint(clock), TTL: ttl, ReturnExisting: true})
				if err != nil {
					return err
				}
				for i := 0; err == nil; i++ {
					write := mint(clock)
					if i%2 == 0 {
						write = keyed(fmt.Sprintf("%d-%d-%d", w, round, i))
					}
					op := []store.Op{
						store.Add("n", 1).StartingAt(0), store.Put("v", value.Text("x")), store.Delete("n"), store.Load("v"),
					}[i%4]
					_, err = s.Apply(t.Context(), ref, store.Unit{Write: write, Count: true, Ops: []store.Op{op}})
					const enough = 20
					if i >= enough { // from here on they keep their hands off until it has expired
						<-time.After(ttl - ttl/10 + time.Duration(i%7)*time.Millisecond)
					}
				}
				if !errors.Is(err, fault.SessionExpired) && !errors.Is(err, fault.SessionNotFound) {
					return err
				}
				refused[w]++
			}
			return nil
		})
	}
	if err := writing.Wait(); err != nil {
		t.Error(err)
	}
	stop()
	if err := sweeping.Wait(); err != nil {
		t.Error(err)
	}
	for w, n := range refused {
		if n == 0 {
			t.Errorf("no session expired under writer %d", w)
		}
	}
	keys, immortal := sessionKeys(t, c), 0
	for _, k := range keys {
		left, err := c.PTTL(t.Context(), k).Result()
		if err != nil {
			t.Fatal(err)
		}
		if left == -1 {
			immortal++
			t.Errorf("key %q is never dropped", k)
		}
		if limit := store.MintedTTL; left > limit {
			t.Errorf("key %q has %v to live, want at most %v", k, left, limit)
		}
		if !strings.Contains(k, ":t:") && left > 10*time.Second {
			t.Errorf("key %q has %v to live", k, left)
		}
	}
	t.Logf("%d keys, %d of them immortal", len(keys), immortal)
}
