package session

import (
	"context"
	"fmt"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

var getCounter = tools.New("get_counter", "Reads the session's counter; 0 when it was never set.",
	func(ctx context.Context, c *tools.Call, _ struct{}) (counterOut, error) {
		// A Load in a unit rather than a Read: counting the execution costs a
		// unit anyway, so this is one round trip and not two.
		applied, err := c.Apply(ctx, store.Load(counterName))
		if err != nil {
			return counterOut{}, err
		}
		counter := applied.Results[0]
		if counter.Version == 0 {
			return counterOut{0}, nil
		}
		n, ok := counter.Value.Int64()
		if !ok {
			return counterOut{}, fault.New(fault.TypeMismatch,
				fmt.Sprintf("The variable %q is not an integer but a %s.", counterName, counter.Value.Type()))
		}
		return counterOut{n}, nil
	},
	tools.InSession(), tools.ReadOnly(), tools.Idempotent(),
	tools.Example("a fresh session", `{}`, tools.Gives(`{"value":0}`)),
)
