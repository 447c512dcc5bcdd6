// Package deadline has a cheaper context.WithTimeout for calls that hardly ever
// wait until their time is up.
//
// It is not for contexts whose end others wait for most of the time: those gain
// nothing.
package deadline

import (
	"context"
	"sync"
	"time"
)

// Context ends with its parent or when its time is up, like one of
// context.WithTimeout. But it has a timer, and is known to its parent, only
// once somebody asks for Done: until then Err compares clocks. It may be used
// by any number of goroutines.
type Context struct {
	parent context.Context
	at     time.Time

	mu     sync.Mutex
	timed  context.Context // nil until somebody asked for Done
	cancel context.CancelFunc
	over   bool // Release was called
}

var _ context.Context = (*Context)(nil)

// Within returns a context that ends after d at the latest. Release it.
func Within(parent context.Context, d time.Duration) *Context {
	at := time.Now().Add(d)
	if earlier, ok := parent.Deadline(); ok && earlier.Before(at) {
		at = earlier
	}
	return &Context{parent: parent, at: at}
}

// Release ends the context.
func (c *Context) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.cancel != nil {
		c.cancel()
	}
}

// Deadline returns when the time is up.
func (c *Context) Deadline() (time.Time, bool) { return c.at, true }

// Done returns a channel that is closed when the context ends.
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed == nil {
		c.timed, c.cancel = context.WithDeadline(c.parent, c.at)
		if c.over {
			c.cancel()
		}
	}
	return c.timed.Done()
}

// Err returns why the context has ended, nil while it has not.
func (c *Context) Err() error {
	c.mu.Lock()
	timed, over := c.timed, c.over
	c.mu.Unlock()
	if timed != nil {
		return timed.Err()
	}
	if err := c.parent.Err(); err != nil {
		return err
	}
	switch {
	case over:
		return context.Canceled
	case !time.Now().Before(c.at):
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// Value returns the parent's value.
func (c *Context) Value(key any) any { return c.parent.Value(key) }
