package tools

import (
	"context"
	"log/slog"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// Run is one execution that has passed Prepare. Do is called once.
type Run struct {
	engine *Engine
	tool   Tool
	inv    Invocation
	bound  runner
	write  store.Write
	id     string

	toolTime  time.Duration
	storeTime time.Duration
}

// Result is the outcome of an execution. When Do returns an error, too, only
// Value is missing.
type Result struct {
	Value       jsontext.Value // the tool's answer
	ExecutionID string
	Replayed    bool // it was given before, under the same key
	ToolTime    time.Duration
	StoreTime   time.Duration
}

// Tool describes the tool that is executed.
func (r *Run) Tool() Info { return r.tool.info }

// ExecutionID names the execution. Equal keys in equal scopes have equal ids:
// the token is the execution.
func (r *Run) ExecutionID() string { return r.id }

// Do executes the tool. Whatever the outcome, an execution in a session is
// counted there once, together with what the tool writes where it writes.
// Errors: those of the tool and of the store's roles, and DeadlineExceeded,
// Cancelled, ToolPanic, Internal.
func (r *Run) Do(ctx context.Context) (Result, error) {
	var a answer
	switch {
	case r.inv.SessionID == "" && r.inv.Key == "":
		a, _ = r.attempt(ctx, r.bound)
	case r.inv.SessionID == "":
		a = r.remembered(ctx)
	case !r.tool.info.RequiresSession:
		a = r.counted(ctx)
	default:
		a = r.stateful(ctx)
	}
	result := Result{Value: a.result, ExecutionID: r.id, Replayed: a.replayed, ToolTime: r.toolTime, StoreTime: r.storeTime}
	if a.fault == nil {
		return result, nil
	}
	if a.fault.Code == fault.Internal {
		r.log().Error("an execution failed", "error", a.fault)
	}
	return result, a.fault
}

// remembered executes outside any session, under a key.
func (r *Run) remembered(ctx context.Context) answer {
	start := time.Now()
	memo, found, err := r.engine.store.Recall(ctx, r.inv.Owner, r.write)
	r.storeTime += time.Since(start)
	switch {
	case err != nil:
		return failed(storeFault(ctx, err))
	case found:
		return recalled(memo)
	}
	a, _ := r.attempt(ctx, r.bound)
	memo, ok := r.promise(a)
	if !ok {
		return a
	}
	ctx = afterwards(ctx)
	start = time.Now()
	kept, err := r.engine.store.Remember(ctx, r.inv.Owner, r.write, memo)
	r.storeTime += time.Since(start)
	switch {
	case err != nil:
		return failed(storeFault(ctx, err)) // an answer that a repetition may contradict is not given
	case kept.Replayed:
		return recalled(kept.Memo)
	}
	return a
}

// counted executes, in a session, a tool that has nothing to do with it. The
// first unit finds out in one round trip that the session exists, that the key
// is new, and counts.
func (r *Run) counted(ctx context.Context) answer {
	applied, err := r.apply(ctx, store.Unit{Kind: store.Draft, Count: true})
	switch {
	case err != nil:
		return failed(err)
	case applied.Replayed && applied.Kind == store.Answer:
		return recalled(applied.Memo)
	}
	a, _ := r.attempt(ctx, r.bound)
	memo, ok := r.promise(a)
	if !ok {
		return a
	}
	applied, err = r.apply(afterwards(ctx), store.Unit{Kind: store.Answer, Memo: memo})
	switch {
	case err != nil:
		return failed(err) // as in remembered
	case applied.Replayed && applied.Kind == store.Answer:
		return recalled(applied.Memo)
	}
	return a
}

// stateful executes a tool that works on the session. Its Apply brings token
// and count along; where there was none, settle makes up for it.
func (r *Run) stateful(ctx context.Context) answer {
	a, c := r.attempt(ctx, r.bound)
	if last, ok := r.concluded(a, c); ok {
		return last
	}
	return r.settle(ctx, a)
}

// concluded is the answer of an attempt when nothing is left to do.
func (r *Run) concluded(a answer, c *Call) (last answer, ok bool) {
	switch {
	case c.answer != nil:
		return recalled(c.answer), true
	case c.broken != nil:
		return failed(c.broken), true
	case c.effect:
		a.replayed = c.replay
		return a, true
	}
	return a, false
}

// settle counts an execution that changed nothing, and stores its answer if a
// repetition must get the same. It goes on after the request's own deadline:
// a tool that was too slow has been executed all the same.
func (r *Run) settle(ctx context.Context, a answer) answer {
	u := store.Unit{Kind: store.Draft, Count: true}
	if memo, ok := r.promise(a); ok {
		u.Kind, u.Memo = store.Answer, memo
	}
	applied, err := r.apply(afterwards(ctx), u)
	switch {
	case err != nil:
		return unsettled(a, u, err)
	case applied.Replayed && applied.Kind == store.Answer:
		return recalled(applied.Memo)
	case applied.Replayed && applied.Kind == store.Effect:
		return r.again(ctx, a)
	}
	return a
}

// unsettled is the answer when settling failed. A tool's own error stands if
// nothing was promised about its repetition and the store said nothing about
// the request itself; a success needs to have been counted.
func unsettled(a answer, u store.Unit, err *fault.Error) answer {
	promised := u.Kind == store.Answer
	if a.fault == nil || promised || verdict(err.Code) {
		return failed(err)
	}
	return a
}

// again runs the tool once more because a twin, another execution of the same
// token, changed the session while this one found nothing to do. Its Apply is
// answered with the twin's results.
func (r *Run) again(ctx context.Context, a answer) answer {
	bound, err := r.tool.bind(r.inv.Arguments) // afresh: the first attempt had its hands on the other
	if err != nil {
		return a
	}
	second, c := r.attempt(ctx, bound)
	last, _ := r.concluded(second, c)
	return last
}

// promise is what to store so that a repetition gets the answer again.
func (r *Run) promise(a answer) (memo []byte, ok bool) {
	if r.inv.Key == "" {
		return nil, false // nobody can repeat it
	}
	return a.memo()
}

func (r *Run) apply(ctx context.Context, u store.Unit) (store.Applied, *fault.Error) {
	u.Write = r.write
	start := time.Now()
	applied, err := r.engine.store.Apply(ctx, r.session(), u)
	r.storeTime += time.Since(start)
	if err != nil {
		return store.Applied{}, storeFault(ctx, err)
	}
	return applied, nil
}

// afterwards is the context of what must still be written when the tool has
// ended, even if the request's time is over or its client has gone. It sets no
// deadline of its own: the store bounds each of its calls by CallTimeout.
func afterwards(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

func (r *Run) session() store.Ref {
	if r.inv.SessionID == "" {
		return store.Ref{}
	}
	return store.Ref{Owner: r.inv.Owner, ID: r.inv.SessionID}
}

// scope is where the token is unique.
func (r *Run) scope() string { return r.inv.Owner + "\x00" + r.inv.SessionID }

func (r *Run) log() *slog.Logger {
	l := r.engine.log.With("tool", r.tool.info.Name, "execution_id", r.id)
	if r.inv.SessionID != "" {
		l = l.With("session_id", r.inv.SessionID)
	}
	return l
}
