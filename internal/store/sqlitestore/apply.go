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
	for _, op := range u.Ops {
		if err := p.include(op); err != nil {
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
	cells   []cell // to write, in the order of items
	items   []store.ChangeItem
	ends    bool
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
		Seq: p.ses.seq, Commands: p.ses.commands, Variables: p.ses.variables, Created: moment(p.ses.created),
	}
	if len(p.unit.Memo) > 0 {
		applied.Memo = p.unit.Memo
	}
	record := packApplied(applied)
	p.ses.bytes += sizeOf(p.unit.Write, record) - m.size
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

func (p *plan) bytesQuota(before *session) error {
	limit := p.tx.cfg.Limits.SessionBytes
	if p.ends || p.ses.bytes <= limit || p.ses.bytes <= before.bytes {
		return nil
	}
	return store.TooManyBytes(before.bytes, limit)
}

// write carries the plan out.
func (p *plan) write() error {
	if p.ends {
		return p.tx.end(&p.ses)
	}
	for i := range p.cells {
		if err := p.tx.saveCell(p.ses.body, &p.cells[i]); err != nil {
			return err
		}
	}
	if len(p.items) > 0 {
		if err := p.tx.saveChange(&p.ses, p.unit.By, p.items); err != nil {
			return err
		}
	}
	return p.tx.save(&p.ses)
}
