package tools_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/value"
)

func TestStateful_OneEffectAndOneRoundTrip(t *testing.T) {
	t.Parallel()
	f := fix(t, adding, tools.InSession())
	for _, key := range []string{"a", "a", "b", "", ""} {
		_, err := f.do(t.Context(), t, "session", key)
		wantCode(t, err, "")
	}
	diff(t, "4", f.variable(t, "n"))
	diff(t, int64(4), f.commands(t))
	diff(t, int64(5), f.store.applies.Load())
	r, err := f.do(t.Context(), t, "session", "a")
	wantCode(t, err, "")
	if !r.Replayed || string(r.Value) != `{"n":1}` {
		t.Errorf("%s, replayed %t", r.Value, r.Replayed)
	}
}

func TestStateful_MemosComeBack(t *testing.T) {
	t.Parallel()
	f := fix(t, func(ctx context.Context, c *tools.Call, run int64) (any, error) {
		applied, err := c.ApplyWith(ctx, []byte{byte('0' + run)}, store.Put("n", value.Int(run)))
		return string(applied.Memo), err
	}, tools.InSession())
	for range 2 {
		r, err := f.do(t.Context(), t, "session", "key")
		wantCode(t, err, "")
		diff(t, `"0"`, string(r.Value))
	}
}

func TestStateful_AnswersWithoutAnEffectAreCountedAndStored(t *testing.T) {
	t.Parallel()
	f := fix(t, func(ctx context.Context, c *tools.Call, run int64) (any, error) {
		_, err := c.Read(ctx, "n")
		return number{run}, err
	}, tools.InSession())
	for _, want := range []string{`{"n":0}`, `{"n":0}`} {
		r, err := f.do(t.Context(), t, "session", "key")
		wantCode(t, err, "")
		diff(t, want, string(r.Value))
	}
	diff(t, int64(1), f.commands(t))

	f.remove(t)
	r, err := f.do(t.Context(), t, "session", "key")
	wantCode(t, err, "") // the answer outlives the session
	diff(t, `{"n":0}`, string(r.Value))
	_, err = f.do(t.Context(), t, "session", "another")
	wantCode(t, err, fault.SessionNotFound)
}

func TestStateful_ARefusedUnitIsTheAnswer(t *testing.T) {
	t.Parallel()
	f := fix(t, func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
		_, err := c.Apply(ctx, store.Put("n", value.Int(1)).IfVersion(0))
		return nil, err
	}, tools.InSession())
	if _, err := f.store.Store.Apply(t.Context(), f.ref, store.Unit{Write: minted(), Ops: []store.Op{store.Put("n", value.Int(7))}}); err != nil {
		t.Fatal(err)
	}
	_, first := f.do(t.Context(), t, "session", "key")
	wantCode(t, first, fault.VersionConflict)
	// Now it would be possible; but the request has been answered.
	if _, err := f.store.Store.Apply(t.Context(), f.ref, store.Unit{Write: minted(), Ops: []store.Op{store.Delete("n")}}); err != nil {
		t.Fatal(err)
	}
	r, second := f.do(t.Context(), t, "session", "key")
	wantCode(t, second, fault.VersionConflict)
	if !r.Replayed || second.Facts.CurrentVersion != first.Facts.CurrentVersion || first.Facts.CurrentVersion != 1 {
		t.Errorf("replayed %t, first %+v, second %+v", r.Replayed, first, second)
	}
	diff(t, int64(1), f.commands(t))
	diff(t, "", f.variable(t, "n"))
}

