package tools

import (
	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
)

// Option says something about a tool that its types do not.
type Option func(*Tool)

// InSession marks a tool that works on a session's state and is refused
// without one.
func InSession() Option { return func(t *Tool) { t.info.RequiresSession = true } }

// ReadOnly marks a tool that never changes a variable.
func ReadOnly() Option { return func(t *Tool) { t.info.ReadOnly = true } }

// Idempotent marks a tool that can be called twice with the effect of calling
// it once, even without an Idempotency-Key.
func Idempotent() Option { return func(t *Tool) { t.info.Idempotent = true } }

// WithCost puts the tool into another class than Light.
func WithCost(c Cost) Option { return func(t *Tool) { t.info.Cost = c } }

// FreeForm lets a tool take arguments of any name. Its input is either
// jsontext.Value or map[string]jsontext.Value, which get all arguments as they
// were written, or a struct whose declared members are checked as usual and
// whose field `json:",embed" jsonschema:"-"` gets the rest.
func FreeForm() Option { return func(t *Tool) { t.input.freeForm = true } }

// Example adds an example: what it shows, and the arguments as JSON. Without
// [Gives] and [Fails] the call succeeds and its result differs from one time
// to the next.
func Example(name, arguments string, outcome ...ExampleOption) Option {
	e := ExampleCall{Name: name, Arguments: jsontext.Value(arguments)}
	for _, o := range outcome {
		o(&e)
	}
	return func(t *Tool) { t.info.Examples = append(t.info.Examples, e) }
}

// ExampleOption says how an example ends.
type ExampleOption func(*ExampleCall)

// Gives states the result of an example in a fresh session.
func Gives(result string) ExampleOption {
	return func(e *ExampleCall) { e.Result = jsontext.Value(result) }
}

// Fails states the error an example shows.
func Fails(code fault.Code) ExampleOption {
	return func(e *ExampleCall) { e.Fails = code }
}
