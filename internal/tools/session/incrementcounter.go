package session

import (
	"context"
	"fmt"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

type incrementIn struct {
	By  int64  `json:"by" jsonschema:"default=1" jsonschema_description:"What is added; may be negative."`
	Min *int64 `json:"min" jsonschema_description:"Refuse to go below this."`
	Max *int64 `json:"max" jsonschema_description:"Refuse to go above this."`
}

var incrementCounter = tools.New("increment_counter", "Adds to the session's counter, atomically.",
	func(ctx context.Context, c *tools.Call, in incrementIn) (counterOut, error) {
		if in.Min != nil && in.Max != nil && *in.Min > *in.Max {
			return counterOut{}, tools.Refuse("/min", fault.ConstraintViolation,
				fmt.Sprintf("Expected at most the value of \"max\", %d, got %d.", *in.Max, *in.Min))
		}
		applied, err := c.Apply(ctx, store.Add(counterName, in.By).StartingAt(0).Within(in.Min, in.Max))
		switch code := fault.CodeOf(err); {
		case code == fault.ConstraintViolation || code == fault.CounterOverflow:
			return counterOut{}, tools.Blame("/by", err)
		case err != nil:
			return counterOut{}, err
		}
		n, ok := applied.Results[0].Value.Int64()
		if !ok {
			return counterOut{}, fmt.Errorf("an integer became %q by adding to it", applied.Results[0].Value.JSON())
		}
		return counterOut{n}, nil
	},
	tools.InSession(),
	tools.Example("one more", `{}`, tools.Gives(`{"value":1}`)),
	tools.Example("five more", `{"by":5}`, tools.Gives(`{"value":5}`)),
	tools.Example("not beyond a bound", `{"by":5,"max":3}`, tools.Fails(fault.ConstraintViolation)),
)
