package execution

import (
	"context"
	"time"

	"toolpit/internal/deadline"
	"toolpit/internal/fault"
	"toolpit/internal/tools"
)

// Config sizes an Executor.
type Config struct {
	Light LaneConfig
	CPU   LaneConfig
}

// Executor runs prepared calls. It may be used by any number of goroutines.
type Executor struct {
	light, cpu *lane
}

var _ tools.LoadReporter = (*Executor)(nil)

// New makes an Executor.
func New(cfg Config) *Executor {
	return &Executor{light: newLane(cfg.Light), cpu: newLane(cfg.CPU)}
}

// Outcome is a call's result and how long it waited before it ran.
type Outcome struct {
	tools.Result
	Queued time.Duration
}

// Execute waits for a slot in the lane of the tool's cost class and runs the
// call, both within timeout. The outcome is meaningful beside an error too: it
// says what took the time and whether the error is a replayed one. Errors:
// PoolSaturated, DeadlineExceeded (with the phase), Cancelled, and whatever
// the run returns.
func (e *Executor) Execute(ctx context.Context, timeout time.Duration, run *tools.Run) (Outcome, error) {
	limited := deadline.Within(ctx, timeout)
	defer limited.Release()
	ctx = limited
	l := e.lane(run.Tool().Cost)
	start := time.Now()
	if err := l.enter(ctx); err != nil {
		return Outcome{Queued: time.Since(start)}, withBudget(err, timeout)
	}
	defer l.leave()
	queued := time.Since(start)
	result, err := run.Do(ctx)
	return Outcome{Result: result, Queued: queued}, withBudget(err, timeout)
}

// Load reports the lanes of this replica.
func (e *Executor) Load() []tools.LaneLoad {
	return []tools.LaneLoad{e.light.load("light"), e.cpu.load("cpu")}
}

func (e *Executor) lane(cost tools.Cost) *lane {
	if cost == tools.CPU {
		return e.cpu
	}
	return e.light
}

// withBudget adds to a missed deadline how long it was.
func withBudget(err error, timeout time.Duration) error {
	if fault.CodeOf(err) != fault.DeadlineExceeded {
		return err
	}
	e := *fault.From(err)
	e.Facts.TimeoutMS = timeout.Milliseconds()
	return &e
}
