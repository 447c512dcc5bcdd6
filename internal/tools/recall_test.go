package tools_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/slicing"
	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/value"
)

// cautious fails where the variable is there already, unless it was itself
// who wrote it.
func cautious(ctx context.Context, c *tools.Call, run int64) (any, error) {
	applied, found, err := c.Recall(ctx)
	if err != nil {
		return nil, err
	}
	if !found {
		snapshot, err := c.Read(ctx, "n")
		if err != nil {
			return nil, err
		}
		if _, ok := snapshot.Variables["n"]; ok {
			return nil, fault.New(fault.VariableExists, "taken")
		}
		if applied, err = c.Apply(ctx, store.Put("n", value.Int(run))); err != nil {
			return nil, err
		}
	}
	n, _ := applied.Results[0].Value.Int64()
	return number{n}, nil
}

func TestRecall_AnswersWithTheFirstEffect(t *testing.T) {
	t.Parallel()
	f := fix(t, cautious, tools.InSession())
	for i := range 3 {
		r, err := f.do(t.Context(), t, "session", "key")
		wantCode(t, err, "")
		if string(r.Value) != `{"n":0}` || r.Replayed != (i > 0) {
			t.Errorf("call %d: %s, replayed %t", i, r.Value, r.Replayed)
		}
	}
	diff(t, int64(1), f.commands(t))
	for range 2 { // a refusal is an answer, too
		_, err := f.do(t.Context(), t, "session", "another")
		wantCode(t, err, fault.VariableExists)
	}
	diff(t, int64(2), f.commands(t))
	diff(t, "0", f.variable(t, "n"))
}

func TestRecall_AsksNobodyWithoutAKey(t *testing.T) {
	t.Parallel()
	f := fix(t, cautious, tools.InSession())
	_, err := f.do(t.Context(), t, "session", "")
	wantCode(t, err, "")
	diff(t, int64(1), f.store.applies.Load())
}

func TestRecall_LeavesNothingToApply(t *testing.T) {
	t.Parallel()
	f := fix(t, func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
		if _, _, err := c.Recall(ctx); err != nil {
			return nil, err
		}
		_, err := c.Apply(ctx, store.Add("n", 1).StartingAt(0))
		return nil, err
	}, tools.InSession())
	_, err := f.do(t.Context(), t, "session", "key")
	wantCode(t, err, "")
	_, _ = f.do(t.Context(), t, "session", "key") // the tool is wrong to go on, and panics
	diff(t, "1", f.variable(t, "n"))
}

func TestApply_SaysWhichOperationWasRefused(t *testing.T) {
	t.Parallel()
	f := fix(t, func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
		_, err := c.Apply(ctx, store.Put("a", value.Int(1)), store.Put("b", value.Int(1)).IfVersion(7))
		op, ok := errors.AsType[*store.OpError](err)
		if !ok || op.Index != 1 || op.Err.Code != fault.VersionConflict {
			t.Errorf("refused with %v", err)
		}
		return nil, err
	}, tools.InSession())
	_, err := f.do(t.Context(), t, "session", "")
	wantCode(t, err, fault.VersionConflict)
}

// stagings is a store that counts uploads that wait for a unit.
type stagings struct {
	tools.Store
	open map[string]bool
}

func (s *stagings) Stage(ctx context.Context, ref store.Ref, u store.Upload, index int64, chunk []byte) error {
	s.open[u.ID] = true
	return s.Store.Stage(ctx, ref, u, index, chunk)
}

func (s *stagings) Discard(ctx context.Context, ref store.Ref, u store.Upload) error {
	delete(s.open, u.ID)
	return s.Store.Discard(ctx, ref, u)
}

