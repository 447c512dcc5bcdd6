package execution_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"toolpit/internal/execution"
	"toolpit/internal/fault"
	"toolpit/internal/tools"
)

type nothing struct{}

// engine has two tools without a session: wait, light, and work, which
// calculates; both end when their context does or release is closed.
func engine(t *testing.T, release <-chan struct{}) *tools.Engine {
	t.Helper()
	wait := func(ctx context.Context, _ *tools.Call, _ nothing) (nothing, error) {
		select {
		case <-release:
			return nothing{}, nil
		case <-ctx.Done():
			return nothing{}, ctx.Err()
		}
	}
	registry, err := tools.NewRegistry(tools.Group("test",
		tools.New("wait", "Waits.", wait, tools.Example("wait", `{}`)),
		tools.New("work", "Works.", wait, tools.Example("work", `{}`), tools.WithCost(tools.CPU)),
	))
	if err != nil {
		t.Fatal(err)
	}
	return tools.NewEngine(tools.EngineConfig{Registry: registry, Log: slog.New(slog.DiscardHandler)})
}

func prepare(t *testing.T, e *tools.Engine, tool string) *tools.Run {
	t.Helper()
	run, err := e.Prepare(t.Context(), tools.Invocation{Owner: "o", Tool: tool})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// result is what one call of Execute returned.
type result struct {
	outcome execution.Outcome
	err     error
}

func start(t *testing.T, ctx context.Context, x *execution.Executor, e *tools.Engine, tool string, timeout time.Duration) <-chan result {
	t.Helper()
	run := prepare(t, e, tool)
	done := make(chan result, 1)
	go func() {
		o, err := x.Execute(ctx, timeout, run)
		done <- result{o, err}
	}()
	synctest.Wait()
	return done
}

func TestALaneHasSlotsAndAQueueAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		e := engine(t, release)
		x := execution.New(execution.Config{Light: execution.LaneConfig{Slots: 2, Queue: 1}, CPU: execution.LaneConfig{Slots: 1}})
		var running []<-chan result
		for range 3 {
			running = append(running, start(t, t.Context(), x, e, "wait", time.Hour))
		}
		if got := x.Load()[0]; got.Running != 2 || got.Queued != 1 || got.Capacity != 2 {
			t.Errorf("load of the light lane: %+v", got)
		}
		_, err := x.Execute(t.Context(), time.Hour, prepare(t, e, "wait"))
		if !errors.Is(err, fault.PoolSaturated) || fault.From(err).RetryAfter <= 0 {
			t.Errorf("a fourth call: %v, want POOL_SATURATED with a time to retry", err)
		}
		// The lanes are apart: a calculation still finds its slot.
		other := start(t, t.Context(), x, e, "work", time.Hour)
		<-time.After(time.Minute) // virtual: what is queued has now waited
		close(release)
		for i, done := range append(running, other) {
			if r := <-done; r.err != nil {
				t.Errorf("call %d: %v", i, r.err)
			} else if want := time.Minute; i == 2 && r.outcome.Queued != want {
				t.Errorf("the queued call waited %v, want %v", r.outcome.Queued, want)
			}
		}
		if got := x.Load()[0]; got.Running != 0 || got.Queued != 0 || got.Rejected != 1 || got.Completed != 3 {
			t.Errorf("load after all: %+v", got)
		}
	})
}

func TestADeadlineSaysWhereTheTimeWent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := engine(t, nil)
		x := execution.New(execution.Config{Light: execution.LaneConfig{Slots: 1, Queue: 1}})
		running := start(t, t.Context(), x, e, "wait", 2*time.Second)
		queued := start(t, t.Context(), x, e, "wait", time.Second)
		for phase, done := range map[string]<-chan result{"queue": queued, "tool": running} {
			r := <-done
			f := fault.From(r.err)
			if f.Code != fault.DeadlineExceeded || f.Facts.Phase != phase || f.Facts.TimeoutMS == 0 {
				t.Errorf("in the %s: %v, %+v", phase, r.err, f.Facts)
			}
		}
	})
}

func TestACallerThatGoesAwayLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		e := engine(t, release)
		x := execution.New(execution.Config{Light: execution.LaneConfig{Slots: 1, Queue: 1}})
		running := start(t, t.Context(), x, e, "wait", time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		gone := start(t, ctx, x, e, "wait", time.Hour)
		cancel()
		if r := <-gone; !errors.Is(r.err, fault.Cancelled) {
			t.Errorf("the one that went away: %v, want CANCELLED", r.err)
		}
		if got := x.Load()[0].Queued; got != 0 {
			t.Errorf("%d are still queued", got)
		}
		next := start(t, t.Context(), x, e, "wait", time.Hour)
		close(release)
		for _, done := range []<-chan result{running, next} {
			if r := <-done; r.err != nil {
				t.Error(r.err)
			}
		}
	})
}
