package execution

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/tools"
)

// LaneConfig sizes one lane.
type LaneConfig struct {
	Slots int // calls that run at the same time; at least 1
	Queue int // calls that may wait; 0 means none
}

// lane is a semaphore with a bounded queue, first come first served.
type lane struct {
	slots     chan struct{}
	queue     int64
	waiting   atomic.Int64
	rejected  atomic.Int64
	completed atomic.Int64
}

func newLane(cfg LaneConfig) *lane {
	return &lane{slots: make(chan struct{}, max(cfg.Slots, 1)), queue: int64(max(cfg.Queue, 0))}
}

// enter waits for a slot. Errors: PoolSaturated, DeadlineExceeded, Cancelled.
func (l *lane) enter(ctx context.Context) error {
	select {
	case l.slots <- struct{}{}:
		return nil
	default:
	}
	if l.waiting.Add(1) > l.queue {
		l.waiting.Add(-1)
		l.rejected.Add(1)
		return fault.New(fault.PoolSaturated, "This replica has no room for another call of this kind.").Retry(time.Second)
	}
	defer l.waiting.Add(-1)
	select {
	case l.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return &fault.Error{
				Code: fault.DeadlineExceeded, Detail: "The time was up before the call could start.",
				Facts: fault.Facts{Phase: "queue"}, RetryAfter: time.Second,
			}
		}
		return fault.New(fault.Cancelled, "The caller went away while the call was waiting.").Because(ctx.Err())
	}
}

func (l *lane) leave() {
	<-l.slots
	l.completed.Add(1)
}

func (l *lane) load(name string) tools.LaneLoad {
	return tools.LaneLoad{
		Lane:      name,
		Capacity:  cap(l.slots),
		Running:   len(l.slots),
		Queued:    int(l.waiting.Load()),
		Rejected:  l.rejected.Load(),
		Completed: l.completed.Load(),
	}
}
