package basic

import (
	"context"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/expr"
	"toolpit/internal/fault"
	"toolpit/internal/tools"
)

type addIn struct {
	A jsontext.Value `json:"a" jsonschema:"type=number" jsonschema_description:"The first number."`
	B jsontext.Value `json:"b" jsonschema:"type=number" jsonschema_description:"The second number."`
}

type addOut struct {
	Result jsontext.Value `json:"result" jsonschema:"type=number" jsonschema_description:"The sum: an exact integer of 64 bits when both are integers, else a float."`
}

var add = tools.New("add", "Adds two numbers.",
	func(_ context.Context, _ *tools.Call, in addIn) (addOut, error) {
		a, err := operand("/a", in.A)
		if err != nil {
			return addOut{}, err
		}
		b, err := operand("/b", in.B)
		if err != nil {
			return addOut{}, err
		}
		sum, err := expr.Binary("add", a, b)
		if err != nil {
			return addOut{}, tools.Blame("", err)
		}
		return addOut{jsontext.Value(sum.String())}, nil
	},
	tools.ReadOnly(), tools.Idempotent(),
	tools.Example("two and three", `{"a":2,"b":3}`, tools.Gives(`{"result":5}`)),
	tools.Example("floats", `{"a":0.5,"b":-2}`, tools.Gives(`{"result":-1.5}`)),
	tools.Example("beyond 64 bits", `{"a":9223372036854775807,"b":1}`, tools.Fails(fault.ConstraintViolation)),
)

// operand reads a number. An integer beyond 64 bits is taken as a float, for
// that is what a client means whose language writes 1e20 with all its digits.
func operand(pointer string, raw jsontext.Value) (expr.Number, error) {
	n, err := expr.ParseNumber(string(raw))
	if err == nil {
		return n, nil
	}
	if f, unreadable := strconv.ParseFloat(string(raw), 64); unreadable == nil && !math.IsInf(f, 0) {
		return expr.NewFloat(f)
	}
	return expr.Number{}, tools.Blame(pointer, err)
}
