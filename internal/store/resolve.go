package store

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/value"
)

// Resolved is what an operation makes of a variable. What it says holds only
// for the variable it was resolved for: one of that type and those constraints,
// or none.
type Resolved struct {
	Value       value.Value
	Constraints string // canonical JSON, "" for none
	Metadata    string // a JSON object, "" for none
	Kind        ChangeKind
	// Min and Max bound the sum of an OpAdd: the operation's own bounds and
	// those of the variable's constraints.
	Min, Max *int64
}

// Resolve finds out what an operation that writes, other than OpDelete, makes of a variable as it is now; its zero value stands for none. then
// is the version that an OpRollback wants, nil when the history does not have
// it. Whether the operation may be done at all (version, lock, existence) is
// judged by the back end before. Errors are those of the operations; pointers
// lead into an object with the members value, constraints and metadata.
func (o Op) Resolve(now Variable, then *Variable, limits Limits) (Resolved, error) {
	r := Resolved{Value: now.Value, Constraints: now.Constraints, Metadata: now.Metadata, Kind: ValueChanged}
	lives := now.Value.Type() != 0
	if !lives {
		r = Resolved{Kind: Registered}
	}
	var err error
	switch o.Kind {
	case OpAdd:
		return r, o.boundSum(&r, now)
	case OpRollback:
		err = o.rollBack(&r, now, then)
	case OpPatch:
		err = o.patch(&r, now)
	case OpReplace:
		err = o.replace(&r, now)
	default:
		err = o.give(&r, now)
	}
	if err == nil {
		err = checkSize(r.Value, limits)
	}
	if err == nil && len(r.Metadata) > MaxMetadata {
		err = TooLargeMetadata(int64(len(r.Metadata)))
	}
	if err != nil {
		return Resolved{}, err
	}
	return r, nil
}

// ConstraintsOf returns a variable's constraints.
func ConstraintsOf(v Variable) (value.Constraints, error) {
	c, found := value.ParseConstraints(v.Value.Type(), []byte(v.Constraints))
	if found != nil {
		return c, fault.New(fault.Internal, "A record in the store cannot be read.").
			Because(fmt.Errorf("the constraints of the variable %q: %s", v.Name, found[0].Detail))
	}
	return c, nil
}

// give resolves an operation that brings a value.
func (o Op) give(r *Resolved, now Variable) error {
	typ, err := o.typeFor(now)
	if err != nil {
		return err
	}
	c, err := o.constraintsFor(typ, now)
	if err != nil {
		return err
	}
	if typ == value.Tensor && o.Judged != plain(c) && c.Elements() != nil {
		return ChangedConstraints(o.Name)
	}
	var found []fault.Violation
	if o.JSON != nil {
		r.Value, found = c.Convert(o.JSON)
	} else {
		r.Value, found = o.Value, c.Check(o.Value)
	}
	if found != nil {
		return badValue(o.Name, found)
	}
	r.Constraints = plain(c)
	if o.Metadata != nil {
		r.Metadata, err = compact(o.Metadata)
	}
	return err
}

// replace resolves an operation that does not care for what was there.
func (o Op) replace(r *Resolved, now Variable) error {
	*r = Resolved{Kind: r.Kind}
	if err := o.give(r, Variable{}); err != nil {
		return err
	}
	switch {
	case r.Value.Type() != now.Value.Type():
		r.Kind = Registered
	case r.Constraints != now.Constraints:
		r.Kind = ConstraintChanged
	}
	return nil
}

// typeFor returns the type that the value must have.
func (o Op) typeFor(now Variable) (value.Type, error) {
	want := o.Type
	if o.JSON == nil {
		want = o.Value.Type()
	}
	if have := now.Value.Type(); have != 0 {
		if want != 0 && want != have {
			return 0, WrongType(o.Name, have, want)
		}
		return have, nil
	}
	if want != 0 {
		return want, nil
	}
	v, tensor, found := value.Infer(o.JSON)
	switch {
	case tensor != nil:
		return value.Tensor, nil // Convert says what a tensor needs
	case found != nil:
		return 0, badValue(o.Name, found)
	}
	return v.Type(), nil
}

// constraintsFor returns the constraints that the value must keep: those the
// variable has, if it is there, else those it is given.
func (o Op) constraintsFor(typ value.Type, now Variable) (value.Constraints, error) {
	lives := now.Value.Type() != 0
	if lives && o.Constraints == nil {
		return ConstraintsOf(now)
	}
	given, found := value.ParseConstraints(typ, o.Constraints)
	if found != nil {
		return given, badConstraints(o.Name, found)
	}
	if lives {
		c, err := ConstraintsOf(now)
		if err == nil && given.JSON() != c.JSON() {
			err = OtherConstraints(o.Name)
		}
		return c, err
	}
	return given, nil
}