func TestStateful_AStoredAnswerWinsWhateverTheToolSays(t *testing.T) {
	t.Parallel()
	for name, afterApply := range map[string]func(error) (any, error){
		"it hides the error":  func(error) (any, error) { return number{99}, nil },
		"it says otherwise":   func(error) (any, error) { return nil, fault.New(fault.VariableNotFound, "gone") },
		"it wraps the error":  func(err error) (any, error) { return nil, errors.Join(errors.New("so"), err) },
		"it panics":           func(error) (any, error) { panic("no") },
		"it passes the error": func(err error) (any, error) { return nil, err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fix(t, func(ctx context.Context, c *tools.Call, run int64) (any, error) {
				if run == 0 {
					return number{0}, nil
				}
				_, err := c.Apply(ctx, store.Add("n", 1).StartingAt(0))
				return afterApply(err)
			}, tools.InSession())
			_, err := f.do(t.Context(), t, "session", "key")
			wantCode(t, err, "")
			r, err := f.do(t.Context(), t, "session", "key")
			wantCode(t, err, "")
			if !r.Replayed || string(r.Value) != `{"n":0}` {
				t.Errorf("%s, replayed %t", r.Value, r.Replayed)
			}
			diff(t, "", f.variable(t, "n"))
		})
	}
}

func TestStateful_ATwinsEffectIsTaken(t *testing.T) {
	t.Parallel()
	var f *fixture
	f = fix(t, func(ctx context.Context, c *tools.Call, run int64) (any, error) {
		if run == 0 { // the first finds nothing to do, but meanwhile its twin did
			if _, err := f.do(ctx, t, "session", "key"); err != nil {
				t.Error(err)
			}
			return number{-1}, nil
		}
		return adding(ctx, c, run)
	}, tools.InSession())
	r, err := f.do(t.Context(), t, "session", "key")
	wantCode(t, err, "")
	if !r.Replayed || string(r.Value) != `{"n":1}` {
		t.Errorf("%s, replayed %t", r.Value, r.Replayed)
	}
	diff(t, "1", f.variable(t, "n"))
	diff(t, int64(1), f.commands(t))
}

func TestStateful_ApplyingTwiceIsAMistake(t *testing.T) {
	t.Parallel()
	f := fix(t, func(ctx context.Context, c *tools.Call, run int64) (any, error) {
		if _, err := adding(ctx, c, run); err != nil {
			return nil, err
		}
		return adding(ctx, c, run)
	}, tools.InSession())
	_, err := f.do(t.Context(), t, "session", "")
	wantCode(t, err, fault.ToolPanic)
	diff(t, "1", f.variable(t, "n"))
	diff(t, int64(1), f.commands(t))

	f = fix(t, adding) // and so is doing it without having said InSession
	_, err = f.do(t.Context(), t, "session", "")
	wantCode(t, err, fault.ToolPanic)
}

func TestStateful_AnEndedSessionEndsTheExecution(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]script{
		"after reading": func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
			_, _ = c.Read(ctx, "n")
			return number{1}, nil
		},
		"after writing": func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
			_, _ = c.Apply(ctx, store.Add("n", 1))
			return number{1}, nil
		},
		"after nothing": counting,
		"after failing": func(context.Context, *tools.Call, int64) (any, error) { return nil, errors.New("no") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fix(t, do, tools.InSession())
			f.remove(t)
			for _, key := range []string{"", "key"} {
				_, err := f.do(t.Context(), t, "session", key)
				wantCode(t, err, fault.SessionNotFound)
			}
		})
	}
}

func TestStateful_OutagesAreNotSettled(t *testing.T) {
	t.Parallel()
	for _, code := range []fault.Code{fault.StoreUnavailable, fault.OutcomeUnknown, fault.StoreFull} {
		f := fix(t, func(ctx context.Context, c *tools.Call, run int64) (any, error) {
			_, _ = adding(ctx, c, run)
			return number{5}, nil // whatever it says
		}, tools.InSession())
		f.store.onApply = func(context.Context, store.Unit) error { return fault.New(code, "no") }
		_, err := f.do(t.Context(), t, "session", "key")
		wantCode(t, err, code)
		diff(t, int64(1), f.store.applies.Load())
	}
	f := fix(t, func(ctx context.Context, c *tools.Call, run int64) (any, error) {
		_, _ = c.Read(ctx, "n")
		return number{5}, nil
	}, tools.InSession())
	f.store.onRead = func() error { return fault.New(fault.StoreUnavailable, "no") }
	_, err := f.do(t.Context(), t, "session", "")
	wantCode(t, err, fault.StoreUnavailable)
	diff(t, int64(0), f.store.applies.Load())
}

