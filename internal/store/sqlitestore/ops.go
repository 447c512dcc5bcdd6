package sqlitestore

import (
	"math"
	"strconv"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// include checks one operation and plans what it does.
func (p *plan) include(op store.Op) error {
	if op.Kind == store.OpEnd {
		p.ends = true
		p.results = append(p.results, store.Result{Existed: true})
		return nil
	}
	c, err := p.tx.findCell(p.ses.body, op.Name)
	if err != nil {
		return err
	}
	if err := versionOf(op, c); err != nil {
		return err
	}
	existed := c.lives()
	switch op.Kind {
	case store.OpPut, store.OpCreate, store.OpEnsure:
		err = p.put(op, &c)
	case store.OpAdd:
		err = p.sum(op, &c)
	case store.OpDelete:
		p.drop(&c)
	case store.OpLoad:
	default:
		err = fault.Newf(fault.InvalidRequest, "There is no operation %q.", byte(op.Kind))
	}
	if err != nil {
		return err
	}
	p.results = append(p.results, store.Result{Variable: c.variable(), Existed: existed})
	return nil
}

// versionOf checks the version an operation depends on.
func versionOf(op store.Op, c cell) error {
	current := int64(0)
	if c.lives() {
		current = c.version
	}
	if op.Version == nil || *op.Version == current {
		return nil
	}
	return store.WrongVersion(op.Name, current)
}

func (p *plan) put(op store.Op, c *cell) error {
	if c.lives() {
		switch {
		case op.Kind == store.OpEnsure:
			return nil
		case op.Kind == store.OpCreate:
			return store.TakenVariable(op.Name)
		case op.Value.Type() != c.value.Type():
			return store.WrongType(op.Name, c.value.Type(), op.Value.Type())
		}
	}
	p.set(c, op.Value)
	return nil
}

func (p *plan) sum(op store.Op, c *cell) error {
	var from int64
	switch {
	case c.lives():
		number, ok := c.value.Int64()
		if !ok {
			return store.WrongType(op.Name, c.value.Type(), value.Integer)
		}
		from = number
	case op.Initial == nil:
		return store.NoVariable(op.Name)
	default:
		from = *op.Initial
	}
	if (op.Delta > 0 && from > math.MaxInt64-op.Delta) || (op.Delta < 0 && from < math.MinInt64-op.Delta) {
		return store.Overflow(op)
	}
	sum := from + op.Delta
	if (op.Min != nil && sum < *op.Min) || (op.Max != nil && sum > *op.Max) {
		return store.OutOfBounds(op, strconv.FormatInt(sum, 10))
	}
	p.set(c, value.Int(sum))
	return nil
}

// set plans a new version of a variable. One that was deleted goes on with its
// versions, but is new in everything else.
func (p *plan) set(c *cell, v value.Value) {
	kind := store.ValueChanged
	if c.lives() {
		p.ses.bytes -= c.bytes()
	} else {
		kind = store.Registered
		c.created = p.tx.now
		p.ses.variables++
	}
	c.value, c.updated, c.writer = v, p.tx.now, p.unit.By
	p.ses.bytes += c.bytes()
	p.change(kind, c)
}

func (p *plan) drop(c *cell) {
	if !c.lives() {
		return
	}
	p.ses.bytes -= c.bytes()
	p.ses.variables--
	c.value, c.updated, c.writer = value.Value{}, p.tx.now, p.unit.By
	p.change(store.Deleted, c)
}

func (p *plan) change(kind store.ChangeKind, c *cell) {
	if !c.stored {
		p.ses.cells++
	}
	version := c.version
	if kind != store.Deleted {
		c.version++
		version = c.version
	}
	p.cells = append(p.cells, *c)
	p.items = append(p.items, store.ChangeItem{Kind: kind, Name: c.name, Version: version})
}
