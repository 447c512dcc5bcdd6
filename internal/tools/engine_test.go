package tools_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/tools/toolstest"
)

// hooked is a real store whose calls a test can watch and spoil.
type hooked struct {
	store.Store
	applies    atomic.Int64
	answers    atomic.Int64                                           // calls of Recall and Remember
	onApply    func(context.Context, store.Unit) error                // before; an error keeps the unit from the store
	afterwards func(store.Unit, store.Applied) (store.Applied, error) // after
	onRead     func() error
}

func (h *hooked) Apply(ctx context.Context, ref store.Ref, u store.Unit) (store.Applied, error) {
	h.applies.Add(1)
	if h.onApply != nil {
		if err := h.onApply(ctx, u); err != nil {
			return store.Applied{}, err
		}
	}
	applied, err := h.Store.Apply(ctx, ref, u)
	if err == nil && h.afterwards != nil {
		return h.afterwards(u, applied)
	}
	return applied, err
}

func (h *hooked) Read(ctx context.Context, ref store.Ref, names ...string) (store.Snapshot, error) {
	if h.onRead != nil {
		if err := h.onRead(); err != nil {
			return store.Snapshot{}, err
		}
	}
	return h.Store.Read(ctx, ref, names...)
}

func (h *hooked) Recall(ctx context.Context, owner string, w store.Write) ([]byte, bool, error) {
	h.answers.Add(1)
	return h.Store.Recall(ctx, owner, w)
}

func (h *hooked) Remember(ctx context.Context, owner string, w store.Write, memo []byte) (store.Remembered, error) {
	h.answers.Add(1)
	return h.Store.Remember(ctx, owner, w, memo)
}

// fixture is an engine with one tool, on a real store with one session.
type fixture struct {
	store  *hooked
	engine *tools.Engine
	tool   string
	ref    store.Ref
	log    *bytes.Buffer
	runs   *atomic.Int64 // of the tool's function
}

type nothing = struct{}

type number struct {
	N int64 `json:"n"`
}

// script is a tool's function, told how often it has run before.
type script func(ctx context.Context, c *tools.Call, run int64) (any, error)

