package tools

import (
	"context"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
)

// Tool is one executable tool. Types are known at its rim only: inside, it
// takes and gives JSON.
type Tool struct {
	info  Info
	input *input
	bind  binder
}

// binder decodes arguments that passed the schema and returns the tool's
// function applied to them. The two steps are one value because only the code
// in between knows the input's type. A streaming tool will be a binder, too,
// whose runner gets its emit function through the Call.
type binder func(arguments []byte) (runner, error)

// runner is a tool's function with its arguments. Every call of it is one
// attempt.
type runner func(context.Context, *Call) (jsontext.Value, error)

// New makes a tool of fn. In is a struct (or a free form, see [FreeForm]) and
// Out is anything that can be written as JSON.
//
// A member of In is optional when its field is a pointer, has a default in its
// jsonschema tag, or is omitzero or omitempty in its json tag; every other one
// is required. Tags are those of invopop/jsonschema.
//
// New panics when the definition cannot work (no example, an example its own
// schema refuses, a default of the wrong type): that is a mistake of the
// programmer and shows in every test of the package.
func New[In, Out any](name, summary string, fn func(context.Context, *Call, In) (Out, error), opts ...Option) Tool {
	t := Tool{info: Info{Name: name, Summary: summary, Cost: Light}, input: &input{tool: name}}
	for _, o := range opts {
		o(&t)
	}
	t.info.InputSchema = t.input.define(reflect.TypeFor[In]())
	t.info.OutputSchema = outputSchema(name, reflect.TypeFor[Out]())

	in := t.input
	var prefilled In
	mustNot(name, in.prefill(&prefilled))
	alone := standsAlone(reflect.ValueOf(prefilled))
	t.bind = func(arguments []byte) (runner, error) {
		decoded := prefilled
		if !alone {
			decoded = *new(In) // a copy would share what the defaults point to
			if err := in.prefill(&decoded); err != nil {
				return nil, err
			}
		}
		if err := in.decode(arguments, &decoded); err != nil {
			return nil, err
		}
		return func(ctx context.Context, c *Call) (jsontext.Value, error) {
			out, err := fn(ctx, c, decoded)
			if err != nil {
				return nil, err
			}
			return encode(out)
		}, nil
	}
	t.mustHaveExamples()
	return t
}

// standsAlone tells whether a copy of v shares nothing with it.
func standsAlone(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan:
		return v.IsNil()
	case reflect.Struct:
		for _, field := range v.Fields() {
			if !standsAlone(field) {
				return false
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			if !standsAlone(v.Index(i)) {
				return false
			}
		}
	}
	return true
}

// Info describes the tool.
func (t Tool) Info() Info { return t.info }

// prepare checks arguments and binds them.
func (t Tool) prepare(arguments []byte) (runner, error) {
	if err := t.input.check(arguments); err != nil {
		return nil, err
	}
	return t.bind(arguments)
}

func (t Tool) mustHaveExamples() {
	if len(t.info.Examples) == 0 {
		mustNot(t.info.Name, fmt.Errorf("it has no example"))
	}
	for _, e := range t.info.Examples {
		if _, err := t.prepare(e.Arguments); err != nil {
			mustNot(t.info.Name, fmt.Errorf("its example %q is refused: %w", e.Name, explain(err)))
		}
	}
}

// explain adds the violations to the text of an error, for panics at start.
func explain(err error) error {
	for _, v := range fault.From(err).Violations {
		err = fmt.Errorf("%w [%s %s %s]", err, v.Pointer, string(v.Code), v.Detail)
	}
	return err
}

// mustNot panics when a tool's definition cannot work.
func mustNot(tool string, err error) {
	if err != nil {
		panic(fmt.Sprintf("tools: the tool %q cannot be defined: %v", tool, err))
	}
}

// encode writes a result. Maps come in sorted order, so that equal results
// are equal texts, and raw JSON keeps its strings and numbers as they are.
func encode(out any) (jsontext.Value, error) {
	raw, err := json.Marshal(out, json.Deterministic(true), jsontext.PreserveRawStrings(true))
	if err != nil {
		return nil, fmt.Errorf("the result cannot be written as JSON: %w", err)
	}
	return raw, nil
}
