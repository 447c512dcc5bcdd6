package sqlitestore

import (
	"context"
	"database/sql/driver"
	"encoding/base64"
	"encoding/binary"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// deadRows is how many tombstones a page steps over before it is handed out
// short.
const deadRows = 1000

// A body is given to each incarnation in the order of creation, so it orders
// the list without trusting the clock.
const selectOwned = `
SELECT body, scope, state, epoch, version, created, expires, ttl, seq, commands, variables, cells, bytes, due,
  id, (SELECT pairs FROM labels WHERE labels.body = sessions.body)
FROM sessions WHERE owner = ? AND body > ? ORDER BY body LIMIT ?`

// List pages through an owner's living sessions in the order of their
// creation.
func (s *Store) List(ctx context.Context, owner string, p store.Page) (store.SessionPage, error) {
	var page store.SessionPage
	after, ok := position(p.Cursor)
	if !ok {
		const detail = "The cursor is not one that a page gave."
		return page, fault.Invalid(fault.InvalidRequest, "The page cannot be found.",
			[]fault.Violation{{Pointer: "cursor", Code: fault.InvalidRequest, Detail: detail}})
	}
	if p.Limit < 1 {
		return page, fault.New(fault.InvalidRequest, "A page has at least one item.")
	}
	err := s.view(ctx, func(tx *tx) error {
		scanned, last := 0, after
		args := []driver.Value{owner, after, int64(p.Limit) + deadRows + 1}
		return tx.c.each(selectOwned, args, func(r row) (bool, error) {
			ses := sessionOf(store.Ref{Owner: owner, ID: r.text(14)}, r)
			lives := tx.lives(ses)
			if scanned == p.Limit+deadRows || (lives && len(page.Items) == p.Limit) {
				page.Next = cursor(last)
				return false, nil
			}
			scanned, last = scanned+1, ses.body
			if !lives {
				return true, nil
			}
			labels, err := unpackLabels(r.blob(15))
			page.Items = append(page.Items, ses.show(labels))
			return true, err
		})
	})
	return only(page, err)
}

const (
	cursorVersion = 1
	cursorLen     = 1 + 8
)

// cursor names the position behind a body.
func cursor(body int64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64([]byte{cursorVersion}, uint64(body)))
}

// position is the inverse of cursor; "" is the beginning.
func position(cursor string) (body int64, ok bool) {
	if cursor == "" {
		return 0, true
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != cursorLen || b[0] != cursorVersion {
		return 0, false
	}
	body = int64(binary.BigEndian.Uint64(b[1:]))
	return body, body > 0
}
