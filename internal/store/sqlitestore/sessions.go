package sqlitestore

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

const epochLen = 8

// Create makes a session.
func (s *Store) Create(ctx context.Context, ref store.Ref, n store.NewSession) (store.Created, error) {
	var made store.Created
	if err := n.Check(); err != nil {
		return made, err
	}
	err := s.mutate(ctx, func(tx *tx) error {
		made = store.Created{}
		ses, m, err := tx.enterFor(recordCreated, ref, n.Write)
		if err != nil {
			return err
		}
		if m.kind != 0 {
			made.Replayed = true
			made.Session, made.Existing, err = unpackSession(ref, m.record)
			return err
		}
		if tx.lives(ses) {
			if !n.ReturnExisting {
				return store.TakenSession()
			}
			made.Existing = true
			if made.Session, err = tx.snapshot(ses); err != nil {
				return err
			}
		} else if ses, made.Session, err = tx.create(ref, ses, n); err != nil {
			return err
		} else {
			m.size = 0 // it was counted in another incarnation
		}
		return tx.answer(ses, n.Write, m, recordCreated, packSession(made.Session, made.Existing))
	})
	return only(made, err)
}

// create writes a new session in the place of one that is over, if any.
func (tx *tx) create(ref store.Ref, old *session, n store.NewSession) (*session, store.Session, error) {
	if err := labelQuota(0, len(n.Labels)); err != nil {
		return nil, store.Session{}, err
	}
	ttl := n.TTL.Milliseconds()
	ses := &session{
		ref: ref, epoch: rand.Text()[:epochLen], version: 1, created: tx.now, ttl: ttl, expires: tx.now + ttl, due: tx.now + ttl,
	}
	if old != nil {
		ses.scope = old.scope
		if err := tx.bury(old); err != nil {
			return nil, store.Session{}, err
		}
	}
	if err := tx.insert(ses); err != nil {
		return nil, store.Session{}, err
	}
	tx.changed = ref
	labels := maps.Clone(n.Labels)
	if len(labels) == 0 {
		return ses, ses.show(nil), nil
	}
	return ses, ses.show(labels), tx.saveLabels(ses, labels)
}

const (
	deleteSession = "DELETE FROM sessions WHERE body = ?"
	insertGrave   = "INSERT INTO graves (body, until, due) VALUES (?, ?, ?)"
)

// bury makes room for a new incarnation: the old one's tombstone becomes a
// grave, by which its records are still judged and its leftovers found.
func (tx *tx) bury(old *session) error {
	if _, err := tx.c.exec(deleteSession, old.body); err != nil {
		return err
	}
	_, err := tx.c.exec(insertGrave, old.body, tx.tombstoneEnds(old.expires), tx.now)
	return err
}

// answer counts and stores the record of a mutation of the session itself, and
// writes the session.
func (tx *tx) answer(ses *session, w store.Write, m memory, kind byte, record []byte) error {
	ses.bytes += sizeOf(w, record) - m.size
	if err := tx.save(ses); err != nil {
		return err
	}
	return tx.remember(ses, w, m, kind, record)
}

// labelQuota refuses more labels than a session may have.
func labelQuota(before, after int) error {
	if after <= store.MaxLabels || after <= before {
		return nil
	}
	return store.TooManyLabels(int64(before))
}

// Get returns a living session.
func (s *Store) Get(ctx context.Context, ref store.Ref) (store.Session, error) {
	return look(ctx, s, ref, (*tx).snapshot)
}

// look answers from a living session in a reading transaction. Where the
// session's expiry must be re-armed, it asks again in the transaction that does
// it, and that answer counts.
func look[T any](ctx context.Context, s *Store, ref store.Ref, ask func(*tx, *session) (T, error)) (T, error) {
	var first, second T
	var rearm bool
	err := s.view(ctx, func(tx *tx) error {
		ses, err := tx.visit(ref)
		if err != nil {
			return err
		}
		rearm = tx.wants(ses)
		first, err = ask(tx, ses)
		return err
	})
	if err != nil || !rearm {
		return only(first, err)
	}
	err = s.mutate(ctx, func(tx *tx) error {
		ses, err := tx.visit(ref)
		if err != nil {
			return err
		}
		tx.rearm(ses)
		if err := tx.save(ses); err != nil {
			return err
		}
		second, err = ask(tx, ses)
		return err
	})
	if fault.CodeOf(err) == fault.StoreFull {
		return first, nil // reading is what helps when there is no space
	}
	return only(second, err)
}

// Touch re-arms the expiry.
func (s *Store) Touch(ctx context.Context, ref store.Ref, w store.Write) (store.Changed, error) {
	var changed store.Changed
	err := s.mutate(ctx, func(tx *tx) error {
		changed = store.Changed{}
		ses, m, err := tx.enterFor(recordTouched, ref, w)
		if err != nil {
			return err
		}
		if m.kind != 0 {
			changed.Replayed = true
			changed.Session, _, err = unpackSession(ref, m.record)
			return err
		}
		if err := tx.living(ses); err != nil {
			return err
		}
		tx.rearm(ses)
		if changed.Session, err = tx.snapshot(ses); err != nil {
			return err
		}
		return tx.answer(ses, w, m, recordTouched, packSession(changed.Session, false))
	})
	return only(changed, err)
}

