package tools

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"toolpit/internal/fault"
)

// attempt runs the tool's function once, so that whatever it does ends in an
// answer.
func (r *Run) attempt(ctx context.Context, bound runner) (a answer, c *Call) {
	c = &Call{run: r}
	start := time.Now()
	defer func() {
		// Deferred, so that a tool that panics has its time, too.
		c.dropStaged(ctx)
		r.storeTime += c.inStore
		r.toolTime += time.Since(start) - c.inStore
		if p := recover(); p != nil {
			r.log().Error("a tool panicked", "panic", p, "stack", string(debug.Stack()))
			a = failed(fault.New(fault.ToolPanic, "The tool failed unexpectedly."))
		}
	}()
	result, err := bound(ctx, c)
	if err != nil {
		return failure(ctx, err), c
	}
	return answer{result: result}, c
}

// failure is the answer of a tool that returned an error.
func failure(ctx context.Context, err error) answer {
	if errors.Is(err, errAnswered) {
		return answer{} // the stored answer takes its place
	}
	e := fault.From(err)
	if e.Code != fault.Internal {
		return failed(e)
	}
	// The context's own errors are the caller's doing only if the context is
	// done; otherwise the tool let one of its own escape.
	switch {
	case errors.Is(err, context.DeadlineExceeded) && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return failed(deadline("tool").Because(err))
	case errors.Is(err, context.Canceled) && errors.Is(ctx.Err(), context.Canceled):
		return failed(cancelled().Because(err))
	}
	if e.Detail == "" {
		e = fault.New(fault.Internal, "The tool failed unexpectedly.").Because(err)
	}
	return failed(e)
}
