package session

import (
	"context"

	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/value"
)

type setCounterIn struct {
	Value int64 `json:"value" jsonschema_description:"What the counter is set to."`
}

// counterOut is the answer of every tool that is about the counter.
type counterOut struct {
	Value int64 `json:"value" jsonschema_description:"The counter."`
}

var setCounter = tools.New("set_counter", "Sets the session's counter.",
	func(ctx context.Context, c *tools.Call, in setCounterIn) (counterOut, error) {
		if _, err := c.Apply(ctx, store.Put(counterName, value.Int(in.Value))); err != nil {
			return counterOut{}, err
		}
		return counterOut{in.Value}, nil
	},
	tools.InSession(), tools.Idempotent(),
	tools.Example("to 41", `{"value":41}`, tools.Gives(`{"value":41}`)),
)
