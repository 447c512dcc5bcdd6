package sqlitestore

import (
	"time"

	"toolpit/internal/store"
)

// The kinds of records that are no unit's; those have store.RecordKind.
const (
	recordCreated = 'c'
	recordTouched = 't'
	recordUpdated = 'u'
	recordRemoved = 'r'
)

// recordOverhead is what a client's record counts beside its length.
const recordOverhead = 64

// memory is what is remembered of a token. Its zero value is nothing.
type memory struct {
	kind   byte // 0: the token is free
	record []byte
	at     int64 // when the token was first applied
	size   int64 // what the row that is there, forgotten or not, counts in the session's bytes
}

const selectToken = `
SELECT +kind AS "", +at AS "", +body AS "", +size AS "", +fingerprint AS "", +record AS ""
FROM tokens WHERE scope = ? AND token = ?`

// enter is the first act of every mutation: it looks up the session and what
// is remembered of the token. The session may be nil or over; nothing of it has
// been checked. A client's key that was used for another request is refused.
func (tx *tx) enter(ref store.Ref, w store.Write) (*session, memory, error) {
	if err := w.Check(); err != nil {
		return nil, memory{}, err
	}
	s, err := tx.find(ref)
	if err != nil || s == nil {
		return nil, memory{}, err
	}
	r, err := tx.c.one(selectToken, s.scope, []byte(w.Token.Bytes()))
	if err != nil || r == nil {
		return s, memory{}, err
	}
	m := memory{kind: byte(r.int(0)), at: r.int(1), record: r.blob(5)}
	body, fingerprint := r.int(2), r.blob(4)
	if body == s.body {
		m.size = r.int(3)
	}
	remembered, err := tx.remembers(s, w.Token, body, m.at)
	if err != nil {
		return nil, memory{}, err
	}
	if !remembered {
		return s, memory{size: m.size}, nil
	}
	if w.Token.Keyed() && string(fingerprint) != string(w.Fingerprint[:]) {
		return nil, memory{}, store.ReusedKey()
	}
	return s, m, nil
}

// enterFor is enter for a mutation that leaves a record of that kind: one that
// is remembered is the same mutation, and a token of another kind is refused.
func (tx *tx) enterFor(kind byte, ref store.Ref, w store.Write) (*session, memory, error) {
	s, m, err := tx.enter(ref, w)
	if err == nil && m.kind != 0 && m.kind != kind {
		err = store.ReusedKey()
	}
	return s, m, err
}

const selectGrave = "SELECT until FROM graves WHERE body = ?"

// remembers tells whether a record still counts: neither older than its own
// time, nor than the tombstone of the incarnation to which it was applied.
func (tx *tx) remembers(s *session, t store.Token, body, at int64) (bool, error) {
	if tx.now-at >= tx.lifetime(t.Keyed()).Milliseconds() {
		return false, nil
	}
	if body == s.body {
		return tx.lives(s) || tx.now < tx.tombstoneEnds(s.expires), nil
	}
	r, err := tx.c.one(selectGrave, body)
	if err != nil || r == nil {
		return false, err
	}
	return tx.now < r.int(0), nil
}

func (tx *tx) lifetime(keyed bool) time.Duration {
	if keyed {
		return tx.cfg.KeyTTL
	}
	return store.MintedTTL
}

// sizeOf returns what a record counts in its session's bytes. Minted tokens
// are forgotten too soon to matter.
func sizeOf(w store.Write, record []byte) int64 {
	if !w.Token.Keyed() {
		return 0
	}
	return int64(recordOverhead + len(record))
}

const upsertToken = `
INSERT INTO tokens (scope, token, keyed, at, body, size, kind, fingerprint, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (scope, token) DO UPDATE SET at = excluded.at, body = excluded.body, size = excluded.size,
  kind = excluded.kind, fingerprint = excluded.fingerprint, record = excluded.record`

// remember stores the record of a unit that was applied to s. It replaces what
// m is: a draft, whose time goes on, or something forgotten. The caller has
// counted the size.
func (tx *tx) remember(s *session, w store.Write, m memory, kind byte, record []byte) error {
	at := tx.now
	if m.kind != 0 {
		at = m.at
	}
	keyed := int64(0)
	if w.Token.Keyed() {
		keyed = 1
	}
	_, err := tx.c.exec(upsertToken, s.scope, []byte(w.Token.Bytes()), keyed, at, s.body, sizeOf(w, record),
		int64(kind), w.Fingerprint[:], record)
	return err
}