func TestStageTensor(t *testing.T) {
	t.Parallel()
	elements := bytes.Repeat([]byte("elements"), 200_000) // a chunk and a half
	broken := errors.New("broken")
	give := func(ctx context.Context, c *tools.Call, r io.Reader, then func(store.Content) error) (any, error) {
		content, err := c.StageTensor(ctx, value.I64, []int64{400, 500}, r)
		if err != nil {
			return nil, err
		}
		return nil, then(content)
	}
	for name, tt := range map[string]struct {
		tool func(context.Context, *tools.Call, int64) (any, error)
		code fault.Code
		open int // uploads that are neither taken nor dropped, and the one that was taken
	}{
		"it is given to a variable": {func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
			return give(ctx, c, bytes.NewReader(elements), func(content store.Content) error {
				applied, err := c.Apply(ctx, store.PutContent("t", content))
				if err != nil {
					return err
				}
				d, _ := applied.Results[0].Value.Descriptor()
				got, err := c.ReadTensor(ctx, d)
				if err != nil || !bytes.Equal(got, elements) {
					t.Errorf("%d bytes come back, %v", len(got), err)
				}
				return nil
			})
		}, "", 1},
		"the unit is refused": {func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
			return give(ctx, c, bytes.NewReader(elements), func(content store.Content) error {
				_, err := c.Apply(ctx, store.PutContent("t", content).IfVersion(7))
				return err
			})
		}, fault.VersionConflict, 0},
		"the tool fails": {func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
			return give(ctx, c, bytes.NewReader(elements), func(store.Content) error {
				return fault.New(fault.ToolFailed, "no")
			})
		}, fault.ToolFailed, 0},
		"the tool panics": {func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
			return give(ctx, c, bytes.NewReader(elements), func(store.Content) error { panic("no") })
		}, fault.ToolPanic, 0},
		"the elements end too soon": {func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
			return give(ctx, c, bytes.NewReader(elements[:1<<20+8]), func(store.Content) error { return nil })
		}, fault.Internal, 0},
		"the elements are refused": {func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
			r := io.MultiReader(bytes.NewReader(elements[:1<<20+8]), failing{broken})
			_, err := give(ctx, c, r, func(store.Content) error { return nil })
			if !errors.Is(err, broken) {
				t.Errorf("the reader's error became %v", err)
			}
			return nil, fault.New(fault.ToolFailed, "no")
		}, fault.ToolFailed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fix(t, tt.tool, tools.InSession())
			st := &stagings{Store: f.store, open: map[string]bool{}}
			engine := tools.NewEngine(tools.EngineConfig{Registry: f.engine.Registry(), Store: st})
			run, err := engine.Prepare(t.Context(), tools.Invocation{Owner: f.ref.Owner, SessionID: f.ref.ID, Tool: f.tool})
			if err != nil {
				t.Fatal(err)
			}
			_, err = run.Do(t.Context())
			wantCode(t, fault.From(err), tt.code)
			diff(t, tt.open, len(st.open))
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestCall_LooksBackAndLists(t *testing.T) {
	t.Parallel()
	f := fix(t, func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
		versions, err := c.History(ctx, "n", 0, 10)
		if err != nil {
			return nil, err
		}
		page, err := c.ListVariables(ctx, store.VariableQuery{Limit: 10})
		return []int{len(versions.Items), len(page.Items)}, err
	}, tools.InSession())
	_, err := f.do(t.Context(), t, "session", "")
	wantCode(t, err, fault.VariableNotFound)
	for range 2 {
		if _, err := f.store.Store.Apply(t.Context(), f.ref, store.Unit{Write: minted(), Ops: []store.Op{store.Put("n", value.Int(7))}}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := f.do(t.Context(), t, "session", "")
	wantCode(t, err, "")
	diff(t, `[2,1]`, string(r.Value))
}

func TestInvocation_LockTokenOpensLocks(t *testing.T) {
	t.Parallel()
	f := fix(t, adding, tools.InSession())
	_, err := f.do(t.Context(), t, "session", "")
	wantCode(t, err, "")
	lock := store.AcquireLock("n", store.Lease{Token: "secret", TTL: time.Hour})
	if _, err := f.store.Store.Apply(t.Context(), f.ref, store.Unit{Write: minted(), Ops: []store.Op{lock}}); err != nil {
		t.Fatal(err)
	}
	_, err = f.do(t.Context(), t, "session", "key")
	wantCode(t, err, fault.VariableLocked)
	run, prepared := f.engine.Prepare(t.Context(), tools.Invocation{Owner: f.ref.Owner, SessionID: f.ref.ID, Tool: f.tool, LockToken: "secret"})
	if prepared != nil {
		t.Fatal(prepared)
	}
	_, done := run.Do(t.Context())
	wantCode(t, fault.From(done), "")
	unlock := store.Unit{Write: minted(), Ops: []store.Op{store.ReleaseLock("n")}, LockToken: "secret"}
	if _, err := f.store.Store.Apply(t.Context(), f.ref, unlock); err != nil {
		t.Fatal(err)
	}
	_, err = f.do(t.Context(), t, "session", "key")
	wantCode(t, err, "") // a lock is no verdict: a repetition tries again
}

// TestReadTensor gives a column-major tensor of several chunks in row-major order.
func TestReadTensor(t *testing.T) {
	t.Parallel()
	const rows, columns = 1100, 1000
	kept, want := make([]byte, rows*columns), make([]byte, rows*columns)
	for i := range rows {
		for j := range columns {
			kept[j*rows+i], want[i*columns+j] = byte(i*7+j), byte(i*7+j)
		}
	}
	f := fix(t, func(ctx context.Context, c *tools.Call, _ int64) (any, error) {
		content, err := c.StageTensor(ctx, value.U8, []int64{columns, rows}, bytes.NewReader(kept))
		if err != nil {
			return nil, err
		}
		if _, err := c.Apply(ctx, store.PutContent("t", content)); err != nil {
			return nil, err
		}
		d, _ := content.Value.Descriptor()
		d.Shape, d.Order = []int64{rows, columns}, value.ColumnMajor
		got, err := c.ReadTensor(ctx, d)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes come back, %v", len(got), err)
		}
		d.Bytes = slicing.MaxTurned + 1
		if _, err := c.ReadTensor(ctx, d); fault.CodeOf(err) != fault.ConstraintViolation {
			t.Errorf("a large tensor is read: %v", err)
		}
		return nil, nil
	}, tools.InSession())
	run, err := f.engine.Prepare(t.Context(), tools.Invocation{Owner: f.ref.Owner, SessionID: f.ref.ID, Tool: f.tool})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.Do(t.Context()); err != nil {
		t.Error(err)
	}
}
