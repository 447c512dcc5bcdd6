package sqlitestore

import (
	"context"
	"database/sql/driver"
	"time"

	"toolpit/internal/store"
)

const (
	insertChange = "INSERT INTO changes (body, seq, at, writer, items) VALUES (?, ?, ?, ?, ?)"
	trimChanges  = "DELETE FROM changes WHERE body = ? AND seq <= ?"
)

// saveChange appends what a unit did to the session's change log and drops
// what the log has no room for any more.
func (tx *tx) saveChange(ses *session, by string, items []store.ChangeItem) error {
	if _, err := tx.c.exec(insertChange, ses.body, ses.seq, tx.now, by, packItems(items)); err != nil {
		return err
	}
	last := ses.seq - tx.cfg.Limits.Changes
	if last < 1 {
		return nil
	}
	_, err := tx.c.exec(trimChanges, ses.body, last)
	return err
}

const selectChanges = "SELECT seq, at, writer, items FROM changes WHERE body = ? AND seq > ? ORDER BY seq LIMIT ?"

// Changes returns changes of a session, oldest first.
func (s *Store) Changes(ctx context.Context, ref store.Ref, after int64, limit int) ([]store.Change, error) {
	followed, err := s.Follow(ctx, ref, after, limit)
	return followed.Changes, err
}

// Follow returns changes of a session and what those who wait for more need to
// know. All changes ring here, so that there is nothing to be remembered.
func (s *Store) Follow(ctx context.Context, ref store.Ref, after int64, limit int) (store.Followed, error) {
	var followed store.Followed
	err := s.view(ctx, func(tx *tx) error {
		ses, err := tx.visit(ref)
		if err != nil {
			return err
		}
		followed = store.Followed{
			Epoch: ses.epoch, Seq: ses.seq, Expires: moment(ses.expires), TTL: time.Duration(ses.ttl) * time.Millisecond, At: moment(tx.now),
		}
		args := []driver.Value{ses.body, after, int64(max(limit, 0))} // a negative LIMIT would be none
		return tx.c.each(selectChanges, args, func(r row) (bool, error) {
			items, err := unpackItems(r.blob(3))
			change := store.Change{Seq: r.int(0), At: moment(r.int(1)), By: r.text(2), Items: items}
			followed.Changes = append(followed.Changes, change)
			return true, err
		})
	})
	return only(followed, err)
}
