package basic

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/invopop/jsonschema"

	"toolpit/internal/expr"
	"toolpit/internal/fault"
	"toolpit/internal/tools"
)

type computeIn struct {
	Expression *string        `json:"expression" jsonschema:"maxLength=1024" jsonschema_description:"An arithmetic expression with + - * / // % **, parentheses, functions and constants, as in Python."`
	Operation  string         `json:"operation,omitzero" jsonschema:"enum=add,enum=subtract,enum=multiply,enum=divide,enum=power,enum=modulo,enum=floor_divide,enum=sqrt" jsonschema_description:"What to do with a and b."`
	A          jsontext.Value `json:"a,omitzero" jsonschema:"type=number" jsonschema_description:"The first operand, or the only one of sqrt."`
	B          jsontext.Value `json:"b,omitzero" jsonschema:"type=number" jsonschema_description:"The second operand."`
}

// JSONSchemaExtend says that there are two ways to ask, which are not mixed.
func (computeIn) JSONSchemaExtend(s *jsonschema.Schema) {
	not := func(names ...string) *jsonschema.Schema {
		var any []*jsonschema.Schema
		for _, n := range names {
			any = append(any, &jsonschema.Schema{Required: []string{n}})
		}
		return &jsonschema.Schema{AnyOf: any}
	}
	s.OneOf = []*jsonschema.Schema{
		{Title: "an expression", Required: []string{"expression"}, Not: not("operation", "a", "b")},
		{Title: "an operation", Required: []string{"operation", "a"}, Not: not("expression")},
	}
}

type computeOut struct {
	Expression string         `json:"expression" jsonschema_description:"What was computed."`
	Result     jsontext.Value `json:"result" jsonschema:"type=number" jsonschema_description:"Integers stay integers, exact to 64 bits; a division gives a float."`
}

var compute = tools.New("compute", "Computes an arithmetic expression.",
	func(_ context.Context, _ *tools.Call, in computeIn) (computeOut, error) {
		if in.Expression != nil {
			n, err := expr.Eval(*in.Expression)
			return computeOut{*in.Expression, jsontext.Value(n.String())}, tools.Blame("/expression", err)
		}
		return operate(in)
	},
	tools.ReadOnly(), tools.Idempotent(), tools.WithCost(tools.CPU),
	tools.Example("an expression", `{"expression":"5 ** 2 + 1"}`, tools.Gives(`{"expression":"5 ** 2 + 1","result":26}`)),
	tools.Example("an operation", `{"operation":"divide","a":7,"b":2}`, tools.Gives(`{"expression":"7 / 2","result":3.5}`)),
	tools.Example("a square root", `{"operation":"sqrt","a":16}`, tools.Gives(`{"expression":"sqrt(16)","result":4.0}`)),
	tools.Example("a division by zero", `{"expression":"1 / (2 - 2)"}`, tools.Fails(fault.ConstraintViolation)),
)

// operate computes the form with operands, and says which expression that is.
func operate(in computeIn) (computeOut, error) {
	a, err := expr.ParseNumber(string(in.A))
	if err != nil {
		return computeOut{}, tools.Blame("/a", err)
	}
	if in.Operation == "sqrt" {
		if in.B != nil {
			return computeOut{}, tools.Refuse("/b", fault.UnknownParameter, `The operation "sqrt" has only the operand "a".`)
		}
		n, err := expr.Sqrt(a)
		return computeOut{"sqrt(" + a.String() + ")", jsontext.Value(n.String())}, tools.Blame("/a", err)
	}
	if in.B == nil {
		return computeOut{}, tools.Refuse("/b", fault.MissingParameter, fmt.Sprintf("The operation %q needs the operand \"b\".", in.Operation))
	}
	b, err := expr.ParseNumber(string(in.B))
	if err != nil {
		return computeOut{}, tools.Blame("/b", err)
	}
	n, err := expr.Binary(in.Operation, a, b)
	return computeOut{written(in.Operation, a, b), jsontext.Value(n.String())}, tools.Blame("", err)
}

// written is the expression that does the same as the operation.
func written(operation string, a, b expr.Number) string {
	left := a.String()
	if operation == "power" && strings.HasPrefix(left, "-") {
		left = "(" + left + ")" // the power binds tighter than the sign
	}
	symbol := map[string]string{
		"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "modulo": "%", "floor_divide": "//",
	}[operation]
	return left + " " + symbol + " " + b.String()
}
