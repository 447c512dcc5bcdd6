package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

func testVariables(t *testing.T, open opener) {
	t.Run("a written variable reads as it was written", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		w := minted()
		w.By = "the writer"
		applied := s.applyUnit(t, ref, store.Unit{Write: w, Ops: []store.Op{store.Put("a", text("x"))}})
		want := store.Variable{Name: "a", Value: text("x"), Version: 1, Created: applied.At, Updated: applied.At, By: "the writer"}
		wantEqual(t, "result", applied.Results, []store.Result{{Variable: want}})
		wantEqual(t, "variable as read", s.read(t, ref, "a").Variables, map[string]store.Variable{"a": want})
	})

	t.Run("a variable written again keeps its time of creation", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		first := s.apply(t, ref, store.Put("a", text("x")))
		s.clock.Advance(time.Second)
		w := minted()
		w.By = "another"
		second := s.applyUnit(t, ref, store.Unit{Write: w, Ops: []store.Op{store.Put("a", text("y"))}})
		want := store.Variable{Name: "a", Value: text("y"), Version: 2, Created: first.At, Updated: second.At, By: "another"}
		wantEqual(t, "result", second.Results, []store.Result{{Variable: want, Existed: true}})
		wantEqual(t, "variable as read", s.read(t, ref, "a").Variables, map[string]store.Variable{"a": want})
		if second.At.Sub(first.At) < time.Second {
			t.Errorf("the units are %v apart, want at least a second", second.At.Sub(first.At))
		}
	})

	t.Run("a variable created again goes on counting versions and nothing else", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", text("x")))
		s.apply(t, ref, store.Put("a", text("y")))
		deleted := s.apply(t, ref, store.Delete("a"))
		wantEqual(t, "result of the deletion", deleted.Results, []store.Result{{Variable: store.Variable{Name: "a"}, Existed: true}})
		wantEqual(t, "variables after the deletion", s.values(t, ref, "a"), map[string]string{})
		deleted = s.apply(t, ref, store.Delete("a"))
		wantEqual(t, "result of deleting nothing", deleted.Results, []store.Result{{Variable: store.Variable{Name: "a"}}})

		s.clock.Advance(time.Second)
		again := s.apply(t, ref, store.Put("a", number(7))) // the type is free
		want := store.Variable{Name: "a", Value: number(7), Version: 3, Created: again.At, Updated: again.At, By: "storetest"}
		wantEqual(t, "result", again.Results, []store.Result{{Variable: want}})
		wantEqual(t, "variable as read", s.read(t, ref, "a").Variables, map[string]store.Variable{"a": want})
	})

	t.Run("every way to create a variable goes on counting versions", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		for _, op := range []store.Op{
			store.Put("a", number(1)), store.Create("a", number(1)), store.Ensure("a", number(1)), store.Add("a", 1).StartingAt(0),
		} {
			ref := s.create(t, lifetime, store.Put("a", text("x")))
			s.apply(t, ref, store.Delete("a"))
			if r := s.apply(t, ref, op).Results[0]; r.Version != 2 || r.Existed || r.Value != number(1) {
				t.Errorf("%c gave version %d, existed %v, value %s, want 2, false, 1", op.Kind, r.Version, r.Existed, r.Value.JSON())
			}
			if r := s.apply(t, ref, store.Put("a", number(2))).Results[0]; r.Version != 3 || !r.Existed {
				t.Errorf("after %c: version %d, existed %v, want 3, true", op.Kind, r.Version, r.Existed)
			}
		}
	})

	t.Run("a living variable keeps its type", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		of := map[value.Type]value.Value{}
		for _, raw := range []string{"true", "1", "1.5", `"1"`, "[1]", `{"a":1}`} {
			v := parsed(t, raw)
			of[v.Type()] = v
		}
		for has, v := range of {
			ref := s.create(t, lifetime, store.Put("a", v))
			for given, other := range of {
				if given != has {
					s.refuse(t, ref, fault.TypeMismatch, store.Put("a", other))
				}
			}
			if got := s.read(t, ref, "a").Variables["a"]; got.Value != v || got.Version != 1 {
				t.Errorf("the %v became %s of version %d", has, got.Value.JSON(), got.Version)
			}
			s.apply(t, ref, store.Put("a", v))
		}
	})

	t.Run("create takes a free name only", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		if r := s.apply(t, ref, store.Create("a", number(1))).Results[0]; r.Version != 1 || r.Existed {
			t.Errorf("version %d, existed %v, want a first version", r.Version, r.Existed)
		}
		s.refuse(t, ref, fault.VariableExists, store.Create("a", number(2)))
		wantEqual(t, "variables", s.values(t, ref, "a"), map[string]string{"a": "1"})
	})

	t.Run("ensure leaves what is there, whatever its type", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		first := s.apply(t, ref, store.Ensure("a", number(1)))
		if r := first.Results[0]; r.Version != 1 || r.Existed || r.Value != number(1) {
			t.Errorf("version %d, existed %v, value %s, want a new 1", r.Version, r.Existed, r.Value.JSON())
		}
		s.clock.Advance(time.Second)
		for _, v := range []value.Value{number(2), text("two")} {
			again := s.apply(t, ref, store.Ensure("a", v))
			want := first.Results[0]
			want.Existed = true
			wantEqual(t, "result", again.Results, []store.Result{want})
		}
		wantEqual(t, "variable as read", s.read(t, ref, "a").Variables["a"], first.Results[0].Variable)
	})

	t.Run("load sees the session after the unit", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		want := s.read(t, ref, "a").Variables["a"]
		got := s.apply(t, ref, store.Load("a"), store.Load("missing"), store.Put("b", number(2)))
		wantEqual(t, "results", got.Results[:2], []store.Result{
			{Variable: want, Existed: true}, {Variable: store.Variable{Name: "missing"}},
		})
		if got.Variables != 2 {
			t.Errorf("%d variables after the unit, want 2", got.Variables)
		}
	})

	t.Run("a part of a read ends where it has enough bytes", func(t *testing.T) {
		t.Parallel()
		const size = 10_000
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		long := text(strings.Repeat("x", size))
		for _, name := range []string{"a", "b", "c", "d", "gone"} {
			s.apply(t, ref, store.Put(name, long))
		}
		s.apply(t, ref, store.Delete("gone"))
		names := []string{"b", "missing", "a", "gone", "c", "d"}
		all := s.read(t, ref, names...)
		if all.Left != 0 || all.LeftBytes != 0 || all.Seq != 6 {
			t.Errorf("a whole read left %d with %d bytes, at change %d", all.Left, all.LeftBytes, all.Seq)
		}
		for _, c := range []struct {
			bytes int64
			want  []string
			left  int64 // variables that exist, of those left
		}{
			{0, []string{"b"}, 3},
			{size - 100, []string{"b"}, 3},
			{size + 1000, []string{"b", "missing", "a"}, 2},
			{2*size + 1000, []string{"b", "missing", "a", "gone", "c"}, 1},
			{3*size + 1000, names, 0},
			{4*size + 1000, names, 0},
		} {
			got, err := s.ReadPart(t.Context(), ref, c.bytes, names...)
			wantNoError(t, err)
			want := map[string]store.Variable{}
			for _, name := range c.want {
				if v, ok := all.Variables[name]; ok {
					want[name] = v
				}
			}
			wantEqual(t, fmt.Sprintf("read of %d bytes", c.bytes), got.Variables, want)
			if got.Left != len(names)-len(c.want) || got.Epoch != all.Epoch || got.Seq != all.Seq {
				t.Errorf("a read of %d bytes left %d names of %v: %+v", c.bytes, got.Left, names, got.Seq)
			}
			if got.LeftBytes < c.left*size || got.LeftBytes > c.left*size+int64(got.Left)*200 {
				t.Errorf("a read of %d bytes left %d bytes, want those of %d variables", c.bytes, got.LeftBytes, c.left)
			}
		}
		none, err := s.ReadPart(t.Context(), ref, 0)
		wantNoError(t, err)
		if len(none.Variables) != 0 || none.Left != 0 {
			t.Errorf("a part of nothing is %+v", none)
		}
	})

	t.Run("a read returns what exists, at one instant", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)), store.Put("b", number(2)), store.Put("c", number(3)))
		s.applyUnit(t, ref, store.Unit{Write: minted(), Count: true})
		before := s.now(t)
		snapshot := s.read(t, ref, "c", "a", "missing")
		after := s.now(t)
		if len(snapshot.Variables) != 2 || snapshot.Variables["a"].Value != number(1) || snapshot.Variables["c"].Value != number(3) {
			t.Errorf("read %v, want a and c", snapshot.Variables)
		}
		if snapshot.Commands != 1 {
			t.Errorf("%d commands, want 1", snapshot.Commands)
		}
		if snapshot.At.Before(before.Truncate(time.Millisecond)) || snapshot.At.After(after) {
			t.Errorf("read at %v, want between %v and %v", snapshot.At, before, after)
		}
		if nothing := s.read(t, ref); len(nothing.Variables) != 0 || nothing.Commands != 1 {
			t.Errorf("a read of no names returned %v and %d commands", nothing.Variables, nothing.Commands)
		}
	})
}
