package server

import (
	"context"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/slicing"
	"toolpit/internal/store"
)

const (
	// LeastTensorMemory is how little Limits.TensorMemory may be: it lets two
	// tensors pass that are turned.
	LeastTensorMemory = 2 * (slicing.MaxTurned + 2*store.ChunkSize)
	// roomTime is how long a request waits for the memory it needs.
	roomTime = 5 * time.Second
)

// room waits until so many bytes of memory are free, for a tensor or for what is
// as large as one, and returns how to give them back. Errors: PoolSaturated, Cancelled.
func (s *service) room(ctx context.Context, n int64) (release func(), err error) {
	if s.memory.TryAcquire(n) {
		return func() { s.memory.Release(n) }, nil
	}
	waiting, cancel := context.WithTimeout(ctx, roomTime)
	defer cancel()
	switch err := s.memory.Acquire(waiting, n); {
	case err == nil:
		return func() { s.memory.Release(n) }, nil
	case ctx.Err() != nil:
		return nil, fault.New(fault.Cancelled, "The caller went away.").Because(err)
	default:
		return nil, fault.New(fault.PoolSaturated, "As many tensors and large answers are on their way as this replica has memory for.")
	}
}
