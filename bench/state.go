package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/bench/load"
	"toolpit/internal/store"
	"toolpit/internal/store/redisstore"
	"toolpit/internal/store/sqlitestore"
	"toolpit/internal/tools"
)

// access is a way to a variable's value: it uses it until the end and reports
// how long each use took.
type access func(ctx context.Context, until time.Time, took func(time.Duration)) error

// place is where state is kept.
type place struct {
	name        string
	read, apply access
}

// The tools that are measured from inside: what counts is the time that a call
// of Call takes. The window travels in the context, since arguments are JSON.
const (
	readTool  = "bench_read"
	applyTool = "bench_apply"
	variable  = "n"
)

// observer is whom a tool tells.
type observer struct {
	until time.Time
	took  func(time.Duration)
}

type observerKey struct{}

// observe measures one use after the other until the window ends.
func (o observer) observe(use func() error) error {
	for begun := time.Now(); begun.Before(o.until); {
		if err := use(); err != nil {
			return err
		}
		now := time.Now()
		o.took(now.Sub(begun))
		begun = now
	}
	return nil
}

func stateTools() []tools.Tool {
	return tools.Group(
		"bench",
		tools.New(readTool, "Reads a variable until the window ends.", func(ctx context.Context, c *tools.Call, _ struct{}) (struct{}, error) {
			o, _ := ctx.Value(observerKey{}).(observer)
			return struct{}{}, o.observe(func() error {
				_, err := c.Read(ctx, variable)
				return err
			})
		}, tools.InSession(), tools.Example("one window", `{}`)),
		tools.New(applyTool, "Adds one to a variable.", func(ctx context.Context, c *tools.Call, _ struct{}) (struct{}, error) {
			o, _ := ctx.Value(observerKey{}).(observer)
			begun := time.Now()
			_, err := c.Apply(ctx, store.Add(variable, 1).StartingAt(0))
			o.took(time.Since(begun))
			return struct{}{}, err
		}, tools.InSession(), tools.Example("one window", `{}`)),
	)
}

// inStore uses a variable of a session through tools.Call.
func inStore(ctx context.Context, name string, st store.Store) (place, error) {
	ref := store.Ref{Owner: "bench", ID: store.MintID()}
	write := store.Write{Token: store.MintToken(time.Now()), By: "bench"}
	if _, err := st.Create(ctx, ref, store.NewSession{Write: write, TTL: time.Hour}); err != nil {
		return place{}, err
	}
	registry, err := tools.NewRegistry(stateTools())
	if err != nil {
		return place{}, err
	}
	engine := tools.NewEngine(tools.EngineConfig{Registry: registry, Store: st, Log: slog.New(slog.DiscardHandler)})
	call := func(ctx context.Context, tool string) error {
		run, err := engine.Prepare(ctx, tools.Invocation{Owner: ref.Owner, SessionID: ref.ID, Tool: tool})
		if err == nil {
			_, err = run.Do(ctx)
		}
		return err
	}
	return place{
		name: name,
		read: func(ctx context.Context, until time.Time, took func(time.Duration)) error {
			return call(context.WithValue(ctx, observerKey{}, observer{until, took}), readTool)
		},
		apply: func(ctx context.Context, until time.Time, took func(time.Duration)) error {
			ctx = context.WithValue(ctx, observerKey{}, observer{until, took})
			for time.Now().Before(until) {
				if err := call(ctx, applyTool); err != nil {
					return err
				}
			}
			return nil
		},
	}, nil
}

// inProcess is what a program does that keeps its state itself. So little time
// cannot be measured use by use: each figure is the mean of many.
func inProcess() place {
	const many = 1000
	var mu sync.Mutex
	values := map[string]int64{}
	repeat := func(use func()) access {
		return func(_ context.Context, until time.Time, took func(time.Duration)) error {
			return observer{until, func(d time.Duration) {
				for range many {
					took(d / many)
				}
			}}.observe(func() error {
				for range many {
					use()
				}
				return nil
			})
		}
	}
	return place{
		name: "mutex and map",
		read: repeat(func() {
			mu.Lock()
			_ = values[variable]
			mu.Unlock()
		}),
		apply: repeat(func() {
			mu.Lock()
			values[variable]++
			mu.Unlock()
		}),
	}
}

// crowdSample has so many callers use a place for a window.
func crowdSample(ctx context.Context, use access, callers int, window time.Duration) (sample, error) {
	var group errgroup.Group
	latencies := make([]load.Histogram, callers)
	begun := time.Now()
	for i := range latencies {
		group.Go(func() error { return use(ctx, begun.Add(window), latencies[i].Add) })
	}
	if err := group.Wait(); err != nil {
		return sample{}, err
	}
	elapsed := time.Since(begun)
	var all load.Histogram
	for i := range latencies {
		all.Merge(&latencies[i])
	}
	return sample{rate: float64(all.Count()) / elapsed.Seconds(), p50: all.Percentile(50), p99: all.Percentile(99)}, ctx.Err()
}

// compareState measures reading and changing a session's variable through
// tools.Call beside a map in the process, all in this process.
func compareState(ctx context.Context, s *stage, p plan) (r report, err error) {
	redis, err := s.startRedis(ctx, "")
	if err != nil {
		return nil, err
	}
	onRedis, err := redisstore.Open(redis.url(), store.Config{}, redisstore.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, onRedis.Close()) }()
	if err := onRedis.Check(ctx); err != nil {
		return nil, err
	}
	onSQLite, err := sqlitestore.Open(ctx, filepath.Join(s.dir, "state.db"), store.Config{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, onSQLite.Close()) }()
	places := []place{inProcess()}
	for _, in := range []struct {
		name  string
		store store.Store
	}{{"SQLite", onSQLite}, {"Redis", onRedis}} {
		place, err := inStore(ctx, in.name, in.store)
		if err != nil {
			return nil, err
		}
		places = append(places, place)
	}
	var entrants []entrant
	for _, kind := range []string{readKind, applyKind} {
		for _, place := range places {
			use := place.read
			if kind == applyKind {
				use = place.apply
			}
			entrants = append(entrants, entrant{kind + place.name, func(ctx context.Context, callers int) (sample, error) {
				return crowdSample(ctx, use, callers, p.window)
			}})
		}
	}
	results, err := takeTurns(ctx, p, "state", entrants)
	return stateReport{p.conns, places, results}, err
}

// What is done to a variable, as a prefix of an entrant's name.
const (
	readKind  = "read "
	applyKind = "apply "
)
