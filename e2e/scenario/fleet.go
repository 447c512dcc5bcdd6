package scenario

import "context"

// Fleet is a number of replicas on one store, counted from 0. One replica is
// changed by one caller at a time; URL may be called by anybody at any time.
type Fleet interface {
	// Size returns how many replicas there are, those that are down included.
	Size() int
	// URL returns where replica i is reached, or "" while nobody can know.
	URL(i int) string
	// Start starts replica i, which is down, and returns when it is ready, or
	// when it is under way if only a load balancer can tell.
	Start(ctx context.Context, i int) error
	// Kill ends replica i as a power cut would.
	Kill(ctx context.Context, i int) error
	// Stop sends SIGTERM to replica i and returns its exit code.
	Stop(ctx context.Context, i int) (code int, err error)
}