func fix(t *testing.T, do script, opts ...tools.Option) *fixture {
	t.Helper()
	st := toolstest.OpenStore(t, store.Config{})
	f := &fixture{store: &hooked{Store: st}, tool: "scripted", ref: store.Ref{Owner: "owner", ID: "session"}, log: &bytes.Buffer{}, runs: &atomic.Int64{}}
	tool := tools.New(f.tool, "Does what the test says.", func(ctx context.Context, c *tools.Call, _ nothing) (any, error) {
		return do(ctx, c, f.runs.Add(1)-1)
	}, append(opts, tools.Example("nothing", `{}`))...)
	registry, err := tools.NewRegistry(tools.Group("test", tool))
	if err != nil {
		t.Fatal(err)
	}
	f.engine = tools.NewEngine(tools.EngineConfig{
		Registry: registry, Store: f.store, Log: slog.New(slog.NewTextHandler(f.log, nil)),
		Replica: tools.Replica{ID: "rep_test", PID: 1},
	})
	if _, err := st.Create(t.Context(), f.ref, store.NewSession{Write: minted(), TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	return f
}

func minted() store.Write { return store.Write{Token: store.MintToken(time.Now()), By: "test"} }

// do executes the tool, in the session unless its id is "".
func (f *fixture) do(ctx context.Context, t *testing.T, session, key string) (tools.Result, *fault.Error) {
	t.Helper()
	run, err := f.engine.Prepare(ctx, tools.Invocation{
		Owner: f.ref.Owner, SessionID: session, Tool: f.tool, Key: key, Fingerprint: sha256.Sum256([]byte("request")),
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := run.Do(ctx)
	return r, fault.From(err)
}

func (f *fixture) commands(t *testing.T) int64 {
	t.Helper()
	s, err := f.store.Get(t.Context(), f.ref)
	if err != nil {
		t.Fatal(err)
	}
	return s.Commands
}

func (f *fixture) variable(t *testing.T, name string) string {
	t.Helper()
	snapshot, err := f.store.Store.Read(t.Context(), f.ref, name)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.Variables[name].Value.JSON()
}

func (f *fixture) remove(t *testing.T) {
	t.Helper()
	if _, err := f.store.Remove(t.Context(), f.ref, store.SessionRemoval{Write: minted()}); err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err *fault.Error, code fault.Code) {
	t.Helper()
	if got := codeOf(err); got != code {
		t.Errorf("ended with %q (%v), want %q", got, err, code)
	}
}

func codeOf(err *fault.Error) fault.Code {
	if err == nil {
		return ""
	}
	return err.Code
}

var publicHalf = cmpopts.IgnoreFields(fault.Error{}, "Err")

// counting answers with how often it ran.
func counting(_ context.Context, _ *tools.Call, run int64) (any, error) { return number{run}, nil }

// adding adds one to n and answers with the sum.
func adding(ctx context.Context, c *tools.Call, _ int64) (any, error) {
	applied, err := c.Apply(ctx, store.Add("n", 1).StartingAt(0))
	if err != nil {
		return nil, err
	}
	n, _ := applied.Results[0].Value.Int64()
	return number{n}, nil
}

func TestDo_WithoutSessionAndKeyAsksNoStore(t *testing.T) {
	t.Parallel()
	f := fix(t, counting)
	for want := range 2 {
		r, err := f.do(t.Context(), t, "", "")
		wantCode(t, err, "")
		diff(t, fmt.Sprintf(`{"n":%d}`, want), string(r.Value))
	}
	if f.store.applies.Load()+f.store.answers.Load() != 0 {
		t.Error("the store was asked")
	}
}

func TestDo_WithoutSessionUnderAKey(t *testing.T) {
	t.Parallel()
	f := fix(t, counting)
	first, err := f.do(t.Context(), t, "", "key")
	wantCode(t, err, "")
	second, err := f.do(t.Context(), t, "", "key")
	wantCode(t, err, "")
	diff(t, `{"n":0}`, string(first.Value))
	diff(t, string(first.Value), string(second.Value))
	if first.Replayed || !second.Replayed || first.ExecutionID != second.ExecutionID || f.runs.Load() != 1 {
		t.Errorf("%+v, then %+v, in %d runs", first, second, f.runs.Load())
	}
	other, err := f.do(t.Context(), t, "", "another key")
	wantCode(t, err, "")
	if other.ExecutionID == first.ExecutionID || other.Replayed {
		t.Errorf("another key got %+v", other)
	}
	run, prepareErr := f.engine.Prepare(t.Context(), tools.Invocation{Owner: "owner", Tool: f.tool, Key: "key"})
	if prepareErr != nil {
		t.Fatal(prepareErr)
	}
	_, doErr := run.Do(t.Context())
	wantCode(t, fault.From(doErr), fault.IdempotencyKeyReused)
}

func TestDo_TwinsUnderOneKeyGetTheAnswerStoredFirst(t *testing.T) {
	t.Parallel()
	for _, session := range []string{"", "session"} {
		var f *fixture
		f = fix(t, func(ctx context.Context, _ *tools.Call, run int64) (any, error) {
			if run == 0 { // while the first runs, its twin comes and is done first
				if _, err := f.do(ctx, t, session, "key"); err != nil {
					t.Error(err)
				}
			}
			return number{run}, nil
		})
		r, err := f.do(t.Context(), t, session, "key")
		wantCode(t, err, "")
		if !r.Replayed || string(r.Value) != `{"n":1}` {
			t.Errorf("in session %q: %s, replayed %t", session, r.Value, r.Replayed)
		}
		if session != "" && f.commands(t) != 1 {
			t.Errorf("%d executions counted", f.commands(t))
		}
	}
}

// endings are ways for a tool to fail, and whether a repetition under the
// same key gets the same answer without running the tool.
var endings = []struct {
	name   string
	err    error
	code   fault.Code
	stored bool
}{
	{"a violation", tools.Refuse("/x", fault.TypeMismatch, "Not so."), fault.TypeMismatch, true},
	{"facts", &fault.Error{
		Code: fault.ConstraintViolation, Detail: "no", RetryAfter: time.Second,
		Facts: fault.Facts{Position: new(0), ErrorType: "NameError", Suggestions: []string{"a"}},
	}, fault.ConstraintViolation, true},
	{"a quota", &fault.Error{Code: fault.VariableQuotaExceeded, Facts: fault.Facts{Limit: 1, Current: 2}}, fault.VariableQuotaExceeded, true},
	{"a bare code", fault.VariableNotFound, fault.VariableNotFound, true},
	{"a wrapped fault", fmt.Errorf("so: %w", fault.New(fault.CounterOverflow, "too much")), fault.CounterOverflow, true},
	{"a bad value", &fault.Error{Code: fault.ToolFailed, Facts: fault.Facts{ErrorType: tools.ValueError}}, fault.ToolFailed, true},
	{"a failure", &fault.Error{Code: fault.ToolFailed, Facts: fault.Facts{ErrorType: "RuntimeError"}}, fault.ToolFailed, false},
	{"an unavailable service", fault.New(fault.StoreUnavailable, "not now"), fault.StoreUnavailable, false},
	{"a deadline", fault.New(fault.DeadlineExceeded, "too late"), fault.DeadlineExceeded, false},
	{"an unknown error", errors.New("secret"), fault.Internal, false},
	{"somebody's deadline", context.DeadlineExceeded, fault.Internal, false},
}

func TestDo_FailuresAreCountedAndFinalOnesStored(t *testing.T) {
	t.Parallel()
	for _, stateful := range []bool{false, true} {
		for _, e := range endings {
			t.Run(fmt.Sprintf("%s, stateful %t", e.name, stateful), func(t *testing.T) {
				t.Parallel()
				var opts []tools.Option
				if stateful {
					opts = append(opts, tools.InSession())
				}
				f := fix(t, func(context.Context, *tools.Call, int64) (any, error) { return nil, e.err }, opts...)
				first, firstErr := f.do(t.Context(), t, "session", "key")
				second, secondErr := f.do(t.Context(), t, "session", "key")
				wantCode(t, firstErr, e.code)
				if d := cmp.Diff(firstErr, secondErr, publicHalf); d != "" {
					t.Errorf("the repetition fails otherwise (-first +second):\n%s", d)
				}
				if first.Replayed || second.Replayed != e.stored || f.commands(t) != 1 {
					t.Errorf("replayed %t then %t, %d counted", first.Replayed, second.Replayed, f.commands(t))
				}
				want := int64(2)
				if e.stored && !stateful {
					want = 1 // a stateful tool runs, and only then its token is looked at
				}
				diff(t, want, f.runs.Load())
				if _, err := f.do(t.Context(), t, "session", ""); codeOf(err) != e.code {
					t.Errorf("without a key: %v", err)
				}
				if f.commands(t) != 2 {
					t.Errorf("%d executions counted, want 2", f.commands(t))
				}
				if strings.Contains(firstErr.Detail, "secret") {
					t.Error("a private cause is shown")
				}
				if (e.code == fault.Internal) != strings.Contains(f.log.String(), "an execution failed") {
					t.Errorf("log: %s", f.log)
				}
			})
		}
	}
}

func TestDo_SurvivesPanics(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]script{
		"at once": func(context.Context, *tools.Call, int64) (any, error) { panic("secret") },
		"in a map": func(context.Context, *tools.Call, int64) (any, error) {
			var m map[string]int
			m["secret"] = 1
			return nil, nil
		},
		"of an error": func(context.Context, *tools.Call, int64) (any, error) { panic(errors.New("secret")) },
	} {
		for _, opts := range [][]tools.Option{nil, {tools.InSession()}} {
			t.Run(fmt.Sprint(name, len(opts)), func(t *testing.T) {
				t.Parallel()
				f := fix(t, do, opts...)
				r, err := f.do(t.Context(), t, "session", "")
				wantCode(t, err, fault.ToolPanic)
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("the panic is shown: %v", err)
				}
				if log := f.log.String(); !strings.Contains(log, r.ExecutionID) || !strings.Contains(log, "engine_test.go") {
					t.Errorf("log without execution or stack: %s", log)
				}
				if f.commands(t) != 1 {
					t.Errorf("%d executions counted", f.commands(t))
				}
			})
		}
	}
}

func TestDo_RefusesResultsThatAreNoJSON(t *testing.T) {
	t.Parallel()
	for _, v := range []any{math.NaN(), math.Inf(1), map[string]any{"f": func() {}}, make(chan int), "\xff"} {
		f := fix(t, func(context.Context, *tools.Call, int64) (any, error) { return v, nil })
		_, err := f.do(t.Context(), t, "", "")
		wantCode(t, err, fault.Internal)
	}
}

func TestDo_ToolsThatNeedNoSessionAreCountedBeforeTheyRun(t *testing.T) {
	t.Parallel()
	var f *fixture
	f = fix(t, func(context.Context, *tools.Call, int64) (any, error) { return number{f.commands(t)}, nil })
	r, err := f.do(t.Context(), t, "session", "")
	wantCode(t, err, "")
	diff(t, `{"n":1}`, string(r.Value))

	_, err = f.do(t.Context(), t, "no-such-session", "")
	wantCode(t, err, fault.SessionNotFound)
	if f.runs.Load() != 1 {
		t.Error("it ran in a session that is not there")
	}
}

func TestDo_LargeAnswersAreNotStored(t *testing.T) {
	t.Parallel()
	for _, session := range []string{"", "session"} {
		f := fix(t, func(_ context.Context, _ *tools.Call, run int64) (any, error) {
			return fmt.Sprint(run, strings.Repeat("x", store.MaxAnswer)), nil
		})
		for range 2 {
			r, err := f.do(t.Context(), t, session, "key")
			wantCode(t, err, "")
			if r.Replayed || len(r.Value) < store.MaxAnswer {
				t.Errorf("%d bytes, replayed %t", len(r.Value), r.Replayed)
			}
		}
		if f.runs.Load() != 2 {
			t.Errorf("it ran %d times", f.runs.Load())
		}
	}
}
