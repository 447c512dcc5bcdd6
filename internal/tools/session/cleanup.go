package session

import (
	"context"
	"math"
	"time"

	"toolpit/internal/store"
	"toolpit/internal/tools"
)

type cleanupIn struct {
	Keep bool `json:"keep" jsonschema:"default=false" jsonschema_description:"Only sum up; the session lives on."`
}

type cleanupOut struct {
	DurationMS   float64 `json:"duration_ms" jsonschema_description:"Time since init_session, or since the session was created, by the store's clock."`
	CommandCount int64   `json:"command_count" jsonschema_description:"Executions in the session, this one included."`
	Variables    int64   `json:"variables" jsonschema_description:"Variables in the session, deleted with it or kept."`
	Deleted      bool    `json:"deleted"`
}

var cleanup = tools.New("cleanup", "Sums up a session and deletes it, in one step.",
	func(ctx context.Context, c *tools.Call, in cleanupIn) (cleanupOut, error) {
		ops := []store.Op{store.Load(startName)}
		if !in.Keep {
			ops = append(ops, store.End())
		}
		applied, err := c.Apply(ctx, ops...)
		if err != nil {
			return cleanupOut{}, err
		}
		duration := applied.At.Sub(startOf(applied.Results[0], applied.Created))
		ms := float64(max(duration, 0)) / float64(time.Millisecond)
		return cleanupOut{
			DurationMS:   math.Round(ms*100) / 100,
			CommandCount: applied.Commands,
			Variables:    applied.Variables,
			Deleted:      !in.Keep,
		}, nil
	},
	tools.InSession(),
	tools.Example("the end", `{}`),
	tools.Example("a summary", `{"keep":true}`),
)
