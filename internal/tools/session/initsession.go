package session

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/value"
)

type initIn struct {
	Reset    bool           `json:"reset" jsonschema:"default=false" jsonschema_description:"Begin anew: start time, counter and metadata."`
	Keywords jsontext.Value `json:",embed" jsonschema:"-"`
}

type initOut struct {
	SessionID string         `json:"session_id"`
	Timestamp time.Time      `json:"timestamp" jsonschema_description:"When the session was initialised, by the store's clock, UTC."`
	WorkerPID int            `json:"worker_pid"`
	ReplicaID string         `json:"replica_id"`
	Counter   *int64         `json:"counter,omitzero" jsonschema_description:"Absent when the variable counter is no integer."`
	Created   bool           `json:"created" jsonschema_description:"False when the session had been initialised before, and nothing was reset."`
	Metadata  jsontext.Value `json:"metadata" jsonschema:"type=object" jsonschema_description:"The keywords, those given now or earlier."`
}

// initMemo is what a repetition cannot find out again.
type initMemo struct {
	PID     int    `json:"pid"`
	Replica string `json:"replica"`
}

var initSession = tools.New("init_session", "Sets up start time, counter and metadata of a session, once.",
	func(ctx context.Context, c *tools.Call, in initIn) (initOut, error) {
		now, err := c.Now(ctx)
		if err != nil {
			return initOut{}, err
		}
		ops, err := initOps(in, now)
		if err != nil {
			return initOut{}, err
		}
		memo, err := json.Marshal(initMemo{c.Replica().PID, c.Replica().ID})
		if err != nil {
			return initOut{}, err
		}
		applied, err := c.ApplyWith(ctx, memo, ops...)
		if err != nil {
			return initOut{}, err
		}
		return initAnswer(c, in, applied)
	},
	tools.InSession(), tools.FreeForm(),
	tools.Example("just begin", `{}`),
	tools.Example("with metadata", `{"user_id":"user-7","config":{"model":"small","temperature":0.7}}`),
	tools.Example("begin anew", `{"reset":true}`),
)

// initOps are the operations, always in the order start, counter, metadata.
func initOps(in initIn, now time.Time) ([]store.Op, error) {
	start, err := startValue(now)
	if err != nil {
		return nil, fmt.Errorf("the store's clock says %v: %w", now, err)
	}
	metadata := store.Load(metadataName)
	switch {
	case len(in.Keywords) > len("{}"):
		v, found := value.Convert(value.Map, in.Keywords)
		if found != nil {
			return nil, fmt.Errorf("the keywords are no map: %v", found) // they are an object that has been checked
		}
		metadata = store.Put(metadataName, v)
	case in.Reset:
		metadata = store.Delete(metadataName)
	}
	if in.Reset {
		return []store.Op{store.Put(startName, start), store.Put(counterName, value.Int(0)), metadata}, nil
	}
	return []store.Op{store.Ensure(startName, start), store.Ensure(counterName, value.Int(0)), metadata}, nil
}

func initAnswer(c *tools.Call, in initIn, applied store.Applied) (initOut, error) {
	var memo initMemo
	if err := json.Unmarshal(applied.Memo, &memo); err != nil {
		return initOut{}, fmt.Errorf("the memo of init_session: %w", err)
	}
	start, counter, metadata := applied.Results[0], applied.Results[1], applied.Results[2]
	out := initOut{
		SessionID: c.Session().ID, Timestamp: startOf(start, applied.Created),
		WorkerPID: memo.PID, ReplicaID: memo.Replica,
		Created: in.Reset || !start.Existed, Metadata: jsontext.Value("{}"),
	}
	if n, ok := counter.Value.Int64(); ok {
		out.Counter = &n
	}
	if metadata.Value.Type() == value.Map {
		out.Metadata = jsontext.Value(metadata.Value.JSON())
	}
	return out, nil
}
