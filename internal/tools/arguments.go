package tools

import (
	"errors"
	"fmt"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	santhosh "github.com/santhosh-tekuri/jsonschema/v6"

	"toolpit/internal/fault"
)

// Bounds of a call's arguments.
const (
	MaxArguments  = 256 << 10 // bytes
	MaxDepth      = 64        // arrays and objects inside one another
	MaxValues     = 20_000    // JSON values, for tools that have a schema to check
	MaxViolations = 100       // violations reported one by one
)

// maxPointer is how long a violation's pointer gets. The names in it are the
// caller's, and a hundred violations inside one long name would repeat it a
// hundred times.
const maxPointer = 512

// argumentsPointer is where the arguments are in a request's body.
const argumentsPointer = "/arguments"

// check refuses arguments the tool does not take, with everything that is
// wrong with them. It costs memory in proportion to MaxValues at most: the
// tree that the schema needs is many times the size of its text.
func (in *input) check(arguments []byte) error {
	if len(arguments) > MaxArguments {
		return &fault.Error{
			Code:   fault.ValueTooLarge,
			Detail: fmt.Sprintf("The arguments have %d bytes; at most %d are taken.", len(arguments), MaxArguments),
			Facts:  fault.Facts{LimitBytes: MaxArguments},
		}
	}
	if isEmpty(arguments) {
		if in.empty == nil {
			return nil
		}
		refused := *fault.From(in.empty) // a copy: who gets it may add to it
		return &refused
	}
	s, err := in.scan(arguments)
	if errors.Is(err, errEnough) {
		return in.refuse(s.violations)
	}
	if err != nil {
		return err
	}
	violations := s.violations
	if in.schema != nil {
		if err := in.schema.Validate(s.tree); err != nil {
			violations = append(violations, in.violations(err, s.refused)...)
		}
	}
	return in.refuse(violations)
}

// scan reads the arguments, into a tree if there is a schema to check it
// against. A large text is read without a tree first: the tree takes many
// times the memory, and most large texts are refused for having too many
// values.
func (in *input) scan(arguments []byte) (*scanner, error) {
	const large = 16 << 10
	s := newScanner(arguments)
	if in.schema == nil {
		return s, s.scan()
	}
	if len(arguments) > large {
		s.most = MaxValues
		if err := s.scan(); err != nil {
			return s, err
		}
		s = newScanner(arguments)
	}
	s.keep, s.most = true, MaxValues
	return s, s.scan()
}

// isEmpty tells whether there are no arguments at all.
func isEmpty(arguments []byte) bool { return len(arguments) == 0 || string(arguments) == "{}" }

// refuse makes one error of all violations; nil when there are none.
func (in *input) refuse(violations []fault.Violation) error {
	if len(violations) == 0 {
		return nil
	}
	detail := violations[0].Detail
	switch n := len(violations); {
	case n > MaxViolations:
		detail = fmt.Sprintf("More than %d things are wrong with the arguments of %q.", MaxViolations, in.tool)
		violations = violations[:MaxViolations]
	case n > 1:
		detail = fmt.Sprintf("%d things are wrong with the arguments of %q.", n, in.tool)
	}
	for i, v := range violations {
		violations[i].Pointer = bounded(v.Pointer)
	}
	return fault.Invalid(fault.ConstraintViolation, detail, violations, fault.TypeMismatch)
}

// bounded cuts a pointer that is too long down to what contains the thing.
func bounded(pointer string) string {
	if len(pointer) <= maxPointer {
		return pointer
	}
	return pointer[:strings.LastIndexByte(pointer[:maxPointer+1], '/')]
}

// violations translates what the schema said, without what is only a
// consequence of a number that has been refused already.
func (in *input) violations(err error, refused map[string]bool) []fault.Violation {
	invalid, ok := errors.AsType[*santhosh.ValidationError](err)
	if !ok {
		return []fault.Violation{{Pointer: argumentsPointer, Code: fault.ConstraintViolation, Detail: "The arguments cannot be checked."}}
	}
	t := translator{root: in.schema, refused: refused}
	t.translate(invalid)
	return t.sorted()
}

// prefill fills target, a pointer to a tool's input, with the defaults.
func (in *input) prefill(target any) error {
	if in.defaults == nil {
		return nil
	}
	if err := jsonv2.Unmarshal(in.defaults, target, in.options); err != nil {
		return fmt.Errorf("the defaults of %q: %w", in.tool, err)
	}
	return nil
}

// decode fills target, which has the defaults, with the arguments. What it
// refuses is what the schema could not say, such as the rules of a type that
// reads itself.
func (in *input) decode(arguments []byte, target any) error {
	if in.defaults != nil && isEmpty(arguments) {
		return nil
	}
	if len(arguments) == 0 {
		arguments = []byte("{}")
	}
	err := jsonv2.Unmarshal(arguments, target, in.options)
	if err == nil {
		return nil
	}
	v := fault.Violation{Pointer: argumentsPointer, Code: fault.TypeMismatch, Detail: "The value does not have the expected form."}
	if semantic, ok := errors.AsType[*jsonv2.SemanticError](err); ok {
		v.Pointer += string(semantic.JSONPointer)
		if errors.Is(semantic.Err, jsonv2.ErrUnknownName) {
			v.Code, v.Detail = fault.UnknownParameter, "There is no such parameter."
		}
	}
	if own, ok := errors.AsType[*fault.Error](err); ok {
		v.Code, v.Detail = own.Code, own.Detail
	}
	refused := fault.From(in.refuse([]fault.Violation{v}))
	return refused.Because(err)
}

// decodeOptions are the options of decode. They are made once for a tool:
// behind the unmarshalers is a cache that fills with the types it meets.
func decodeOptions() jsonv2.Options {
	return jsonv2.JoinOptions(jsonv2.RejectUnknownMembers(true), jsonv2.WithUnmarshalers(integers()))
}

// integers reads every integer with a fraction of zero as an integer, as
// JSON Schema does.
func integers() *jsonv2.Unmarshalers {
	return jsonv2.JoinUnmarshalers(
		jsonv2.UnmarshalFromFunc(func(d *jsontext.Decoder, target *int64) error {
			i, err := readInteger(d)
			*target = i
			return err
		}),
		jsonv2.UnmarshalFromFunc(func(d *jsontext.Decoder, target *int) error {
			i, err := readInteger(d)
			*target = int(i)
			return err
		}),
	)
}

func readInteger(d *jsontext.Decoder) (int64, error) {
	raw, err := d.ReadValue()
	if err != nil {
		return 0, err
	}
	if raw.Kind() != '0' {
		return 0, fault.New(fault.TypeMismatch, "Expected an integer.")
	}
	if i, ok := integer(string(raw)); ok {
		return i, nil
	}
	return 0, fault.New(fault.ConstraintViolation, "Expected an integer of at most 64 bits.")
}
