package basic

import (
	"context"
	"time"

	"toolpit/internal/tools"
)

type pingIn struct {
	Message string `json:"message" jsonschema:"default=pong,maxLength=1024" jsonschema_description:"What to answer."`
}

type pingOut struct {
	Message   string    `json:"message"`
	Timestamp time.Time `json:"timestamp" jsonschema_description:"The replica's clock, UTC."`
	ReplicaID string    `json:"replica_id"`
}

var ping = tools.New("ping", "Answers, and says which replica does and when.",
	func(_ context.Context, c *tools.Call, in pingIn) (pingOut, error) {
		return pingOut{in.Message, time.Now().UTC(), c.Replica().ID}, nil
	},
	tools.ReadOnly(), tools.Idempotent(),
	tools.Example("a plain ping", `{}`),
	tools.Example("with a message of your own", `{"message":"hello"}`),
)
