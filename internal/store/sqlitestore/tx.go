package sqlitestore

import (
	"context"
	"errors"
	"time"

	"toolpit/internal/store"
)

// tx is a transaction under way.
type tx struct {
	c   *conn
	cfg store.Config
	now int64 // the store's clock, in Unix milliseconds

	changed store.Ref // the session that those who listen are told of
}

// moment returns a stored time.
func moment(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func (s *Store) begun(c *conn) *tx {
	return &tx{c: c, cfg: s.cfg, now: time.Now().Add(s.cfg.Offset()).UnixMilli()}
}

// tombstoneEnds returns when a session that is over since expires is
// forgotten.
func (tx *tx) tombstoneEnds(expires int64) int64 { return expires + tx.cfg.TombstoneTTL.Milliseconds() }

// view runs fn in a transaction that only reads: everything it sees is of one
// instant.
func (s *Store) view(ctx context.Context, fn func(*tx) error) error {
	return s.with(ctx, s.readers, func(_ context.Context, c *conn) error {
		if _, err := c.exec(beginRead); err != nil {
			return err
		}
		defer rollback(c) // there is nothing to commit
		return fn(s.begun(c))
	})
}

// alone runs fn in a transaction of its own that may write. When fn fails,
// nothing it wrote remains.
func (s *Store) alone(ctx context.Context, fn func(*tx) error) error {
	return s.withWriter(ctx, func(ctx context.Context, c *conn) error {
		if err := begin(ctx, c); err != nil {
			return err
		}
		tx := s.begun(c)
		if err := fn(tx); err != nil {
			rollback(c)
			return err
		}
		err := commit(c)
		if err == nil {
			s.listeners.tell(tx.changed)
		}
		return err
	})
}

// only returns no half-made answer beside an error.
func only[T any](answer T, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return answer, nil
}

// withWriter runs fn with the turn to write.
func (s *Store) withWriter(ctx context.Context, fn func(context.Context, *conn) error) error {
	err := s.with(ctx, s.writer, fn)
	if err == nil {
		s.dirty.Store(true)
	}
	return err
}

// with runs fn with a connection, inside the time every call has, and
// translates what went wrong.
func (s *Store) with(caller context.Context, p *pool, fn func(context.Context, *conn) error) error {
	ctx, cancel := context.WithTimeout(caller, store.CallTimeout)
	defer cancel()
	c, err := p.take(ctx)
	if err != nil {
		return translate(caller, err)
	}
	returned := false
	defer func() {
		c.broken = c.broken || !returned // a panic left it in the middle of something
		p.give(c)
	}()
	err = fn(ctx, c)
	returned = true
	return translate(caller, err)
}

const (
	beginRead    = "BEGIN"
	beginWrite   = "BEGIN IMMEDIATE"
	commitText   = "COMMIT"
	rollbackText = "ROLLBACK"
)

// begin starts a transaction that writes, as soon as no other process has one.
// It asks often: a unit takes a fraction of a millisecond, and whoever asks
// rarely loses against a process that writes all the time. Nothing else waits
// for a lock, so this is where the caller's patience is tried.
func begin(ctx context.Context, c *conn) error {
	const longest = 2 * time.Millisecond
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, longest) {
		_, err := c.exec(beginWrite)
		if !isBusy(err) {
			return err
		}
		if late := sleep(ctx, pause); late != nil {
			return errors.Join(late, err)
		}
	}
}

// sleep waits for d, or less when the context ends, whose error it returns.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rollback ends a transaction in which something failed. Its own failure says
// only that the connection is not to be used again: closing it rolls back too.
func rollback(c *conn) {
	if _, err := c.exec(rollbackText); err != nil {
		c.broken = true
	}
}

// errUnclear marks a COMMIT that failed without leaving a transaction behind
// that could be rolled back.
var errUnclear = errors.New("the result of a commit is unclear")

// commit ends a transaction. Where it fails and the transaction is still
// there, nothing has happened; where SQLite has ended it in some way of its
// own, nobody knows.
func commit(c *conn) error {
	_, err := c.exec(commitText)
	if err == nil {
		return nil
	}
	if _, e := c.exec(rollbackText); e != nil {
		c.broken = true
		if !isFull(err) { // SQLite reports a full disk only before the commit is valid
			return errors.Join(err, errUnclear)
		}
	}
	return err
}
