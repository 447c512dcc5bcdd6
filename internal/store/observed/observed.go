// Package observed wraps a store so that its operations are counted, timed and
// traced.
//
// It changes nothing about what a store promises, and it is not for what goes
// on inside a back end: retries and batches the back end reports itself.
package observed

import (
	"context"
	"time"

	"toolpit/internal/store"
	"toolpit/internal/telemetry"
)

// Store is a store whose operations are observed. Listen, Now, Check, Sweep and
// Close are the wrapped store's own, but for the sessions that Sweep counts:
// Listen lasts as long as somebody listens, so its time would say nothing.
type Store struct {
	store.Store
	metrics *telemetry.Metrics
	tracing *telemetry.Tracing

	create, get, touch, update, remove, list, fork, usage operation
	read, apply, listVariables, history                   operation
	changes, follow                                       operation
	stage, discard, chunk                                 operation
	recall, remember                                      operation
}

var _ store.Store = (*Store)(nil)

// operation is one method.
type operation struct {
	span   string
	series *telemetry.Operation
}

// New wraps a store. tracing may be nil.
func New(s store.Store, metrics *telemetry.Metrics, tracing *telemetry.Tracing) *Store {
	op := func(name string) operation { return operation{"store " + name, metrics.Operation(name)} }
	return &Store{
		Store: s, metrics: metrics, tracing: tracing,
		create: op("create"), get: op("get"), touch: op("touch"), update: op("update"), remove: op("remove"), list: op("list"),
		fork: op("fork"), usage: op("usage"),
		read: op("read"), apply: op("apply"), listVariables: op("list_variables"), history: op("history"),
		changes: op("changes"), follow: op("follow"), stage: op("stage"), discard: op("discard"), chunk: op("chunk"),
		recall: op("recall"), remember: op("remember"),
	}
}

func observe[T any](ctx context.Context, s *Store, o *operation, do func(context.Context) (T, error)) (T, error) {
	ctx, span := s.tracing.Within(ctx, o.span, telemetry.Outside)
	start := time.Now()
	result, err := do(ctx)
	o.series.Ended(err, time.Since(start))
	span.End(err)
	return result, err
}

// Create implements store.Sessions.
func (s *Store) Create(ctx context.Context, ref store.Ref, n store.NewSession) (store.Created, error) {
	made, err := observe(ctx, s, &s.create, func(ctx context.Context) (store.Created, error) { return s.Store.Create(ctx, ref, n) })
	if err == nil && !made.Existing && !made.Replayed {
		s.metrics.Created()
	}
	return made, err
}

// Get implements store.Sessions.
func (s *Store) Get(ctx context.Context, ref store.Ref) (store.Session, error) {
	return observe(ctx, s, &s.get, func(ctx context.Context) (store.Session, error) { return s.Store.Get(ctx, ref) })
}

// Touch implements store.Sessions.
func (s *Store) Touch(ctx context.Context, ref store.Ref, w store.Write) (store.Changed, error) {
	return observe(ctx, s, &s.touch, func(ctx context.Context) (store.Changed, error) { return s.Store.Touch(ctx, ref, w) })
}

// Update implements store.Sessions.
func (s *Store) Update(ctx context.Context, ref store.Ref, u store.SessionUpdate) (store.Changed, error) {
	return observe(ctx, s, &s.update, func(ctx context.Context) (store.Changed, error) { return s.Store.Update(ctx, ref, u) })
}

// Remove implements store.Sessions.
func (s *Store) Remove(ctx context.Context, ref store.Ref, r store.SessionRemoval) (store.Removed, error) {
	removed, err := observe(ctx, s, &s.remove, func(ctx context.Context) (store.Removed, error) { return s.Store.Remove(ctx, ref, r) })
	if err == nil && removed.Existed && !removed.Replayed {
		s.metrics.Deleted()
	}
	return removed, err
}

// List implements store.Sessions.
func (s *Store) List(ctx context.Context, owner string, p store.Page) (store.SessionPage, error) {
	return observe(ctx, s, &s.list, func(ctx context.Context) (store.SessionPage, error) { return s.Store.List(ctx, owner, p) })
}

// Fork implements store.Sessions.
func (s *Store) Fork(ctx context.Context, ref, child store.Ref, n store.NewSession) (store.Created, error) {
	made, err := observe(ctx, s, &s.fork, func(ctx context.Context) (store.Created, error) { return s.Store.Fork(ctx, ref, child, n) })
	if err == nil && !made.Replayed {
		s.metrics.Created()
	}
	return made, err
}

// Usage implements store.Sessions.
func (s *Store) Usage(ctx context.Context, ref store.Ref) (store.Usage, error) {
	return observe(ctx, s, &s.usage, func(ctx context.Context) (store.Usage, error) { return s.Store.Usage(ctx, ref) })
}

