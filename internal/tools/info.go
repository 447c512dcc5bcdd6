package tools

import (
	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
)

// Info is what a client can know of a tool. Its slices are shared; nobody
// writes to them.
type Info struct {
	Name            string
	Group           string
	Summary         string
	InputSchema     jsontext.Value // JSON Schema 2020-12 of the arguments
	OutputSchema    jsontext.Value // JSON Schema 2020-12 of the result
	RequiresSession bool
	ReadOnly        bool // never changes a session's variables
	Idempotent      bool // doing it twice is doing it once, even without a key
	Streaming       bool // produces events before its result
	Cost            Cost
	Examples        []ExampleCall // at least one
}

// Cost says which lane an execution queues in.
type Cost string

// The classes of cost.
const (
	Light Cost = "light" // answers at once
	CPU   Cost = "cpu"   // calculates
)

// ExampleCall is a call that documents its tool. A test makes every one of
// them in a fresh session.
type ExampleCall struct {
	Name      string
	Arguments jsontext.Value
	Result    jsontext.Value // what it answers; nil where no two answers are alike
	Fails     fault.Code     // the error it shows; "" when it succeeds
}