func TestStateful_WhenSettlingFails(t *testing.T) {
	t.Parallel()
	mistake := fault.New(fault.VariableNotFound, "no")
	failure := &fault.Error{Code: fault.ToolFailed, Facts: fault.Facts{ErrorType: "RuntimeError"}}
	for _, tt := range []struct {
		name   string
		tool   error
		key    string
		settle fault.Code
		want   fault.Code
	}{
		{"a success must have been counted", nil, "", fault.StoreUnavailable, fault.StoreUnavailable},
		{"an error without a key stands", mistake, "", fault.StoreUnavailable, fault.VariableNotFound},
		{"a promise that cannot be kept is not given", mistake, "key", fault.StoreUnavailable, fault.StoreUnavailable},
		{"no promise, no matter", failure, "key", fault.StoreUnavailable, fault.ToolFailed},
		{"the session is gone", mistake, "", fault.SessionExpired, fault.SessionExpired},
		{"the session is frozen", nil, "", fault.SessionReadOnly, fault.SessionReadOnly},
		{"the key is another's", failure, "key", fault.IdempotencyKeyReused, fault.IdempotencyKeyReused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := fix(t, func(context.Context, *tools.Call, int64) (any, error) { return number{1}, tt.tool }, tools.InSession())
			f.store.onApply = func(context.Context, store.Unit) error { return fault.New(tt.settle, "settling") }
			_, err := f.do(t.Context(), t, "session", tt.key)
			wantCode(t, err, tt.want)
		})
	}
}

func TestStateful_TheStoresDeadlineIsSaid(t *testing.T) {
	t.Parallel()
	f := fix(t, adding, tools.InSession())
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := f.do(ctx, t, "session", "key")
	wantCode(t, err, fault.DeadlineExceeded)
	diff(t, "store", err.Facts.Phase)
	diff(t, int64(1), f.commands(t)) // counted in spite of all
	_, err = f.do(t.Context(), t, "session", "key")
	wantCode(t, err, "")
	diff(t, int64(1), f.commands(t))
	diff(t, "1", f.variable(t, "n"))
}

// fated is a context whose end the test brings about.
type fated struct {
	context.Context
	done chan struct{}
	err  error
}

func (f fated) Done() <-chan struct{} { return f.done }

func (f fated) Err() error {
	select {
	case <-f.done:
		return f.err
	default:
		return nil
	}
}

func TestDo_SaysWhoRanOutOfTime(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]tools.Option{nil, {tools.InSession()}} {
		for cause, code := range map[error]fault.Code{
			context.DeadlineExceeded: fault.DeadlineExceeded, context.Canceled: fault.Cancelled,
		} {
			end := fated{Context: t.Context(), done: make(chan struct{}), err: cause}
			f := fix(t, func(ctx context.Context, _ *tools.Call, _ int64) (any, error) {
				close(end.done)
				<-ctx.Done()
				return nil, ctx.Err()
			}, opts...)
			_, err := f.do(end, t, "session", "key")
			wantCode(t, err, code)
			if code == fault.DeadlineExceeded {
				diff(t, "tool", err.Facts.Phase)
			}
			diff(t, int64(1), f.commands(t))
		}
	}
}

func TestDo_SettlesWhenTheClientHasGone(t *testing.T) {
	t.Parallel()
	f := fix(t, counting, tools.InSession())
	f.store.onApply = func(ctx context.Context, _ store.Unit) error { return ctx.Err() }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.do(ctx, t, "session", "")
	wantCode(t, err, "")
	diff(t, int64(1), f.commands(t))
}

func TestDo_BlamesTheStoreForItsSilenceAfterwards(t *testing.T) {
	t.Parallel()
	f := fix(t, counting, tools.InSession())
	f.store.onApply = func(context.Context, store.Unit) error { return fault.New(fault.StoreUnavailable, "no") }
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := f.do(ctx, t, "session", "")
	wantCode(t, err, fault.StoreUnavailable)
}
