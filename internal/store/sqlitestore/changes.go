package sqlitestore

import (
	"context"
	"database/sql/driver"

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
	var changes []store.Change
	err := s.view(ctx, func(tx *tx) error {
		ses, err := tx.visit(ref)
		if err != nil {
			return err
		}
		args := []driver.Value{ses.body, after, int64(max(limit, 0))} // a negative LIMIT would be none
		return tx.c.each(selectChanges, args, func(r row) (bool, error) {
			items, err := unpackItems(r.blob(3))
			changes = append(changes, store.Change{Seq: r.int(0), At: moment(r.int(1)), By: r.text(2), Items: items})
			return true, err
		})
	})
	return only(changes, err)
}
