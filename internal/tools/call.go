package tools

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// Call is what a tool may use while it runs, and its only way to state. It
// belongs to one run of the tool's function: it is not to be kept, nor used
// from several goroutines at once.
type Call struct {
	run *Run

	asked   bool         // Apply was called
	effect  bool         // a unit took effect, now or in an earlier execution of the same token
	replay  bool         // it was an earlier one
	answer  []byte       // an answer stored under the token, which wins over whatever the tool says
	broken  *fault.Error // what a store call said that ends the execution, whatever the tool makes of it
	instant time.Time    // the store's clock at its last answer
	inStore time.Duration
	staged  []store.Upload // by StageTensor
}

// errAnswered stops a tool whose token has an answer already. The Run knows
// by itself; this only brings the tool to its end.
var errAnswered = errors.New("tools: the execution has been answered before")

// Session returns the session the tool runs in, the zero Ref when it runs
// without one.
func (c *Call) Session() store.Ref { return c.run.session() }

// ExecutionID returns the name of the execution, for logs.
func (c *Call) ExecutionID() string { return c.run.id }

// Read returns those of the variables that exist, as they are at one instant.
// Errors: those of store.Variables.Read, DeadlineExceeded, Cancelled.
func (c *Call) Read(ctx context.Context, names ...string) (store.Snapshot, error) {
	c.mustHaveSession("Read")
	start := time.Now()
	snapshot, err := c.run.engine.store.Read(ctx, c.Session(), names...)
	return c.seen(ctx, start, snapshot, err)
}

// ReadPart is Read for as many of the names as have little more than so many
// bytes together; see store.Variables.ReadPart. Errors: as Read.
func (c *Call) ReadPart(ctx context.Context, bytes int64, names ...string) (store.Snapshot, error) {
	c.mustHaveSession("ReadPart")
	start := time.Now()
	snapshot, err := c.run.engine.store.ReadPart(ctx, c.Session(), bytes, names...)
	return c.seen(ctx, start, snapshot, err)
}

// seen notes the instant of what was read.
func (c *Call) seen(ctx context.Context, start time.Time, snapshot store.Snapshot, err error) (store.Snapshot, error) {
	if err = c.told(ctx, start, err); err != nil {
		return store.Snapshot{}, err
	}
	c.instant = snapshot.At
	return snapshot, nil
}

// ListVariables returns a page of the session's variables. Errors: those of
// store.Variables.ListVariables, DeadlineExceeded, Cancelled.
func (c *Call) ListVariables(ctx context.Context, q store.VariableQuery) (store.VariablePage, error) {
	c.mustHaveSession("ListVariables")
	start := time.Now()
	page, err := c.run.engine.store.ListVariables(ctx, c.Session(), q)
	return page, c.told(ctx, start, err)
}

// History returns a page of versions of a variable. Errors: those of
// store.Variables.History, DeadlineExceeded, Cancelled.
func (c *Call) History(ctx context.Context, name string, before int64, limit int) (store.VersionPage, error) {
	c.mustHaveSession("History")
	start := time.Now()
	page, err := c.run.engine.store.History(ctx, c.Session(), name, before, limit)
	return page, c.told(ctx, start, err)
}

// told notes how long a store call took that changes nothing, and what its
// error means for the execution.
func (c *Call) told(ctx context.Context, start time.Time, err error) error {
	c.inStore += time.Since(start)
	if err == nil {
		return nil
	}
	e := storeFault(ctx, err)
	// A session that is gone is no end here: the token may have been answered
	// while there was one, and settling finds out.
	if outage(e.Code) {
		c.broken = e
	}
	return e
}

// Apply changes the session: all operations or none. A tool calls it at most
// once; a second time is a mistake of the tool and panics. When the execution
// is repeated, Apply changes nothing and returns what it returned first.
// Errors: those of store.Variables.Apply, of one operation as a
// *store.OpError, DeadlineExceeded, Cancelled.
func (c *Call) Apply(ctx context.Context, ops ...store.Op) (store.Applied, error) {
	return c.ApplyUnit(ctx, Unit{Ops: ops})
}

// ApplyWith is Apply with a memo: up to store.MaxMemo bytes that the tool
// needs for its answer and that a repetition could not find out again. They
// come back in the Applied, those of the first time.
func (c *Call) ApplyWith(ctx context.Context, memo []byte, ops ...store.Op) (store.Applied, error) {
	return c.ApplyUnit(ctx, Unit{Memo: memo, Ops: ops})
}

