package sqlitestore

import (
	"context"

	"toolpit/internal/store"
)

// Apply is the only write to a session's state.
func (s *Store) Apply(ctx context.Context, ref store.Ref, u store.Unit) (store.Applied, error) {
	if u.Kind == 0 {
		u.Kind = store.Effect
	}
	if err := u.Check(s.cfg.Limits); err != nil {
		return store.Applied{}, err
	}
	var applied store.Applied
	err := s.mutate(ctx, func(tx *tx) (err error) {
		applied, err = tx.apply(ref, u)
		return err
	})
	return only(applied, err)
}

// apply applies one unit. All its checks come before its first write, so a
// refused unit leaves the transaction fit for others.
func (tx *tx) apply(ref store.Ref, u store.Unit) (store.Applied, error) {
	ses, m, err := tx.enter(ref, u.Write)
	if err != nil {
		return store.Applied{}, err
	}
	if m.kind != 0 {
		kind := store.RecordKind(m.kind)
		if kind != store.Effect && kind != store.Answer && kind != store.Draft {
			return store.Applied{}, store.ReusedKey()
		}
		if kind != store.Draft || u.Kind == store.Draft {
			return replay(kind, m.record)
		}
		u.Count = false // the draft did
	}
	if err := tx.writable(ses); err != nil {
		return store.Applied{}, err
	}
	p := plan{tx: tx, ses: *ses, unit: u, results: make([]store.Result, 0, len(u.Ops))}
	for i, op := range u.Ops {
		if err := p.include(i, op); err != nil {
			return store.Applied{}, err
		}
	}
	applied, record, err := p.seal(ses, m)
	if err != nil {
		return store.Applied{}, err
	}
	if err := p.write(); err != nil {
		return store.Applied{}, err
	}
	return applied, tx.remember(&p.ses, u.Write, m, byte(u.Kind), record)
}

func replay(kind store.RecordKind, record []byte) (store.Applied, error) {
	applied, err := unpackApplied(record)
	applied.Kind, applied.Replayed = kind, true
	return only(applied, err)
}

// plan is what a unit is going to do: made while its operations are checked,
// written when nothing can be refused any more.
type plan struct {
	tx      *tx
	ses     session // as it will be
	unit    store.Unit
	results []store.Result
	changes []change           // to write, in the order of items
	items   []store.ChangeItem // for the change log
	uses    map[string]*use    // of blobs, by digest
	locks   int64              // taken, less those given up
	ends    bool
}

// change is what a plan does to one variable.
type change struct {
	cell    cell  // as it will be
	keeps   bool  // what it was goes into the history
	weight  int64 // there
	cut     int64 // up to this version entries of the history go; 0: none
	lock    *store.Lock
	unlocks bool // the lock's row goes
}

// seal checks the quotas and makes the answer and its record.
func (p *plan) seal(before *session, m memory) (store.Applied, []byte, error) {
	if err := p.variableQuota(before); err != nil {
		return store.Applied{}, nil, err
	}
	if p.unit.Count {
		p.ses.commands++
	}
	if len(p.items) > 0 {
		p.ses.seq++
	}
	p.tx.rearm(&p.ses)
	applied := store.Applied{
		Results: p.results, Kind: p.unit.Kind, At: moment(p.tx.now),
		Epoch: p.ses.epoch, Seq: p.ses.seq, Commands: p.ses.commands, Variables: p.ses.variables, Created: moment(p.ses.created),
	}
	if len(p.unit.Memo) > 0 {
		applied.Memo = p.unit.Memo
	}
	record := packApplied(applied)
	p.ses.bytes += sizeOf(p.unit.Write, record) - m.size + p.blobBytes()
	return applied, record, p.bytesQuota(before)
}

func (p *plan) variableQuota(before *session) error {
	limit := p.tx.cfg.Limits.Variables
	dead := 2*limit + 1000 // rows of deleted variables stay, or their versions would start again
	switch {
	case p.ses.variables > limit && p.ses.variables > before.variables:
		return store.TooManyVariables(before.variables, limit)
	case p.ses.cells > dead && p.ses.cells > before.cells:
		return store.TooManyVariables(before.cells, dead)
	}
	return nil
}

// bytesQuota refuses a unit that makes the session too large. What goes from
// the history is counted when it goes; here it matters only when the rest is
// too much.
func (p *plan) bytesQuota(before *session) error {
	limit := p.tx.cfg.Limits.SessionBytes
	if p.ends || p.ses.bytes <= limit || p.ses.bytes <= before.bytes {
		return nil
	}
	after := p.ses.bytes
	for i := range p.changes {
		c := &p.changes[i]
		if c.cut == 0 {
			continue
		}
		freed, err := p.tx.number(measureOld, p.ses.body, c.cell.name, c.cut)
		if err != nil {
			return err
		}
		after -= freed
	}
	if after <= limit || after <= before.bytes {
		return nil
	}
	return store.TooManyBytes(before.bytes, limit)
}

// write carries the plan out.
func (p *plan) write() error {
	if p.ends {
		return p.tx.end(&p.ses)
	}
	for i := range p.changes {
		if err := p.carryOut(&p.changes[i]); err != nil {
			return err
		}
	}
	if err := p.saveUses(); err != nil {
		return err
	}
	if len(p.items) > 0 {
		p.tx.changed = p.ses.ref
		if err := p.tx.saveChange(&p.ses, p.unit.By, p.items); err != nil {
			return err
		}
	}
	return p.tx.save(&p.ses)
}

// carryOut writes one change.
func (p *plan) carryOut(c *change) error {
	body, name := p.ses.body, c.cell.name
	if c.keeps {
		if err := p.tx.saveOld(body, name, c.weight); err != nil {
			return err
		}
	}
	if c.cut > 0 {
		weight, bytes, err := p.tx.trim(body, name, c.cut)
		if err != nil {
			return err
		}
		c.cell.weight -= weight
		p.ses.bytes -= bytes
	}
	if err := p.tx.saveCell(body, &c.cell); err != nil {
		return err
	}
	switch {
	case c.lock != nil:
		return p.tx.saveLock(body, name, c.lock)
	case c.unlocks:
		_, err := p.tx.c.exec(deleteLock, body, name)
		return err
	}
	return nil
}
