package sqlitestore

import (
	"time"

	"toolpit/internal/store"
)

// A session's state, as stored.
const (
	stateOpen int64 = iota
	stateReadOnly
	stateEnded // deleted; an expired session is not marked, its expiry says it
)

// session is a session's row.
type session struct {
	ref       store.Ref
	body      int64
	scope     int64
	state     int64
	epoch     string
	version   int64
	created   int64
	expires   int64
	ttl       int64
	seq       int64
	commands  int64
	variables int64
	cells     int64
	bytes     int64
	due       int64
}

// Columns are without names in what is asked often, see conn.each.
const sessionColumns = `
  +body AS "", +scope AS "", +state AS "", +epoch AS "", +version AS "", +created AS "", +expires AS "",
  +ttl AS "", +seq AS "", +commands AS "", +variables AS "", +cells AS "", +bytes AS "", +due AS ""`

const selectSession = "SELECT " + sessionColumns + " FROM sessions WHERE owner = ? AND id = ?"

// find returns the row of a session, living or not, or nil when nothing is
// known under that name.
func (tx *tx) find(ref store.Ref) (*session, error) {
	r, err := tx.c.one(selectSession, ref.Owner, ref.ID)
	if err != nil || r == nil {
		return nil, err
	}
	return sessionOf(ref, r), nil
}

// sessionOf reads the columns of sessionColumns.
func sessionOf(ref store.Ref, r row) *session {
	s := &session{
		ref: ref, body: r.int(0), scope: r.int(1), state: r.int(2), epoch: r.text(3), version: r.int(4),
		created: r.int(5), expires: r.int(6), ttl: r.int(7), seq: r.int(8), commands: r.int(9),
		variables: r.int(10), cells: r.int(11), bytes: r.int(12), due: r.int(13),
	}
	if s.scope == 0 {
		s.scope = s.body
	}
	return s
}

// lives tells whether there is a session: the one question that expiry and
// deletion answer, whether the sweeper has been there or not.
func (tx *tx) lives(s *session) bool {
	return s != nil && s.state != stateEnded && s.expires > tx.now
}

// living refuses a session that is not there.
func (tx *tx) living(s *session) error {
	switch {
	case tx.lives(s):
		return nil
	case s != nil && s.state != stateEnded && tx.now < tx.tombstoneEnds(s.expires):
		return store.ExpiredSession()
	default:
		return store.NoSession()
	}
}

// visit returns a living session.
func (tx *tx) visit(ref store.Ref) (*session, error) {
	s, err := tx.find(ref)
	if err != nil {
		return nil, err
	}
	return s, tx.living(s)
}

// writable refuses a session that is not there or read-only.
func (tx *tx) writable(s *session) error {
	if err := tx.living(s); err != nil {
		return err
	}
	return thawed(s)
}

func thawed(s *session) error {
	if s.state == stateReadOnly {
		return store.FrozenSession()
	}
	return nil
}

// rearm moves the expiry of a session that is used.
func (tx *tx) rearm(s *session) { s.expires = tx.now + s.ttl }

// wants tells whether a read should re-arm the expiry: less than 90 % of the
// time is left.
func (tx *tx) wants(s *session) bool { return (s.expires-tx.now)*10 < s.ttl*9 }

const selectLabels = "SELECT pairs FROM labels WHERE body = ?"

// snapshot returns the session as the contract shows it.
func (tx *tx) snapshot(s *session) (store.Session, error) {
	var pairs []byte
	r, err := tx.c.one(selectLabels, s.body)
	if err != nil {
		return store.Session{}, err
	}
	if r != nil {
		pairs = r.blob(0)
	}
	labels, err := unpackLabels(pairs)
	return s.show(labels), err
}

func (s *session) show(labels map[string]string) store.Session {
	return store.Session{
		Ref: s.ref, Epoch: s.epoch, Version: s.version, Created: moment(s.created), Expires: moment(s.expires),
		TTL: time.Duration(s.ttl) * time.Millisecond, Labels: labels, Seq: s.seq, Commands: s.commands,
		Variables: s.variables, ReadOnly: s.state == stateReadOnly,
	}
}

const insertSession = `
INSERT INTO sessions (scope, owner, id, state, epoch, version, created, expires, ttl, seq, commands, variables, cells, bytes, due)
VALUES (nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, ?)`

// insert writes a new row and sets its body.
func (tx *tx) insert(s *session) error {
	result, err := tx.c.exec(insertSession,
		s.scope, s.ref.Owner, s.ref.ID, s.state, s.epoch, s.version, s.created, s.expires, s.ttl, s.due)
	if err != nil {
		return err
	}
	if s.body, err = result.LastInsertId(); err != nil {
		return err
	}
	if s.scope == 0 {
		s.scope = s.body
	}
	return nil
}

const updateSession = `
UPDATE sessions SET expires = ?, seq = ?, commands = ?, variables = ?, cells = ?, bytes = ? WHERE body = ?`

// save writes what a unit changes in a session that goes on. It touches no
// indexed column.
func (tx *tx) save(s *session) error {
	_, err := tx.c.exec(updateSession, s.expires, s.seq, s.commands, s.variables, s.cells, s.bytes, s.body)
	return err
}

const updateProperties = "UPDATE sessions SET state = ?, version = ?, ttl = ?, due = ? WHERE body = ?"

// saveProperties writes what only an update of the session itself changes.
func (tx *tx) saveProperties(s *session) error {
	s.due = min(s.due, s.expires) // a shorter TTL must not be found too late
	_, err := tx.c.exec(updateProperties, s.state, s.version, s.ttl, s.due, s.body)
	return err
}

const upsertLabels = "INSERT INTO labels (body, pairs) VALUES (?, ?) ON CONFLICT (body) DO UPDATE SET pairs = excluded.pairs"

// saveLabels writes a session's labels; none at all need no row.
func (tx *tx) saveLabels(s *session, labels map[string]string) error {
	var err error
	if len(labels) == 0 {
		_, err = tx.c.exec(deleteLabels, s.body)
	} else {
		_, err = tx.c.exec(upsertLabels, s.body, packLabels(labels))
	}
	return err
}

const endSession = "UPDATE sessions SET state = 2, expires = ?, due = ? WHERE body = ?"

// end makes a tombstone of a session: it is over from now on, and so is what
// is in it. Little of that is removed at once, much is left to the sweeper.
func (tx *tx) end(s *session) error {
	tx.changed = s.ref
	s.state, s.expires, s.due = stateEnded, tx.now, tx.now
	_, complete, err := tx.purge(s.body, endPurge)
	if err != nil {
		return err
	}
	if complete {
		s.due = tx.tombstoneEnds(s.expires)
	}
	_, err = tx.c.exec(endSession, s.expires, s.due, s.body)
	return err
}