// patch resolves a change of constraints and metadata.
func (o Op) patch(r *Resolved, now Variable) error {
	if now.Value.Type() == 0 {
		return NoVariable(o.Name)
	}
	if o.Constraints != nil {
		had, err := ConstraintsOf(now)
		if err != nil {
			return err
		}
		c, found := had.Patch(o.Constraints)
		if found != nil {
			return badConstraints(o.Name, found)
		}
		if found := c.Check(now.Value); found != nil {
			if blamed := had.Blame(o.Constraints, now.Value); blamed != nil {
				found = blamed
			}
			return brokenByValue(o.Name, found)
		}
		if narrowed := c.Narrowed(had); narrowed != nil {
			return unjudged(o.Name, narrowed)
		}
		if r.Constraints != plain(c) {
			r.Constraints, r.Kind = plain(c), ConstraintChanged
		}
	}
	if o.Metadata != nil {
		merged, err := merge(now.Metadata, o.Metadata)
		if err != nil {
			return err
		}
		r.Metadata = merged
	}
	return nil
}

// rollBack resolves the return to an earlier version.
func (o Op) rollBack(r *Resolved, now Variable, then *Variable) error {
	switch {
	case now.Value.Type() == 0:
		return NoVariable(o.Name)
	case then == nil:
		return NoVersion(o.Name, o.Target)
	}
	c, err := ConstraintsOf(now)
	if err != nil {
		return err
	}
	if now.Value.Type() != then.Value.Type() {
		return WrongType(o.Name, now.Value.Type(), then.Value.Type())
	}
	if found := c.Check(then.Value); found != nil {
		return badValue(o.Name, found)
	}
	r.Value, r.Kind = then.Value, RolledBack
	r.Metadata, err = merge(then.Metadata, []byte(`{"rollback_from":`+strconv.FormatInt(o.Target, 10)+`}`))
	return err
}

// boundSum finds the bounds of a sum.
func (o Op) boundSum(r *Resolved, now Variable) error {
	r.Min, r.Max = o.Min, o.Max
	if now.Constraints == "" || now.Value.Type() != value.Integer {
		return nil
	}
	c, err := ConstraintsOf(now)
	if err != nil {
		return err
	}
	least, most := c.Integers()
	if least != nil && (r.Min == nil || *least > *r.Min) {
		r.Min = least
	}
	if most != nil && (r.Max == nil || *most < *r.Max) {
		r.Max = most
	}
	return nil
}

// plain returns constraints as a Variable has them.
func plain(c value.Constraints) string {
	if text := c.JSON(); text != "{}" {
		return text
	}
	return ""
}

// compact returns an object without blanks, "" for an empty one.
func compact(object []byte) (string, error) {
	text := jsontext.Value(object).Clone()
	if text.Kind() != jsontext.KindBeginObject || text.Compact() != nil {
		return "", badMetadata()
	}
	if string(text) == "{}" {
		return "", nil
	}
	return string(text), nil
}

// merge applies a merge patch (RFC 7396) to metadata.
func merge(metadata string, patch []byte) (string, error) {
	var changes map[string]jsontext.Value
	if jsontext.Value(patch).Kind() != jsontext.KindBeginObject || json.Unmarshal(patch, &changes) != nil {
		return "", badMetadata()
	}
	merged, err := mergeObject([]byte(metadata), changes)
	if err != nil {
		return "", badMetadata()
	}
	return compact(merged)
}

func mergeObject(target []byte, changes map[string]jsontext.Value) ([]byte, error) {
	members := map[string]jsontext.Value{}
	if jsontext.Value(target).Kind() == jsontext.KindBeginObject {
		if err := json.Unmarshal(target, &members); err != nil {
			return nil, err
		}
	}
	for name, change := range changes {
		switch change.Kind() {
		case jsontext.KindNull:
			delete(members, name)
		case jsontext.KindBeginObject:
			var inner map[string]jsontext.Value
			if err := json.Unmarshal(change, &inner); err != nil {
				return nil, err
			}
			merged, err := mergeObject(members[name], inner)
			if err != nil {
				return nil, err
			}
			members[name] = merged
		default:
			members[name] = change
		}
	}
	return json.Marshal(members, json.Deterministic(true))
}
