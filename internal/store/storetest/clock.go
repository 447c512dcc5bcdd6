package storetest

import (
	"sync/atomic"
	"time"
)

// Clock is how far a store's clock is ahead of real time. Its zero value is
// not ahead, and it may be used from any goroutine.
type Clock struct{ offset atomic.Int64 }

// Advance moves the clock forward.
func (c *Clock) Advance(d time.Duration) { c.offset.Add(int64(d)) }

// Offset returns the sum of all advances; it is meant for store.Config.Offset.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }
