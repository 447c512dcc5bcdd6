package storetest

import (
	"math/big"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// untold stands for what the contract does not tell: the numbers of a session
// that is no more.
const untold = -1

// apply is what a unit does in the model.
func (m *model) apply(id string, u store.Unit, resumed bool) (any, []fault.Code) {
	l, refused := m.alive(id)
	if l == nil {
		return nil, refused
	}
	if l.session.ReadOnly {
		return nil, []fault.Code{fault.SessionReadOnly}
	}
	count := len(l.variables)
	for _, op := range u.Ops {
		if refused := l.objections(op); len(refused) > 0 {
			return nil, refused
		}
		_, living := l.variables[op.Name]
		switch {
		case living && op.Kind == store.OpDelete:
			count--
		case !living && writes(op.Kind):
			count++
		}
	}
	if count > modelVariables {
		return nil, []fault.Code{fault.VariableQuotaExceeded}
	}

	answer := store.Applied{Memo: u.Memo, Kind: u.Kind}
	if answer.Kind == 0 {
		answer.Kind = store.Effect
	}
	var items []store.ChangeItem
	for _, op := range u.Ops {
		result, item := l.perform(op, u.By)
		answer.Results = append(answer.Results, result)
		if item.Kind != 0 {
			items = append(items, item)
		}
		if op.Kind == store.OpEnd {
			m.end(l)
			answer.Seq, answer.Commands, answer.Variables = untold, untold, untold
			return answer, nil
		}
	}
	if u.Count && !resumed {
		l.session.Commands++
	}
	if len(items) > 0 {
		l.session.Seq++
		l.changes = append(l.changes, store.Change{Seq: l.session.Seq, By: u.By, Items: items})
	}
	l.session.Variables = int64(len(l.variables))
	answer.Seq, answer.Commands, answer.Variables = l.session.Seq, l.session.Commands, l.session.Variables
	m.arm(l)
	return answer, nil
}

// writes tells whether an operation makes a variable that is missing.
func writes(k store.OpKind) bool {
	return k == store.OpPut || k == store.OpCreate || k == store.OpEnsure || k == store.OpAdd
}

// objections returns what speaks against an operation. Which of several is
// reported is not said.
func (l *life) objections(op store.Op) (codes []fault.Code) {
	v, living := l.variables[op.Name]
	object := func(holds bool, code fault.Code) {
		if holds {
			codes = append(codes, code)
		}
	}
	object(op.Version != nil && *op.Version != v.Version, fault.VersionConflict)
	switch op.Kind {
	case store.OpCreate:
		object(living, fault.VariableExists)
	case store.OpPut:
		object(living && v.Value.Type() != op.Value.Type(), fault.TypeMismatch)
	case store.OpAdd:
		_, integer := v.Value.Int64()
		if !living || !integer {
			object(living, fault.TypeMismatch)
			object(!living && op.Initial == nil, fault.VariableNotFound)
		}
		if sum := l.sum(op); len(codes) == 0 || codes[0] == fault.VersionConflict {
			object(!sum.IsInt64(), fault.CounterOverflow)
			object(op.Min != nil && sum.Cmp(big.NewInt(*op.Min)) < 0, fault.ConstraintViolation)
			object(op.Max != nil && sum.Cmp(big.NewInt(*op.Max)) > 0, fault.ConstraintViolation)
		}
	}
	return codes
}

// sum returns what an addition leads to.
func (l *life) sum(op store.Op) *big.Int {
	var start int64
	if v, living := l.variables[op.Name]; living {
		start, _ = v.Value.Int64()
	} else if op.Initial != nil {
		start = *op.Initial
	}
	return new(big.Int).Add(big.NewInt(start), big.NewInt(op.Delta))
}

// perform does one operation and returns its result and what the change log
// says of it, if anything.
func (l *life) perform(op store.Op, by string) (store.Result, store.ChangeItem) {
	if op.Kind == store.OpEnd {
		return store.Result{Existed: true}, store.ChangeItem{}
	}
	old, existed := l.variables[op.Name]
	switch {
	case op.Kind == store.OpDelete:
		delete(l.variables, op.Name)
		item := store.ChangeItem{}
		if existed {
			item = store.ChangeItem{Kind: store.Deleted, Name: op.Name, Version: old.Version}
		}
		return store.Result{Variable: store.Variable{Name: op.Name}, Existed: existed}, item
	case op.Kind == store.OpLoad, op.Kind == store.OpEnsure && existed:
		old.Name = op.Name
		return store.Result{Variable: old, Existed: existed}, store.ChangeItem{}
	}
	written := op.Value
	if op.Kind == store.OpAdd {
		written = value.Int(l.sum(op).Int64())
	}
	l.versions[op.Name]++
	v := store.Variable{Name: op.Name, Value: written, Version: l.versions[op.Name], By: by}
	l.variables[op.Name] = v
	kind := store.Registered
	if existed {
		kind = store.ValueChanged
	}
	return store.Result{Variable: v, Existed: existed}, store.ChangeItem{Kind: kind, Name: op.Name, Version: v.Version}
}
