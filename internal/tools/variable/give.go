package variable

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/value"
)

// give applies a unit whose operations bring values as JSON; at says where an
// operation's parts are in the arguments. The store converts what is no
// tensor. A tensor's elements are converted here and staged first.
func give(ctx context.Context, c *tools.Call, u tools.Unit, at func(op int) places) (store.Applied, error) {
	if tensors := tensorsAmong(u.Ops); len(tensors) > 0 {
		// What follows depends on what the variables are now, and is not to be
		// done again when the execution is repeated.
		applied, found, err := c.Recall(ctx)
		if err != nil || found {
			return applied, err
		}
		if err := stage(ctx, c, u, tensors, at); err != nil {
			return store.Applied{}, err
		}
	}
	return apply(ctx, c, u, at)
}

// apply applies a unit and points its error at the arguments.
func apply(ctx context.Context, c *tools.Call, u tools.Unit, at func(op int) places) (store.Applied, error) {
	applied, err := c.ApplyUnit(ctx, u)
	if err == nil {
		return applied, nil
	}
	if op, ok := errors.AsType[*store.OpError](err); ok {
		return store.Applied{}, at(op.Index).blame(op.Err)
	}
	return store.Applied{}, err // about the session, or about the unit as a whole
}

// tensorsAmong returns the operations that bring a tensor, or something that
// looks like one where no type is asked for.
func tensorsAmong(ops []store.Op) []int {
	var tensors []int
	for i, o := range ops {
		if o.Type == value.Tensor || o.Type == 0 && looksLikeTensor(o.JSON) {
			tensors = append(tensors, i)
		}
	}
	return tensors
}

func looksLikeTensor(raw jsontext.Value) bool {
	if raw.Kind() != jsontext.KindBeginObject {
		return false
	}
	_, tensor, _ := value.Infer(raw)
	return tensor != nil
}

// stage turns the JSON of tensors into bytes that Apply finds. Where operations
// stand for themselves, one with a value that is no tensor is left for the
// store to refuse.
func stage(ctx context.Context, c *tools.Call, u tools.Unit, tensors []int, at func(op int) places) error {
	names := make([]string, len(tensors))
	for i, op := range tensors {
		names[i] = u.Ops[op].Name
	}
	types, err := typesOf(ctx, c, names)
	if err != nil {
		return err
	}
	for _, op := range tensors {
		o := &u.Ops[op]
		now := types[o.Name]
		if o.Type == 0 && now.typ != 0 && now.typ != value.Tensor {
			continue // a map may have the members of a tensor
		}
		o.Type = value.Tensor
		constraints := o.Constraints
		if constraints == nil {
			constraints = []byte(now.constraints)
		}
		limits, found := value.ParseConstraints(value.Tensor, constraints)
		if found != nil {
			continue // the store says what is wrong with them
		}
		data, found := limits.ConvertTensor(o.JSON)
		if found != nil && u.Each {
			continue
		}
		if found != nil {
			refused := fault.Invalid(fault.ConstraintViolation, fmt.Sprintf("The variable %q cannot have this value.", o.Name),
				found, fault.TypeMismatch, fault.InvalidRequest)
			return tools.Relocate(refused, map[string]string{"": at(op).value})
		}
		content, err := c.StageTensor(ctx, data.Dtype, data.Shape, bytes.NewReader(data.Bytes))
		if err != nil {
			return at(op).blame(err)
		}
		o.JSON, o.Value, o.Upload = nil, content.Value, content.Upload
		if text := limits.JSON(); text != "{}" {
			o.Judged = text
		}
	}
	return nil
}

// known is what a tensor must be like to become a variable's value.
type known struct {
	typ         value.Type
	constraints string
}

// typesOf reads what variables are now. Their values may be large, and are
// dropped part by part; the store sees to it that nothing has changed.
func typesOf(ctx context.Context, c *tools.Call, names []string) (map[string]known, error) {
	all := make(map[string]known, len(names))
	for left := len(names); left > 0; {
		part, err := c.ReadPart(ctx, largest, names[len(names)-left:]...)
		if err != nil {
			return nil, err
		}
		for name, v := range part.Variables {
			all[name] = known{v.Value.Type(), v.Constraints}
		}
		left = part.Left
	}
	return all, nil
}