// Unit is what a tool can say about its one change; see store.Unit.
type Unit struct {
	Ops  []store.Op
	Memo []byte // see ApplyWith
	Each bool   // operations one by one: what is refused is in the results
}

// ApplyUnit is Apply with everything there is to say.
func (c *Call) ApplyUnit(ctx context.Context, u Unit) (store.Applied, error) {
	c.mustHaveSession("Apply")
	if c.asked {
		panic("tools: the tool called Apply twice")
	}
	c.asked = true
	applied, err := c.apply(ctx, store.Unit{
		Kind: store.Effect, Count: true, Memo: u.Memo, Ops: u.Ops, Each: u.Each, LockToken: c.run.inv.LockToken,
	})
	if err != nil {
		return store.Applied{}, err
	}
	c.effect, c.replay = true, applied.Replayed
	return applied, nil
}

// Recall tells whether the execution has taken effect before, under the same
// key, and if so returns what Apply returned then; Apply is not to be called
// any more. It is for tools that could fail between what they read and Apply,
// or that do much before it: a repetition must not come that far. Without a
// key it asks nobody. Errors: as Apply, but for those of operations.
func (c *Call) Recall(ctx context.Context) (applied store.Applied, found bool, err error) {
	c.mustHaveSession("Recall")
	if c.run.inv.Key == "" {
		return store.Applied{}, false, nil
	}
	applied, err = c.apply(ctx, store.Unit{Kind: store.Draft, Count: true})
	if err != nil || !applied.Replayed || applied.Kind != store.Effect {
		return store.Applied{}, false, err
	}
	c.asked, c.effect, c.replay = true, true, true
	return applied, true, nil
}

// apply sends a unit under the execution's token.
func (c *Call) apply(ctx context.Context, u store.Unit) (store.Applied, error) {
	u.Write = c.run.write
	start := time.Now()
	applied, err := c.run.engine.store.Apply(ctx, c.Session(), u)
	c.inStore += time.Since(start)
	if err != nil {
		e := storeFault(ctx, err)
		if outage(e.Code) || verdict(e.Code) {
			c.broken = e // another unit under the token would fare no better
		}
		if op, ok := errors.AsType[*store.OpError](err); ok {
			return store.Applied{}, &store.OpError{Index: op.Index, Err: e}
		}
		return store.Applied{}, e
	}
	c.instant = applied.At
	if applied.Replayed && applied.Kind == store.Answer {
		c.answer = applied.Memo
		return store.Applied{}, errAnswered
	}
	return applied, nil
}

// Rand returns a source of randomness that gives the same numbers whenever
// the execution is repeated.
func (c *Call) Rand() *rand.Rand {
	seed := sha256.Sum256([]byte("toolpit rand\x00" + c.run.scope() + "\x00" + c.run.write.Token.Bytes()))
	return rand.New(rand.NewChaCha8(seed))
}

// Now returns the store's time: that of the store's last answer to this call,
// or else it asks. Errors: StoreUnavailable, DeadlineExceeded, Cancelled.
func (c *Call) Now(ctx context.Context) (time.Time, error) {
	if !c.instant.IsZero() {
		return c.instant, nil
	}
	start := time.Now()
	now, err := c.run.engine.store.Now(ctx)
	if err = c.told(ctx, start, err); err != nil {
		return time.Time{}, err
	}
	c.instant = now
	return now, nil
}

// Log returns a logger that names the tool and the execution. Arguments and
// values do not belong into a log.
func (c *Call) Log() *slog.Logger { return c.run.log() }

// Replica describes the process the tool runs in.
func (c *Call) Replica() Replica { return c.run.engine.replica }

// Catalog describes every tool there is, ordered by name.
func (c *Call) Catalog() []Info { return c.run.engine.registry.All() }

// Stats measures the load of this replica and the store.
func (c *Call) Stats(ctx context.Context) Stats {
	var s Stats
	if load := c.run.engine.load; load != nil {
		s.Lanes = load.Load()
	}
	start := time.Now()
	if _, err := c.run.engine.store.Now(ctx); err == nil {
		s.StoreReachable, s.StorePing = true, time.Since(start)
	}
	c.inStore += time.Since(start)
	return s
}

func (c *Call) mustHaveSession(method string) {
	if !c.run.tool.info.RequiresSession {
		panic("tools: " + method + " is for tools made with InSession")
	}
}
