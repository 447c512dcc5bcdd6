package sqlitestore

import (
	"context"

	"toolpit/internal/store"
)

const (
	firstChange = "SELECT seq FROM changes WHERE body = ? ORDER BY seq LIMIT 1"
	countBlobs  = "SELECT count(*), coalesce(sum(bytes), 0) FROM refs JOIN blobs USING (blob) WHERE body = ?"
)

// Usage measures a session against its limits.
func (s *Store) Usage(ctx context.Context, ref store.Ref) (store.Usage, error) {
	return look(ctx, s, ref, func(tx *tx, ses *session) (store.Usage, error) {
		u := store.Usage{Bytes: ses.bytes, Variables: ses.variables, Limits: tx.cfg.Limits}
		first, err := tx.number(firstChange, ses.body)
		if err != nil {
			return u, err
		}
		if first > 0 {
			u.Changes = ses.seq - first + 1 // their numbers have no holes
		}
		r, err := tx.c.one(countBlobs, ses.body)
		if err != nil {
			return u, err
		}
		u.Blobs, u.BlobBytes = r.int(0), r.int(1)
		u.Locks, err = tx.number(countLocks, ses.body, tx.now)
		return u, err
	})
}
