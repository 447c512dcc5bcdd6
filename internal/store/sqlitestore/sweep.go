package sqlitestore

import (
	"context"
	"database/sql/driver"
	"time"

	"toolpit/internal/store"
)

const (
	// sweepBatch is how many rows one transaction removes at most: writers
	// wait for it.
	sweepBatch = 500
	// sweepRows is how many rows of each sort one call removes at most. A
	// store under full load forgets thousands of tokens a second.
	sweepRows = 10_000
	// sweepTime ends a call early on a slow disk.
	sweepTime = store.CallTimeout / 2
	// endPurge is how many rows go with the end of a session at once.
	endPurge = 500
)

// sweeping is one sort of what is swept: in one transaction it removes some
// and tells how many rows that took, 0 when there is nothing left to do.
type sweeping func(*tx, *store.Swept) (rows int64, err error)

// Sweep removes a bounded amount of what has expired, in short transactions
// and a little of each sort in turn.
func (s *Store) Sweep(ctx context.Context) (store.Swept, error) {
	ctx, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	enough := time.Now().Add(sweepTime)
	var swept store.Swept
	sorts := []sweeping{
		(*tx).sweepSessions, (*tx).sweepGraves, sweepTokens(false), sweepTokens(true), (*tx).sweepAnswers,
		(*tx).sweepUploads, (*tx).sweepBlobs, (*tx).sweepWaste,
	}
	removed := make([]int64, len(sorts))
	for more := true; more && time.Now().Before(enough); {
		more = false
		for i, sort := range sorts {
			if removed[i] >= sweepRows {
				continue
			}
			rows, err := s.sweepOnce(ctx, sort, &swept)
			if err != nil {
				return swept, err
			}
			removed[i] += rows
			if rows == 0 {
				removed[i] = sweepRows
			}
			more = more || rows > 0
		}
	}
	return swept, nil
}

// sweepOnce counts only what was committed.
func (s *Store) sweepOnce(ctx context.Context, sort sweeping, swept *store.Swept) (rows int64, err error) {
	var batch store.Swept
	err = s.alone(ctx, func(tx *tx) (err error) {
		rows, err = sort(tx, &batch)
		return err
	})
	if err == nil {
		swept.Sessions += batch.Sessions
		swept.Tokens += batch.Tokens
		swept.Blobs += batch.Blobs
	}
	return rows, err
}

const selectDue = "SELECT " + sessionColumns + " FROM sessions WHERE due <= ? ORDER BY due LIMIT ?"

// sweepSessions looks at sessions that are due, and counts everything it
// touches.
func (tx *tx) sweepSessions(swept *store.Swept) (int64, error) {
	var due []*session
	err := tx.c.each(selectDue, []driver.Value{tx.now, int64(sweepBatch / 10)}, func(r row) (bool, error) {
		due = append(due, sessionOf(store.Ref{}, r))
		return true, nil
	})
	if err != nil {
		return 0, err
	}
	rows := int64(0)
	for _, ses := range due {
		if rows >= sweepBatch {
			break
		}
		n, err := tx.sweepSession(ses, sweepBatch-rows, swept)
		if err != nil {
			return 0, err
		}
		rows += n + 1
	}
	return rows, nil
}

const setDue = "UPDATE sessions SET due = ? WHERE body = ?"

// sweepSession removes at most budget rows of one session. What is in a
// session goes as soon as the session is over; its row and its records stay
// until the tombstone ends.
func (tx *tx) sweepSession(ses *session, budget int64, swept *store.Swept) (int64, error) {
	if tx.lives(ses) {
		_, err := tx.c.exec(setDue, ses.expires, ses.body)
		return 0, err
	}
	rows, complete, err := tx.purge(ses.body, budget)
	if err != nil || !complete {
		return rows, err
	}
	ends := tx.tombstoneEnds(ses.expires)
	if ses.due <= ses.expires {
		swept.Sessions++ // once: from here on it is due when its tombstone ends
	}
	if tx.now < ends {
		_, err := tx.c.exec(setDue, ends, ses.body)
		return rows, err
	}
	tokens, err := tx.c.affect(deleteScope, ses.scope, ses.scope, budget-rows)
	if err != nil {
		return rows, err
	}
	swept.Tokens += tokens
	rows += tokens
	if rows >= budget {
		_, err := tx.c.exec(setDue, ends, ses.body) // there may be more
		return rows, err
	}
	_, err = tx.c.exec(deleteSession, ses.body)
	return rows, err
}

const deleteScope = `
DELETE FROM tokens WHERE scope = ? AND token IN (SELECT token FROM tokens WHERE scope = ? LIMIT ?)`

const (
	selectGravesDue = "SELECT body, until FROM graves WHERE due <= ? ORDER BY due LIMIT 1"
	setGraveDue     = "UPDATE graves SET due = until WHERE body = ?"
	deleteGrave     = "DELETE FROM graves WHERE body = ?"
)

// sweepGraves empties one grave and removes it when it is time. Its records
// are in the scope of a session that may live on; they go when they are old.
func (tx *tx) sweepGraves(swept *store.Swept) (int64, error) {
	r, err := tx.c.one(selectGravesDue, tx.now)
	if err != nil || r == nil {
		return 0, err
	}
	body, until := r.int(0), r.int(1)
	rows, complete, err := tx.purge(body, sweepBatch)
	if err != nil || !complete {
		return rows, err
	}
	if rows > 0 {
		swept.Sessions++
	}
	text := setGraveDue
	if until <= tx.now {
		text = deleteGrave
	}
	_, err = tx.c.exec(text, body)
	return rows + 1, err
}

const (
	deleteTokens = `
DELETE FROM tokens WHERE (scope, token) IN (SELECT scope, token FROM tokens WHERE keyed = ? AND at <= ? ORDER BY at LIMIT ?)
RETURNING body, size`
	uncountBytes = "UPDATE sessions SET bytes = bytes - ? WHERE body = ?"
)

// sweepTokens returns what removes records, clients' or others, that are older
// than their own time, and no longer counts those that counted.
func sweepTokens(keyed bool) sweeping {
	flag := int64(0)
	if keyed {
		flag = 1
	}
	return func(tx *tx, swept *store.Swept) (int64, error) {
		rows, counted := int64(0), map[int64]int64{}
		args := []driver.Value{flag, tx.now - tx.lifetime(keyed).Milliseconds(), int64(sweepBatch)}
		err := tx.c.each(deleteTokens, args, func(r row) (bool, error) {
			rows++
			if size := r.int(1); size > 0 {
				counted[r.int(0)] += size
			}
			return true, nil
		})
		if err != nil {
			return 0, err
		}
		for body, size := range counted {
			if _, err := tx.c.exec(uncountBytes, size, body); err != nil {
				return 0, err
			}
		}
		swept.Tokens += rows
		return rows, nil
	}
}

const deleteAnswers = `
DELETE FROM answers WHERE (owner, token) IN (SELECT owner, token FROM answers WHERE at <= ? ORDER BY at LIMIT ?)`

func (tx *tx) sweepAnswers(swept *store.Swept) (int64, error) {
	rows, err := tx.c.affect(deleteAnswers, tx.now-tx.cfg.KeyTTL.Milliseconds(), int64(sweepBatch))
	swept.Tokens += rows
	return rows, err
}
