package storetest

import (
	"math/big"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// untold stands for what the contract does not tell: the numbers of a session
// that is no more.
const untold = -1

// modelLock is a lock whose end is told by the model's clock.
type modelLock struct {
	store.Lock
	expires time.Duration
}

// held returns the living lock of a variable.
func (m *model) held(l *life, name string) (modelLock, bool) {
	lock, ok := l.locks[name]
	return lock, ok && m.now < lock.expires
}

// countLocks returns how many living locks a life has.
func (m *model) countLocks(l *life) (n int64) {
	for name := range l.locks {
		if _, held := m.held(l, name); held {
			n++
		}
	}
	return n
}

// locked tells whether a life has a living lock that the token does not open.
func (m *model) locked(l *life, token string) bool {
	for name := range l.locks {
		if lock, held := m.held(l, name); held && lock.Token != token {
			return true
		}
	}
	return false
}

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
	refusals := make([]fault.Code, len(u.Ops))
	made := make([]store.Resolved, len(u.Ops))
	for i, op := range u.Ops {
		made[i], refusals[i] = m.judge(l, op, u.LockToken)
		_, living := l.variables[op.Name]
		switch {
		case refusals[i] != "" && !u.Each:
			return nil, []fault.Code{refusals[i]}
		case refusals[i] != "":
		case living && op.Kind == store.OpDelete:
			count--
		case !living && made[i].Value.Type() != 0:
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
	for i, op := range u.Ops {
		if refusals[i] != "" {
			answer.Results = append(answer.Results, store.Result{
				Variable: store.Variable{Name: op.Name}, Refused: &fault.Error{Code: refusals[i]},
			})
			continue
		}
		result, kind := m.perform(l, op, made[i], u.By)
		answer.Results = append(answer.Results, result)
		if kind != 0 {
			items = append(items, store.ChangeItem{Kind: kind, Name: op.Name, Version: l.versions[op.Name]})
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

// judge finds out whether an operation may be done, in the order of the
// contract, and what it makes of a variable that it writes.
func (m *model) judge(l *life, op store.Op, token string) (made store.Resolved, refused fault.Code) {
	v, living := l.variables[op.Name]
	lock, held := m.held(l, op.Name)
	if op.Kind == store.OpLock {
		token = op.Lease.Token
	}
	switch {
	case op.Kind == store.OpEnd:
		if m.locked(l, token) {
			return made, fault.VariableLocked
		}
		return made, ""
	case op.Version != nil && *op.Version != v.Version:
		return made, fault.VersionConflict
	case held && op.Kind != store.OpLoad && lock.Token != token:
		return made, fault.VariableLocked
	}
	switch op.Kind {
	case store.OpLock, store.OpPatch, store.OpRollback:
		if !living {
			return made, fault.VariableNotFound
		}
	case store.OpCreate:
		if living {
			return made, fault.VariableExists
		}
	case store.OpAdd:
		if !living && op.Initial == nil {
			return made, fault.VariableNotFound
		}
	}
	if !op.Writes() || op.Kind == store.OpDelete || op.Kind == store.OpEnsure && living {
		return made, ""
	}
	made, err := op.Resolve(v, l.version(op.Name, op.Target), store.Limits{}.WithDefaults())
	if err == nil && op.Kind == store.OpAdd {
		made.Value, err = sum(op, v, made)
	}
	return made, fault.CodeOf(err)
}

// version returns a version of a living variable, nil if there is none.
func (l *life) version(name string, number int64) *store.Variable {
	v, living := l.variables[name]
	if !living {
		return nil
	}
	for _, v := range append([]store.Variable{v}, l.past[name]...) {
		if v.Version == number {
			return &v
		}
	}
	return nil
}

// sum returns what an addition leads to.
func sum(op store.Op, v store.Variable, made store.Resolved) (value.Value, error) {
	start, integer := v.Value.Int64()
	switch {
	case v.Value.Type() == 0:
		start = *op.Initial
	case !integer:
		return value.Value{}, fault.TypeMismatch
	}
	sum := new(big.Int).Add(big.NewInt(start), big.NewInt(op.Delta))
	switch {
	case !sum.IsInt64():
		return value.Value{}, fault.CounterOverflow
	case made.Min != nil && sum.Int64() < *made.Min, made.Max != nil && sum.Int64() > *made.Max:
		return value.Value{}, fault.ConstraintViolation
	}
	return value.Int(sum.Int64()), nil
}

// perform does one operation and returns its result and what the change log
// says of it, if anything.
func (m *model) perform(l *life, op store.Op, made store.Resolved, by string) (store.Result, store.ChangeKind) {
	if op.Kind == store.OpEnd {
		return store.Result{Existed: true}, 0
	}
	v, existed := l.variables[op.Name]
	v.Name = op.Name
	lock, held := m.held(l, op.Name)
	switch {
	case op.Kind == store.OpDelete:
		delete(l.variables, op.Name)
		delete(l.past, op.Name)
		delete(l.locks, op.Name)
		kind := store.Deleted
		if !existed {
			kind = 0
		}
		return store.Result{Variable: store.Variable{Name: op.Name}, Existed: existed}, kind
	case op.Kind == store.OpLock:
		granted := store.Lock{Token: op.Lease.Token, Holder: op.Lease.Holder, Fence: l.session.Seq + 1}
		if held {
			granted.Fence = lock.Fence
			if op.Lease.Keep {
				granted.Holder = lock.Holder
			}
		}
		l.locks[op.Name] = modelLock{granted, m.now + op.Lease.TTL}
		return store.Result{Variable: v, Existed: true, Lock: &granted}, store.Locked
	case op.Kind == store.OpUnlock && held:
		delete(l.locks, op.Name)
		return store.Result{Variable: v, Existed: true}, store.Unlocked
	case made.Value.Type() == 0: // it writes nothing
		return store.Result{Variable: v, Existed: existed}, 0
	}
	switch {
	case existed && v.Value.Type() != made.Value.Type():
		delete(l.past, op.Name)
	case existed:
		old := v
		old.Constraints = ""
		past := append([]store.Variable{old}, l.past[op.Name]...)
		l.past[op.Name] = past[:min(len(past), modelHistory-1)]
	}
	l.versions[op.Name]++
	v = store.Variable{
		Name: op.Name, Value: made.Value, Version: l.versions[op.Name], By: by, Constraints: made.Constraints, Metadata: made.Metadata,
	}
	l.variables[op.Name] = v
	return store.Result{Variable: v, Existed: existed}, made.Kind
}
