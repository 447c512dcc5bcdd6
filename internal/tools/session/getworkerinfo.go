package session

import (
	"context"
	"time"

	"toolpit/internal/tools"
)

type workerInfoIn struct {
	CallNumber int64 `json:"call_number" jsonschema:"minimum=0" jsonschema_description:"A number of your own; it comes back."`
}

type workerInfoOut struct {
	WorkerPID  int       `json:"worker_pid"`
	ReplicaID  string    `json:"replica_id"`
	Host       string    `json:"host"`
	StartedAt  time.Time `json:"started_at"`
	CallNumber int64     `json:"call_number"`
	SessionID  string    `json:"session_id"`
}

var getWorkerInfo = tools.New("get_worker_info", "Tells which replica executes this call.",
	func(_ context.Context, c *tools.Call, in workerInfoIn) (workerInfoOut, error) {
		r := c.Replica()
		return workerInfoOut{
			WorkerPID: r.PID, ReplicaID: r.ID, Host: r.Host, StartedAt: r.StartedAt.UTC(),
			CallNumber: in.CallNumber, SessionID: c.Session().ID,
		}, nil
	},
	tools.InSession(), tools.ReadOnly(), tools.Idempotent(),
	tools.Example("the first call", `{"call_number":1}`),
)
