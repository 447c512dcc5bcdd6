package sqlitestore

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

const (
	// A transaction takes no further unit once it has that many, or has taken
	// that long.
	batchLen  = 128
	batchTime = 5 * time.Millisecond
)

// unit is a mutation whose caller waits for the turn to write, or for whoever
// has it to take the unit along.
type unit struct {
	fn      func(*tx) error
	claimed atomic.Bool // by the transaction it goes with, or by its caller, who has left
	err     error       // its refusal, which counts when the transaction is committed
	changed store.Ref   // the session that it has changed
	done    chan error
}

func (u *unit) claim() bool { return u.claimed.CompareAndSwap(false, true) }

var (
	// errAlone answers each unit of a transaction that failed: which of them
	// it was is found out by running them one by one.
	errAlone    = errors.New("the unit must have a transaction of its own")
	errPanicked = errors.New("a unit of the same transaction panicked")
)

// mutate runs fn in a transaction that may write, together with the units of
// others who wait at the same time. When fn fails, nothing it wrote remains. It
// may be run twice, and then only the second time counts.
func (s *Store) mutate(caller context.Context, fn func(*tx) error) error {
	ctx, cancel := context.WithTimeout(caller, store.CallTimeout)
	defer cancel()
	err := s.join(ctx, &unit{fn: fn, done: make(chan error, 1)})
	if errors.Is(err, errAlone) {
		return s.alone(ctx, fn)
	}
	return translate(caller, err)
}

// join returns when the unit was run, by somebody else or, in the turn of its
// own caller, with others.
func (s *Store) join(ctx context.Context, u *unit) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	waiting := s.waiting
	for {
		var gone error
		select {
		case c := <-s.writer.slots:
			return s.lead(ctx, c, u)
		case waiting <- u:
			waiting = nil
			continue
		case err := <-u.done:
			return err
		case <-s.writer.closed:
			gone = errClosed
		case <-ctx.Done():
			gone = ctx.Err()
		}
		if u.claim() {
			return gone
		}
		return <-u.done
	}
}

// lead uses the turn to write for a unit and for those that wait.
func (s *Store) lead(ctx context.Context, c *conn, own *unit) error {
	c, err := s.writer.ready(ctx, c)
	switch mine := own.claim(); {
	case err != nil && mine:
		return err
	case mine:
		s.together(ctx, c, own)
	case err == nil:
		s.writer.give(c) // somebody else has run it
	}
	return <-own.done
}

// together runs a unit and those that wait, answers them and gives the turn
// away.
func (s *Store) together(ctx context.Context, c *conn, own *unit) {
	units, err := []*unit{own}, errPanicked
	defer func() {
		c.broken = c.broken || errors.Is(err, errPanicked) // it was left in the middle of something
		for _, u := range units {
			if err != nil {
				u.err = err
			}
			u.done <- u.err
		}
		s.writer.give(c)
	}()
	err = s.transact(ctx, c, &units)
}

// transact runs the first of the units, and those that it adds to them, in one
// transaction. A unit that was refused before it wrote anything leaves the
// transaction fit for the others. An error is the answer to all of them.
func (s *Store) transact(ctx context.Context, c *conn, units *[]*unit) error {
	if err := begin(ctx, c); err != nil {
		return err
	}
	runtime.Gosched() // who is about to write something comes along
	end := s.begun(c).now + batchTime.Milliseconds()
	for u := (*units)[0]; u != nil; {
		before, tx := c.executed, s.begun(c)
		u.err = u.fn(tx)
		u.changed = tx.changed
		if _, refused := errors.AsType[*fault.Error](u.err); u.err != nil && (!refused || c.executed != before) {
			rollback(c)
			return suspected(*units, u.err)
		}
		if len(*units) == batchLen || tx.now > end {
			break
		}
		if u = s.next(); u != nil {
			*units = append(*units, u)
		}
	}
	err := commit(c)
	if err == nil {
		s.dirty.Store(true)
		for _, u := range *units {
			s.listeners.tell(u.changed)
		}
		return nil
	}
	return suspected(*units, err)
}

// next returns a unit that waits, or nil.
func (s *Store) next() *unit {
	for {
		select {
		case u := <-s.waiting:
			if u.claim() {
				return u
			}
		default:
			return nil
		}
	}
}

// suspected returns what the units of a failed transaction are told.
func suspected(units []*unit, err error) error {
	if len(units) == 1 || errors.Is(err, errUnclear) {
		return err
	}
	return errAlone
}
