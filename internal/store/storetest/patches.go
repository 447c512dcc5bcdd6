package storetest

import (
	"context"
	"fmt"
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// testPatches is about changes of constraints and metadata.
func testPatches(t *testing.T, open opener) {
	bounded := func(t *testing.T, s *subject) store.Ref {
		t.Helper()
		return s.create(t, lifetime, store.CreateContent("a", store.Content{
			Value: number(5), Constraints: []byte(`{"max":10,"min":0}`), Metadata: []byte(`{"k":{"x":1,"y":2},"unit":"m"}`),
		}))
	}

	for _, c := range []struct {
		name                  string
		constraints, metadata string
		wantConstraints       string
		wantMetadata          string
		kind                  store.ChangeKind
	}{
		{"constraints are merged", `{"max":7}`, "", `{"max":7,"min":0}`, `{"k":{"x":1,"y":2},"unit":"m"}`, store.ConstraintChanged},
		{"null takes a constraint away", `{"max":null}`, "", `{"min":0}`, `{"k":{"x":1,"y":2},"unit":"m"}`, store.ConstraintChanged},
		{"the last constraint can go", `{"max":null,"min":null}`, "", "", `{"k":{"x":1,"y":2},"unit":"m"}`, store.ConstraintChanged},
		{"the same constraints are no change of them", `{"max":1e1}`, "", `{"max":10,"min":0}`, `{"k":{"x":1,"y":2},"unit":"m"}`, store.ValueChanged},
		{"metadata are merged", "", `{"n":1,"k":{"y":3}}`, `{"max":10,"min":0}`, `{"k":{"x":1,"y":3},"n":1,"unit":"m"}`, store.ValueChanged},
		{"null takes metadata away", "", `{"k":{"x":null},"unit":null}`, `{"max":10,"min":0}`, `{"k":{"y":2}}`, store.ValueChanged},
		{"the last metadata can go", "", `{"k":null,"unit":null}`, `{"max":10,"min":0}`, "", store.ValueChanged},
		{"both can change at once", `{"min":5}`, `{"k":null}`, `{"max":10,"min":5}`, `{"unit":"m"}`, store.ConstraintChanged},
		{"a patch of nothing is a write", "", "", `{"max":10,"min":0}`, `{"k":{"x":1,"y":2},"unit":"m"}`, store.ValueChanged},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref := bounded(t, s)
			old := s.read(t, ref, "a").Variables["a"]
			u := store.Unit{Write: keyed("key", "request"), Ops: []store.Op{store.Patch("a", given(c.constraints), given(c.metadata)).IfVersion(1)}}
			u.By = "patcher"
			applied := s.applyUnit(t, ref, u)
			want := store.Variable{
				Name: "a", Value: number(5), Version: 2, Created: old.Created, Updated: applied.At, By: "patcher",
				Constraints: c.wantConstraints, Metadata: c.wantMetadata,
			}
			wantEqual(t, "result", applied.Results, []store.Result{{Variable: want, Existed: true}})
			wantEqual(t, "variable as read", s.read(t, ref, "a").Variables["a"], want)
			s.wantReplay(t, ref, u, applied)
			wantEqual(t, "last change", s.changes(t, ref)[1:], []store.Change{{
				Seq: 2, At: applied.At, By: "patcher", Items: []store.ChangeItem{{Kind: c.kind, Name: "a", Version: 2}},
			}})
			past := s.history(t, ref, "a", 2, 10)
			if len(past) != 1 || past[0].Version != 1 || past[0].Metadata != old.Metadata || past[0].By != "storetest" {
				t.Errorf("the history is %+v", past)
			}
		})
	}

	for name, c := range map[string]struct {
		constraints, metadata string
		code                  fault.Code
		pointers              []string
	}{
		"constraints that the value violates":  {`{"max":4}`, "", fault.ConstraintViolation, []string{"/constraints/max"}},
		"constraints that contradict":          {`{"min":11}`, "", fault.InvalidConstraints, []string{"/constraints/min"}},
		"unknown constraints":                  {`{"pattern":"x"}`, "", "", []string{"/constraints/pattern"}},
		"constraints that are no object":       {`[1]`, "", "", []string{"/constraints"}},
		"constraints that are no JSON":         {`{"max"`, "", "", []string{"/constraints"}},
		"metadata that are no object":          {"", `"x"`, fault.TypeMismatch, []string{"/metadata"}},
		"metadata that are no JSON":            {"", `{"x"`, fault.TypeMismatch, []string{"/metadata"}},
		"bad metadata beside good constraints": {`{"max":9}`, `[]`, fault.TypeMismatch, []string{"/metadata"}},
	} {
		t.Run("a patch with "+name+" changes nothing", func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref := bounded(t, s)
			before := s.look(t, ref, "a")
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Ops: []store.Op{store.Patch("a", given(c.constraints), given(c.metadata))}})
			f := fault.From(err)
			if err == nil || c.code != "" && f.Code != c.code || f.Code == fault.Internal {
				t.Fatalf("got error %v, want %s", err, c.code)
			}
			wantEqual(t, "pointers", pointers(f), c.pointers)
			wantEqual(t, "session after the refusal", s.look(t, ref, "a"), before)
		})
	}

	t.Run("only what is there can be patched", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := bounded(t, s)
		s.refuse(t, ref, fault.VariableNotFound, store.Patch("missing", []byte(`{"max":1}`), nil))
		s.refuse(t, ref, fault.VersionConflict, store.Patch("a", []byte(`{"max":9}`), nil).IfVersion(2))
		s.apply(t, ref, store.Delete("a"))
		s.refuse(t, ref, fault.VariableNotFound, store.Patch("a", nil, []byte(`{}`)))
	})

	t.Run("a value and constraints that race never disagree", func(t *testing.T) {
		const writers, patchers, readers, steps = 3, 3, 2, 40
		s := newSubject(t, open, store.Config{})
		ref := bounded(t, s)
		watch := func(ctx context.Context) error { return s.watchBounds(ctx, ref) }
		whileRead(t, readers, watch, writers+patchers, func(i int64) error {
			return s.sway(t.Context(), ref, steps, func(step int64) store.Op {
				if i >= writers {
					return store.Patch("a", fmt.Appendf(nil, `{"max":%d}`, (step*5+(i-writers)*3)%21), nil)
				}
				switch value := (step*7 + i*5) % 21; step % 3 {
				case 0:
					return store.Put("a", number(value))
				case 1:
					return store.PutContent("a", store.Content{JSON: fmt.Append(nil, value)})
				default:
					return store.Add("a", value-10)
				}
			})
		})
		wantNoError(t, keeps(s.read(t, ref, "a").Variables["a"]))
		if v := s.read(t, ref, "a").Variables["a"]; v.Version < 2 || v.Version > (writers+patchers)*steps+1 || v.Version != s.get(t, ref).Seq {
			t.Errorf("version %d", v.Version)
		}
	})
}

