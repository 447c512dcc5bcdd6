package sqlitestore

import (
	"database/sql/driver"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

const (
	selectLock = "SELECT token, holder, fence, expires FROM locks WHERE body = ? AND name = ?"
	// selectForeign finds a live lock that another token holds.
	selectForeign = `
SELECT token, holder, fence, expires, name FROM locks WHERE body = ? AND expires > ? AND token <> ? ORDER BY name LIMIT 1`
	countLocks = "SELECT count(*) FROM locks WHERE body = ? AND expires > ?"
)

// lockOf reads the columns of selectLock.
func lockOf(r row) *store.Lock {
	return &store.Lock{Token: r.text(0), Holder: r.text(1), Fence: r.int(2), Expires: moment(r.int(3))}
}

// heldLock returns the live lock of a variable, or nil. A variable's row says
// how long it is locked, so that one without a lock costs nothing here.
func (tx *tx) heldLock(body int64, c *cell) (*store.Lock, error) {
	if c.lease <= tx.now {
		return nil, nil
	}
	r, err := tx.c.one(selectLock, body, c.name)
	if err != nil || r == nil {
		return nil, err
	}
	return lockOf(r), nil
}

// opens refuses an operation on a variable that somebody else holds.
func (p *plan) opens(op store.Op, held *store.Lock) error {
	key := p.unit.LockToken
	if op.Kind == store.OpLock {
		key = op.Lease.Token
	}
	if held == nil || op.Kind == store.OpLoad || key == held.Token {
		return nil
	}
	return store.LockedVariable(op.Name, *held)
}

// unlocked refuses the end of a session in which somebody else holds a lock.
func (tx *tx) unlocked(body int64, token string) error {
	r, err := tx.c.one(selectForeign, body, tx.now, token)
	if err != nil || r == nil {
		return err
	}
	return store.LockedVariable(r.text(4), *lockOf(r))
}

// lock takes a lock or renews it.
func (p *plan) lock(op store.Op, c *cell, held *store.Lock) (*store.Lock, error) {
	granted := store.Lock{
		Token: op.Lease.Token, Holder: op.Lease.Holder, Fence: p.ses.seq + 1, Expires: moment(p.tx.now + op.Lease.TTL.Milliseconds()),
	}
	if held != nil {
		granted.Fence = held.Fence
		if op.Lease.Keep {
			granted.Holder = held.Holder
		}
	} else {
		live, err := p.tx.number(countLocks, p.ses.body, p.tx.now)
		if err != nil {
			return nil, err
		}
		if live += p.locks; live >= store.MaxLocks {
			return nil, store.TooManyLocks(live)
		}
		p.locks++
	}
	c.lease = granted.Expires.UnixMilli()
	p.change(store.Locked, change{cell: *c, lock: &granted})
	shown := granted
	return &shown, nil
}

// unlock gives a live lock up.
func (p *plan) unlock(c *cell, held *store.Lock) {
	if held == nil {
		return
	}
	p.locks--
	c.lease = 0
	p.change(store.Unlocked, change{cell: *c, unlocks: true})
}

const (
	deleteEndedLocks = "DELETE FROM locks WHERE body = ? AND expires <= ?"
	upsertLock       = `
INSERT INTO locks (body, name, token, holder, fence, expires) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (body, name) DO UPDATE SET token = excluded.token, holder = excluded.holder, fence = excluded.fence,
  expires = excluded.expires`
	deleteLock = "DELETE FROM locks WHERE body = ? AND name = ?"
)

// saveLock writes a lock. Those that have ended make room.
func (tx *tx) saveLock(body int64, name string, l *store.Lock) error {
	if _, err := tx.c.exec(deleteEndedLocks, body, tx.now); err != nil {
		return err
	}
	_, err := tx.c.exec(upsertLock, body, name, l.Token, l.Holder, l.Fence, l.Expires.UnixMilli())
	return err
}

// number returns the one number that a query answers with.
func (tx *tx) number(text string, args ...driver.Value) (int64, error) {
	r, err := tx.c.one(text, args...)
	if err != nil || r == nil {
		return 0, err
	}
	return r.int(0), nil
}

// isQuota tells whether a refusal concerns the session rather than one
// operation.
func isQuota(code fault.Code) bool {
	return code == fault.SessionQuotaExceeded || code == fault.VariableQuotaExceeded
}
