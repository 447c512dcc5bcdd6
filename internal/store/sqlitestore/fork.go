package sqlitestore

import (
	"context"
	"maps"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// Fork creates a session that holds what another holds.
func (s *Store) Fork(ctx context.Context, ref, child store.Ref, n store.NewSession) (store.Created, error) {
	if child.Owner != ref.Owner || child.Family() != ref.Family() || child == ref {
		return store.Created{}, fault.New(fault.InvalidRequest, "A fork is a session of the same owner and family.")
	}
	var made store.Created
	err := s.alone(ctx, func(tx *tx) error {
		ses, m, err := tx.enterFor(recordCreated, child, n.Write)
		if err != nil {
			return err
		}
		if m.kind != 0 {
			made.Replayed = true
			made.Session, made.Existing, err = unpackSession(child, m.record)
			return err
		}
		parent, err := tx.visit(ref)
		if err != nil {
			return err
		}
		if tx.lives(ses) {
			return store.TakenSession()
		}
		if n, err = tx.inherit(parent, n); err != nil {
			return err
		}
		if ses, made.Session, err = tx.create(child, ses, n); err != nil {
			return err
		}
		if err := tx.copyInto(ses, parent); err != nil {
			return err
		}
		made.Variables = ses.variables
		m.size = 0 // it was counted in another incarnation
		return tx.answer(ses, n.Write, m, recordCreated, packSession(made.Session, false))
	})
	return only(made, err)
}

// inherit fills in what a fork has of its parent.
func (tx *tx) inherit(parent *session, n store.NewSession) (store.NewSession, error) {
	shown, err := tx.snapshot(parent)
	if err != nil {
		return n, err
	}
	if n.Labels == nil {
		n.Labels = maps.Clone(shown.Labels)
	}
	if n.TTL == 0 {
		n.TTL = time.Duration(parent.ttl) * time.Millisecond
	}
	return n, n.Check()
}

const (
	copyVariables = `
INSERT INTO variables (body, name, type, value, version, created, updated, writer, metadata, constraints, oldest, weight)
SELECT ?, name, type, value, version, created, updated, writer, metadata, constraints, oldest, weight
FROM variables WHERE body = ? AND type <> '' ORDER BY name`
	copyHistory = `
INSERT INTO history (body, name, version, type, value, updated, writer, metadata, weight)
SELECT ?, name, version, type, value, updated, writer, metadata, weight FROM history WHERE body = ? ORDER BY name, version`
	copyRefs  = "INSERT INTO refs (body, blob, uses) SELECT ?, blob, uses FROM refs WHERE body = ?"
	claimRefs = "UPDATE blobs SET sessions = sessions + 1 WHERE blob IN (SELECT blob FROM refs WHERE body = ?)"

	// The three below are what cell.bytes, version.size and plan.blobBytes count.
	measureVariables = `
SELECT coalesce(sum(octet_length(name) + octet_length(value) + octet_length(constraints) + octet_length(metadata) + ?), 0)
FROM variables WHERE body = ?`
	measureHistory = "SELECT coalesce(sum(octet_length(value) + octet_length(metadata)), 0) FROM history WHERE body = ?"
	measureBlobs   = "SELECT coalesce(sum(bytes), 0) FROM refs JOIN blobs USING (blob) WHERE body = ?"
)

// copyInto gives a new session what a living one holds. SQLite does it in a few
// statements, however many rows there are. Of what was deleted in the parent
// the child knows nothing, so it has as many rows as variables.
func (tx *tx) copyInto(child, parent *session) error {
	rows, err := tx.c.affect(copyVariables, child.body, parent.body)
	if err != nil {
		return err
	}
	child.variables, child.cells = rows, rows
	if _, err := tx.c.exec(copyHistory, child.body, parent.body); err != nil {
		return err
	}
	refs, err := tx.c.affect(copyRefs, child.body, parent.body)
	if err != nil {
		return err
	}
	if refs > 0 {
		if _, err := tx.c.exec(claimRefs, child.body); err != nil {
			return err
		}
	}
	variables, err := tx.number(measureVariables, int64(variableOverhead), child.body)
	if err != nil {
		return err
	}
	history, err := tx.number(measureHistory, child.body)
	if err != nil {
		return err
	}
	blobs, err := tx.number(measureBlobs, child.body)
	child.bytes = variables + history + blobs
	return err
}