// Read implements store.Variables.
func (s *Store) Read(ctx context.Context, ref store.Ref, names ...string) (store.Snapshot, error) {
	return observe(ctx, s, &s.read, func(ctx context.Context) (store.Snapshot, error) { return s.Store.Read(ctx, ref, names...) })
}

// ReadPart implements store.Variables. It is a read like others.
func (s *Store) ReadPart(ctx context.Context, ref store.Ref, bytes int64, names ...string) (store.Snapshot, error) {
	return observe(ctx, s, &s.read, func(ctx context.Context) (store.Snapshot, error) {
		return s.Store.ReadPart(ctx, ref, bytes, names...)
	})
}

// Apply implements store.Variables. It is the hottest call of all, so it does
// without a closure.
func (s *Store) Apply(ctx context.Context, ref store.Ref, u store.Unit) (store.Applied, error) {
	ctx, span := s.tracing.Within(ctx, s.apply.span, telemetry.Outside)
	start := time.Now()
	applied, err := s.Store.Apply(ctx, ref, u)
	s.apply.series.Ended(err, time.Since(start))
	span.End(err)
	if err == nil && !applied.Replayed && ended(u, applied) {
		s.metrics.Deleted()
	}
	return applied, err
}

// ended tells whether a unit deleted its session.
func ended(u store.Unit, a store.Applied) bool {
	last := len(u.Ops) - 1
	return last >= 0 && u.Ops[last].Kind == store.OpEnd && a.Results[last].Refused == nil
}

// ListVariables implements store.Variables.
func (s *Store) ListVariables(ctx context.Context, ref store.Ref, q store.VariableQuery) (store.VariablePage, error) {
	return observe(ctx, s, &s.listVariables, func(ctx context.Context) (store.VariablePage, error) {
		return s.Store.ListVariables(ctx, ref, q)
	})
}

// History implements store.Variables.
func (s *Store) History(ctx context.Context, ref store.Ref, name string, before int64, limit int) (store.VersionPage, error) {
	return observe(ctx, s, &s.history, func(ctx context.Context) (store.VersionPage, error) {
		return s.Store.History(ctx, ref, name, before, limit)
	})
}

// Changes implements store.Events.
func (s *Store) Changes(ctx context.Context, ref store.Ref, after int64, limit int) ([]store.Change, error) {
	return observe(ctx, s, &s.changes, func(ctx context.Context) ([]store.Change, error) { return s.Store.Changes(ctx, ref, after, limit) })
}

// Follow implements store.Events.
func (s *Store) Follow(ctx context.Context, ref store.Ref, after int64, limit int) (store.Followed, error) {
	return observe(ctx, s, &s.follow, func(ctx context.Context) (store.Followed, error) { return s.Store.Follow(ctx, ref, after, limit) })
}

// nothing is what an operation answers with that has only an error.
type nothing struct{}

// Stage implements store.Blobs.
func (s *Store) Stage(ctx context.Context, ref store.Ref, u store.Upload, index int64, chunk []byte) error {
	_, err := observe(ctx, s, &s.stage, func(ctx context.Context) (nothing, error) {
		return nothing{}, s.Store.Stage(ctx, ref, u, index, chunk)
	})
	return err
}

// Discard implements store.Blobs.
func (s *Store) Discard(ctx context.Context, ref store.Ref, u store.Upload) error {
	_, err := observe(ctx, s, &s.discard, func(ctx context.Context) (nothing, error) {
		return nothing{}, s.Store.Discard(ctx, ref, u)
	})
	return err
}

// Chunk implements store.Blobs.
func (s *Store) Chunk(ctx context.Context, ref store.Ref, digest string, part store.Part, room []byte) ([]byte, error) {
	return observe(ctx, s, &s.chunk, func(ctx context.Context) ([]byte, error) { return s.Store.Chunk(ctx, ref, digest, part, room) })
}

// Recall implements store.Answers.
func (s *Store) Recall(ctx context.Context, owner string, w store.Write) (memo []byte, found bool, err error) {
	memo, err = observe(ctx, s, &s.recall, func(ctx context.Context) (memo []byte, err error) {
		memo, found, err = s.Store.Recall(ctx, owner, w)
		return memo, err
	})
	return memo, found, err
}

// Remember implements store.Answers.
func (s *Store) Remember(ctx context.Context, owner string, w store.Write, memo []byte) (store.Remembered, error) {
	return observe(ctx, s, &s.remember, func(ctx context.Context) (store.Remembered, error) {
		return s.Store.Remember(ctx, owner, w, memo)
	})
}

// Sweep implements store.Health.
func (s *Store) Sweep(ctx context.Context) (store.Swept, error) {
	swept, err := s.Store.Sweep(ctx)
	s.metrics.Expired(swept.Sessions)
	return swept, err
}
