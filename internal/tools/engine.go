package tools

import (
	"context"
	"log/slog"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// Store is what an Engine needs of a store.
type Store interface {
	store.Variables
	store.Blobs
	store.Answers
	// Now returns the store's clock; see store.Health.
	Now(ctx context.Context) (time.Time, error)
}

// Replica describes a process that executes tools.
type Replica struct {
	ID        string
	PID       int
	Host      string
	Version   string
	StartedAt time.Time
}

// LaneLoad is how busy one lane of executions is.
type LaneLoad struct {
	Lane      string
	Capacity  int
	Running   int
	Queued    int
	Rejected  int64
	Completed int64
}

// LoadReporter tells how busy this replica is.
type LoadReporter interface {
	Load() []LaneLoad
}

// Stats is what a tool can measure of its surroundings.
type Stats struct {
	Lanes          []LaneLoad // nil when nobody reports
	StoreReachable bool
	StorePing      time.Duration // time of one round trip, when it is reachable
}

// EngineConfig is what an Engine is made of.
type EngineConfig struct {
	Registry *Registry
	Store    Store
	Replica  Replica
	Log      *slog.Logger // nil means slog.Default
	Load     LoadReporter // may be nil
}

// Engine executes tools. It holds nothing between executions and may be used
// from any number of goroutines.
type Engine struct {
	registry *Registry
	store    Store
	replica  Replica
	log      *slog.Logger
	load     LoadReporter
}

// NewEngine makes an engine.
func NewEngine(cfg EngineConfig) *Engine {
	e := &Engine{registry: cfg.Registry, store: cfg.Store, replica: cfg.Replica, log: cfg.Log, load: cfg.Load}
	if e.log == nil {
		e.log = slog.Default()
	}
	return e
}

// Registry returns the tools the engine executes.
func (e *Engine) Registry() *Registry { return e.registry }

// Invocation is one request to execute a tool.
type Invocation struct {
	Owner       string
	SessionID   string // "" executes without a session
	Tool        string
	Arguments   []byte   // a JSON object, or nothing; not to be changed before Do returns
	Key         string   // the Idempotency-Key, or ""
	Fingerprint [32]byte // digest of the request, for telling a reused key
	// LockToken opens the locks that were taken with it, or is "".
	LockToken string
	// Durability is what the execution's writes are to survive, beyond what all do.
	Durability store.Durability
}

// Prepare finds everything that is wrong with an invocation as far as it can
// be known without the store. Errors: ToolNotFound, InvalidRequest,
// ValueTooLarge, ConstraintViolation and TypeMismatch with all violations.
func (e *Engine) Prepare(_ context.Context, inv Invocation) (*Run, error) {
	tool, err := e.registry.Find(inv.Tool)
	if err != nil {
		return nil, err
	}
	if tool.info.RequiresSession && inv.SessionID == "" {
		return nil, fault.Newf(fault.InvalidRequest,
			"The tool %q works in a session: use POST /sessions/{id}/execute.", tool.info.Name)
	}
	bound, err := tool.prepare(inv.Arguments)
	if err != nil {
		return nil, err
	}
	token := store.MintToken(time.Now())
	if inv.Key != "" {
		token = store.KeyedToken(inv.Key)
	}
	r := &Run{
		engine: e, tool: tool, inv: inv, bound: bound,
		write: store.Write{Token: token, Fingerprint: inv.Fingerprint, By: tool.info.Name, Durability: inv.Durability},
	}
	r.id = "exe_" + token.Text(r.scope())
	return r, nil
}