// Update changes TTL, labels or the read-only flag.
func (s *Store) Update(ctx context.Context, ref store.Ref, u store.SessionUpdate) (store.Changed, error) {
	var changed store.Changed
	if err := u.Check(); err != nil {
		return changed, err
	}
	err := s.mutate(ctx, func(tx *tx) error {
		changed = store.Changed{}
		ses, m, err := tx.enterFor(recordUpdated, ref, u.Write)
		if err != nil {
			return err
		}
		if m.kind != 0 {
			changed.Replayed = true
			changed.Session, _, err = unpackSession(ref, m.record)
			return err
		}
		if changed.Session, err = tx.update(ses, u); err != nil {
			return err
		}
		return tx.answer(ses, u.Write, m, recordUpdated, packSession(changed.Session, false))
	})
	return only(changed, err)
}

// update checks and applies everything but the session's counters, which the
// record changes too.
func (tx *tx) update(ses *session, u store.SessionUpdate) (store.Session, error) {
	if err := tx.living(ses); err != nil {
		return store.Session{}, err
	}
	thaws := u.ReadOnly != nil && !*u.ReadOnly
	if err := thawed(ses); err != nil && !thaws {
		return store.Session{}, err
	}
	before, err := tx.snapshot(ses)
	if err != nil {
		return store.Session{}, err
	}
	if err := matches(u.Match, before); err != nil {
		return store.Session{}, err
	}
	labels := merged(before.Labels, u.Labels)
	if err := labelQuota(len(before.Labels), len(labels)); err != nil {
		return store.Session{}, err
	}

	ses.version++
	if u.TTL != 0 {
		ses.ttl = u.TTL.Milliseconds()
	}
	if u.ReadOnly != nil {
		ses.state = stateOpen
		if *u.ReadOnly {
			ses.state = stateReadOnly
		}
	}
	tx.rearm(ses)
	if err := tx.saveProperties(ses); err != nil {
		return store.Session{}, err
	}
	if len(u.Labels) > 0 {
		if err := tx.saveLabels(ses, labels); err != nil {
			return store.Session{}, err
		}
	}
	return ses.show(labels), nil
}

// merged returns the labels after an update, nil for none.
func merged(labels map[string]string, changes map[string]*string) map[string]string {
	after := make(map[string]string, len(labels)+len(changes))
	maps.Copy(after, labels)
	for name, text := range changes {
		if text == nil {
			delete(after, name)
		} else {
			after[name] = *text
		}
	}
	if len(after) == 0 {
		return nil
	}
	return after
}

// matches refuses a living session that does not meet the precondition.
func matches(m store.Match, s store.Session) error {
	if !m.Given() || m.Any || slices.Contains(m.Tags, s.Tag()) {
		return nil
	}
	return store.WrongSessionVersion(s.Version)
}

// Remove deletes a session with all that is in it.
func (s *Store) Remove(ctx context.Context, ref store.Ref, removal store.SessionRemoval) (store.Removed, error) {
	var removed store.Removed
	if len(removal.LockToken) > store.MaxLockToken {
		return removed, fault.Newf(fault.InvalidRequest, "A lock's token has at most %d bytes.", store.MaxLockToken)
	}
	err := s.mutate(ctx, func(tx *tx) error {
		removed = store.Removed{}
		ses, m, err := tx.enterFor(recordRemoved, ref, removal.Write)
		if err != nil {
			return err
		}
		if m.kind != 0 {
			u := newUnpacker(m.record)
			removed = store.Removed{Existed: u.bool(), Replayed: true}
			return u.end()
		}
		removed.Existed = tx.lives(ses)
		if ses, err = tx.remove(ref, ses, removal); err != nil {
			return err
		}
		p := newPacker(2)
		p.bool(removed.Existed)
		return tx.remember(ses, removal.Write, m, recordRemoved, p.b)
	})
	return only(removed, err)
}

// remove leaves a tombstone under the name, whatever was there: the record of
// the removal needs it.
func (tx *tx) remove(ref store.Ref, ses *session, r store.SessionRemoval) (*session, error) {
	if tx.lives(ses) {
		if err := thawed(ses); err != nil {
			return nil, err
		}
		if err := matches(r.Match, ses.show(nil)); err != nil { // a tag does not depend on labels
			return nil, err
		}
		if err := tx.unlocked(ses.body, r.LockToken); err != nil {
			return nil, err
		}
	} else if r.Match.Given() {
		return nil, store.WrongSessionVersion(0)
	}
	if ses != nil {
		return ses, tx.end(ses)
	}
	ses = &session{ref: ref, state: stateEnded, created: tx.now, expires: tx.now, due: tx.tombstoneEnds(tx.now)}
	return ses, tx.insert(ses)
}
