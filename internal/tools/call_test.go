package tools_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"toolpit/internal/store"
	"toolpit/internal/tools"
)

func TestCall_RandomnessIsTheTokens(t *testing.T) {
	t.Parallel()
	f := fix(t, func(_ context.Context, c *tools.Call, run int64) (any, error) {
		if run == 0 {
			panic("the first attempt is lost")
		}
		return c.Rand().Uint64(), nil
	}, tools.InSession())
	numbers := map[string]bool{}
	for _, key := range []string{"lost", "a", "b", "", ""} {
		r, _ := f.do(t.Context(), t, "session", key)
		numbers[string(r.Value)] = true
	}
	if len(numbers) != 5 {
		t.Errorf("five executions have the numbers %v", numbers)
	}
	f = fix(t, func(_ context.Context, c *tools.Call, _ int64) (any, error) {
		a, b := c.Rand().Uint64(), c.Rand().Uint64()
		if a != b {
			t.Error("an execution has two sources")
		}
		return a, nil
	})
	first, _ := f.do(t.Context(), t, "", "key")
	again, _ := fix(t, func(_ context.Context, c *tools.Call, _ int64) (any, error) { return c.Rand().Uint64(), nil }).do(t.Context(), t, "", "key")
	diff(t, string(first.Value), string(again.Value))
}

func TestCall_NowIsTheStores(t *testing.T) {
	t.Parallel()
	f := fix(t, func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
		asked, err := c.Now(ctx)
		if err != nil {
			return nil, err
		}
		applied, err := c.Apply(ctx, store.Add("n", 1).StartingAt(0))
		if err != nil {
			return nil, err
		}
		after, err := c.Now(ctx)
		if !after.Equal(applied.At) || asked.IsZero() || after.Before(asked) {
			t.Errorf("asked %v, applied at %v, after that %v", asked, applied.At, after)
		}
		return nil, err
	}, tools.InSession())
	_, err := f.do(t.Context(), t, "session", "")
	wantCode(t, err, "")
}

type lanes struct{}

func (lanes) Load() []tools.LaneLoad { return []tools.LaneLoad{{Lane: "light", Capacity: 2}} }

func TestCall_TellsItsSurroundings(t *testing.T) {
	t.Parallel()
	f := fix(t, func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
		c.Log().Info("hello")
		if s := c.Stats(ctx); s.Lanes != nil || !s.StoreReachable || s.StorePing <= 0 {
			t.Errorf("stats %+v", s)
		}
		if c.Session() != (store.Ref{Owner: "owner", ID: "session"}) || len(c.Catalog()) != 1 || c.Replica().ID != "rep_test" {
			t.Errorf("session %v, catalog %v, replica %v", c.Session(), c.Catalog(), c.Replica())
		}
		return c.ExecutionID(), nil
	}, tools.InSession())
	r, err := f.do(t.Context(), t, "session", "")
	wantCode(t, err, "")
	diff(t, `"`+r.ExecutionID+`"`, string(r.Value))
	for _, part := range []string{"msg=hello", "tool=scripted", "session_id=session", "execution_id=" + r.ExecutionID} {
		if !strings.Contains(f.log.String(), part) {
			t.Errorf("the log has no %s: %s", part, f.log)
		}
	}
	if r.ToolTime <= 0 || r.StoreTime <= 0 || r.ToolTime > time.Minute || r.StoreTime > time.Minute {
		t.Errorf("tool %v, store %v", r.ToolTime, r.StoreTime)
	}

	registry, _ := tools.NewRegistry([]tools.Tool{tools.New("stats", "", func(ctx context.Context, c *tools.Call, _ nothing) (nothing, error) {
		if s := c.Stats(ctx); len(s.Lanes) != 1 || s.Lanes[0].Capacity != 2 {
			t.Errorf("stats %+v", s)
		}
		if c.Session() != (store.Ref{}) {
			t.Errorf("session %v", c.Session())
		}
		return nothing{}, nil
	}, tools.Example("nothing", `{}`))})
	run, prepareErr := tools.NewEngine(tools.EngineConfig{Registry: registry, Store: f.store, Load: lanes{}}).
		Prepare(t.Context(), tools.Invocation{Owner: "owner", Tool: "stats"})
	if prepareErr != nil {
		t.Fatal(prepareErr)
	}
	if _, err := run.Do(t.Context()); err != nil {
		t.Error(err)
	}
}
