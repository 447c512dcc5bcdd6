package sqlitestore

import (
	"errors"
	"math"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// include checks one operation and plans what it does. Where it is refused, the
// plan is as before.
func (p *plan) include(index int, op store.Op) error {
	result, err := p.plan(op)
	if err == nil {
		p.results = append(p.results, result)
		return nil
	}
	e, refused := errors.AsType[*fault.Error](err)
	switch {
	case !refused, e.Code == fault.Internal:
		return err
	case !p.unit.Each, isQuota(e.Code):
		return &store.OpError{Index: index, Err: e}
	}
	p.results = append(p.results, store.Result{Variable: store.Variable{Name: op.Name}, Refused: e})
	return nil
}

// plan returns what an operation does.
func (p *plan) plan(op store.Op) (store.Result, error) {
	if op.Kind == store.OpEnd {
		err := p.tx.unlocked(p.ses.body, p.unit.LockToken)
		p.ends = err == nil
		return store.Result{Existed: true}, err
	}
	c, err := p.tx.findCell(p.ses.body, op.Name)
	if err != nil {
		return store.Result{}, err
	}
	result := store.Result{Existed: c.lives()}
	result.Lock, err = p.do(op, &c)
	result.Variable = c.variable()
	return result, err
}

// do plans an operation on a variable, which is changed only if it is not
// refused. It returns the lock that was granted.
func (p *plan) do(op store.Op, c *cell) (*store.Lock, error) {
	if err := expected(op, c, p.ses.epoch); err != nil {
		return nil, err
	}
	held, err := p.tx.heldLock(p.ses.body, c)
	if err != nil {
		return nil, err
	}
	if err := p.opens(op, held); err != nil {
		return nil, err
	}
	if err := exists(op, c); err != nil {
		return nil, err
	}
	switch op.Kind {
	case store.OpLoad:
		return nil, nil
	case store.OpEnsure:
		if c.lives() {
			return nil, nil
		}
		return nil, p.put(op, c)
	case store.OpPut, store.OpCreate, store.OpReplace, store.OpPatch, store.OpRollback, store.OpAdd:
		return nil, p.put(op, c)
	case store.OpDelete:
		return nil, p.drop(c, held)
	case store.OpLock:
		return p.lock(op, c, held)
	case store.OpUnlock:
		p.unlock(c, held)
		return nil, nil
	default:
		return nil, fault.Newf(fault.InvalidRequest, "There is no operation %q.", byte(op.Kind))
	}
}

// expected checks the version an operation depends on.
func expected(op store.Op, c *cell, epoch string) error {
	current := int64(0)
	if c.lives() {
		current = c.number
	}
	if op.Holds(epoch, current) {
		return nil
	}
	return store.WrongVersion(op.Name, current)
}

// exists refuses an operation that needs a variable, or none.
func exists(op store.Op, c *cell) error {
	switch op.Kind {
	case store.OpCreate:
		if c.lives() {
			return store.TakenVariable(op.Name)
		}
	case store.OpPatch, store.OpRollback, store.OpLock:
		if !c.lives() {
			return store.NoVariable(op.Name)
		}
	case store.OpAdd:
		if !c.lives() && op.Initial == nil {
			return store.NoVariable(op.Name)
		}
	}
	return nil
}

// put plans an operation that writes a variable.
func (p *plan) put(op store.Op, c *cell) error {
	var now store.Variable
	if c.lives() {
		now = c.variable()
	}
	var then *store.Variable
	var err error
	if op.Kind == store.OpRollback {
		if then, err = p.tx.then(p.ses.body, c, op.Target); err != nil {
			return err
		}
	}
	made, err := op.Resolve(now, then, p.tx.cfg.Limits)
	if err == nil && op.Kind == store.OpAdd {
		made.Value, err = sum(op, now, made)
	}
	if err != nil {
		return err
	}
	return p.set(op, c, made)
}

// sum adds.
func sum(op store.Op, now store.Variable, made store.Resolved) (value.Value, error) {
	var from int64
	if now.Value.Type() == 0 {
		from = *op.Initial
	} else {
		number, ok := now.Value.Int64()
		if !ok {
			return value.Value{}, store.WrongType(op.Name, now.Value.Type(), value.Integer)
		}
		from = number
	}
	if (op.Delta > 0 && from > math.MaxInt64-op.Delta) || (op.Delta < 0 && from < math.MinInt64-op.Delta) {
		return value.Value{}, store.Overflow(op)
	}
	sum := from + op.Delta
	if (made.Min != nil && sum < *made.Min) || (made.Max != nil && sum > *made.Max) {
		return value.Value{}, store.OutOfBounds(op.Within(made.Min, made.Max), sum)
	}
	return value.Int(sum), nil
}

// set plans a new version of a variable. One that was deleted goes on with its
// versions, but is new in everything else.
func (p *plan) set(op store.Op, c *cell, made store.Resolved) error {
	gained, err := p.use(op, made.Value)
	if err != nil {
		return err
	}
	ch := change{}
	switch {
	case c.lives() && c.value.Type() != made.Value.Type():
		if ch.cut, err = p.forget(c); err != nil {
			return err
		}
		c.created, c.oldest = p.tx.now, c.number+1
	case c.lives():
		var cut int64
		if ch.keeps, cut, err = p.tx.intoHistory(p.ses.body, c); err != nil {
			return err
		}
		lost, err := p.usesOf(c, cut)
		if err != nil {
			return err
		}
		p.ses.bytes -= c.bytes()
		if ch.keeps {
			ch.weight = c.heft()
			p.ses.bytes += c.size()
			c.weight += ch.weight
		}
		if cut > 0 {
			ch.cut, c.oldest = cut, cut+1
		}
		release(lost)
	default:
		c.created, c.oldest, c.weight = p.tx.now, c.number+1, 0
		p.ses.variables++
	}
	if gained != nil {
		gained.uses++
	}
	c.version = version{value: made.Value, metadata: made.Metadata, number: c.number + 1, updated: p.tx.now, writer: p.unit.By}
	c.constraints = made.Constraints
	p.ses.bytes += c.bytes()
	ch.cell = *c
	p.change(made.Kind, ch)
	return nil
}

// drop plans that a variable goes, with its history and its lock. Its row stays,
// for its version.
func (p *plan) drop(c *cell, held *store.Lock) error {
	if !c.lives() {
		return nil
	}
	cut, err := p.forget(c)
	if err != nil {
		return err
	}
	ch := change{unlocks: c.lease != 0, cut: cut}
	if held != nil {
		p.locks--
	}
	p.ses.variables--
	c.version = version{number: c.number, updated: p.tx.now, writer: p.unit.By}
	c.constraints, c.lease = "", 0
	ch.cell = *c
	p.change(store.Deleted, ch)
	return nil
}

// forget plans that all versions of a living variable go, and returns up to
// which one entries of its history do, 0 for none.
func (p *plan) forget(c *cell) (cut int64, err error) {
	lost, err := p.usesOf(c, all)
	if err != nil {
		return 0, err
	}
	release(lost)
	p.ses.bytes -= c.bytes()
	if c.oldest < c.number {
		cut = all
	}
	return cut, nil
}

// change adds a change to the plan.
func (p *plan) change(kind store.ChangeKind, ch change) {
	if !ch.cell.stored {
		p.ses.cells++
	}
	p.changes = append(p.changes, ch)
	p.items = append(p.items, store.ChangeItem{Kind: kind, Name: ch.cell.name, Version: ch.cell.number})
}