// given returns the bytes of a text, nil for "".
func given(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}

// sway applies operations, any of which may violate constraints.
func (s *subject) sway(ctx context.Context, ref store.Ref, steps int64, op func(step int64) store.Op) error {
	for step := range steps {
		applied, err := s.insist(ctx, ref, store.Unit{Write: minted(), Ops: []store.Op{op(step)}})
		if err == nil {
			err = keeps(applied.Results[0].Variable)
		} else if code := fault.CodeOf(err); code == fault.ConstraintViolation || code == fault.InvalidConstraints {
			err = nil // a patch that contradicts the minimum is invalid
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// watchBounds reads until ctx ends and reports a variable that violates the
// constraints it has.
func (s *subject) watchBounds(ctx context.Context, ref store.Ref) error {
	for {
		snapshot, err := retried(func() (store.Snapshot, error) { return s.Read(ctx, ref, "a") })
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = keeps(snapshot.Variables["a"])
		}
		if err != nil {
			return err
		}
	}
}

// keeps reports a variable that violates its constraints.
func keeps(v store.Variable) error {
	c, err := store.ConstraintsOf(v)
	if err != nil {
		return err
	}
	if found := c.Check(v.Value); found != nil {
		return fmt.Errorf("version %d is %s under %s: %v", v.Version, v.Value.JSON(), v.Constraints, found)
	}
	return nil
}
