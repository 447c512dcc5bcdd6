package toolstest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/value"
)

func testCounting(t *testing.T, s Subject, tool tools.Tool) {
	for _, e := range tool.Info().Examples {
		b := newBench(t, s)
		for n := int64(1); n <= 3; n++ {
			_, err := b.call(t.Context(), 0, b.ref, tool, string(e.Arguments), "")
			switch got := b.commands(t, b.ref); got {
			case n:
			case -1: // the tool ended the session, and from then on there is none
				if n > 1 && fault.CodeOf(asError(err)) != fault.SessionNotFound {
					t.Errorf("%s: after the session's end: %v, want %s", e.Name, err, fault.SessionNotFound)
				}
			default:
				t.Errorf("%s: %d executions are counted, want %d", e.Name, got, n)
			}
		}
	}
}

// testRepetition calls a tool with a key, changes what it read, and calls it
// again on another replica: same answer, one effect, one execution.
func testRepetition(t *testing.T, s Subject, tool tools.Tool) {
	for _, e := range tool.Info().Examples {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, s)
			key := newKey()
			first, firstErr := b.call(t.Context(), 0, b.ref, tool, string(e.Arguments), key)
			alive := b.commands(t, b.ref) >= 0
			if alive {
				b.disturb(t)
			}
			before := b.state(t, alive)
			second, secondErr := b.call(t.Context(), 1, b.ref, tool, string(e.Arguments), key)
			sameAnswer(t, first, second, firstErr, secondErr)
			if diff := cmp.Diff(before, b.state(t, alive), comparison); diff != "" {
				t.Errorf("the repetition changed the session (-before +after):\n%s", diff)
			}
			if got := b.commands(t, b.ref); alive && got != 1 {
				t.Errorf("%d executions are counted, want 1", got)
			}
			if _, err := b.call(t.Context(), 1, b.ref, tool, otherArguments(e), key); err == nil {
				t.Error("the key was taken for another request")
			}
			if tool.Info().RequiresSession {
				return
			}
			key = newKey()
			first, firstErr = b.call(t.Context(), 0, store.Ref{}, tool, string(e.Arguments), key)
			second, secondErr = b.call(t.Context(), 1, store.Ref{}, tool, string(e.Arguments), key)
			sameAnswer(t, first, second, firstErr, secondErr)
		})
	}
}

// otherArguments are the example's in another spelling: another request.
func otherArguments(e tools.ExampleCall) string { return string(e.Arguments) + " " }

func sameAnswer(t *testing.T, first, second tools.Result, firstErr, secondErr *fault.Error) {
	t.Helper()
	if diff := cmp.Diff(string(first.Value), string(second.Value)); diff != "" {
		t.Errorf("answer to the repetition (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(firstErr, secondErr, cmpopts.IgnoreFields(fault.Error{}, "Err")); diff != "" {
		t.Errorf("error of the repetition (-first +second):\n%s", diff)
	}
	if first.ExecutionID != second.ExecutionID || first.Replayed {
		t.Errorf("executions %q and %q, the first replayed: %t", first.ExecutionID, second.ExecutionID, first.Replayed)
	}
	if firstErr == nil && !second.Replayed {
		t.Error("the repetition does not say that it is one")
	}
}

// disturb gives every variable the tool asked for another value, or deletes it
// where it may not have another.
func (b *bench) disturb(t *testing.T) {
	t.Helper()
	names := b.touched()
	if len(names) == 0 {
		return
	}
	snapshot, err := b.Store.Read(t.Context(), b.ref, names...)
	if err != nil {
		t.Fatal(err)
	}
	unit := store.Unit{Write: write()}
	for _, name := range names {
		v := snapshot.Variables[name]
		if v.Constraints != "" || v.Value.Type() == value.Tensor {
			unit.Ops = append(unit.Ops, store.Delete(name))
			continue
		}
		unit.Ops = append(unit.Ops, store.Put(name, other(t, v.Value)))
	}
	if _, err := b.Store.Apply(t.Context(), b.ref, unit); err != nil {
		t.Fatal(err)
	}
}

// other is a value of the same type that no tool gives.
func other(t *testing.T, v value.Value) value.Value {
	t.Helper()
	raw := map[value.Type]string{
		value.Boolean: "true", value.Integer: "-987654321", value.Float: "0.125",
		value.String: `"disturbed"`, value.List: `["disturbed"]`, value.Map: `{"disturbed":true}`,
		value.Choice: `"disturbed"`, value.StringList: `["disturbed"]`, value.IntegerList: "[-987654321]",
		value.FloatList: "[0.125]", value.Embedding: "[0.125]",
	}[v.Type()]
	typ := v.Type()
	if raw == "" {
		typ, raw = value.Integer, "-987654321" // it is not there: then it is an integer as well as anything
	}
	disturbed, found := value.Convert(typ, []byte(raw))
	if found != nil {
		t.Fatal(found)
	}
	return disturbed
}

// state is what the tool can have changed.
func (b *bench) state(t *testing.T, alive bool) map[string]store.Variable {
	t.Helper()
	if !alive {
		return nil
	}
	snapshot, err := b.Store.Read(t.Context(), b.ref, b.touched()...)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.Variables
}

var comparison = cmp.Comparer(func(a, b value.Value) bool { return a == b })
