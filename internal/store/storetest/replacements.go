package storetest

import (
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// testReplacements is about variables that become what they are said to be,
// whatever they were.
func testReplacements(t *testing.T, open opener) {
	begin := func(t *testing.T) (*subject, store.Ref) {
		t.Helper()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.CreateContent("a", store.Content{
			JSON: []byte("1"), Type: value.Integer, Constraints: []byte(`{"max":5}`), Metadata: []byte(`{"k":1}`),
		}))
		s.apply(t, ref, store.Put("a", number(2)))
		s.clock.Advance(time.Second)
		return s, ref
	}

	for _, c := range []struct {
		name string
		give store.Content
		want store.Variable
		kind store.ChangeKind
		kept []int64 // versions
	}{
		{
			"its metadata",
			store.Content{JSON: []byte("3"), Type: value.Integer, Constraints: []byte(`{"max":5}`)},
			store.Variable{Value: number(3), Constraints: `{"max":5}`},
			store.ValueChanged,
			[]int64{3, 2, 1},
		},
		{
			"its constraints",
			store.Content{Value: number(9), Metadata: []byte(`{"j":1}`)},
			store.Variable{Value: number(9), Metadata: `{"j":1}`},
			store.ConstraintChanged,
			[]int64{3, 2, 1},
		},
		{
			"its type",
			store.Content{JSON: []byte("7"), Type: value.Float, Constraints: []byte(`{"min":6}`)},
			store.Variable{Value: parsed(t, "7.0"), Constraints: `{"min":6}`},
			store.Registered,
			[]int64{3},
		},
	} {
		t.Run("a variable loses "+c.name, func(t *testing.T) {
			t.Parallel()
			s, ref := begin(t)
			old := s.read(t, ref, "a").Variables["a"]
			u := store.Unit{Write: keyed("key", "request"), Ops: []store.Op{store.Replace("a", c.give).IfVersion(2)}}
			applied := s.applyUnit(t, ref, u)
			want := c.want
			want.Name, want.Version, want.Created, want.Updated, want.By = "a", 3, old.Created, applied.At, u.By
			if c.kind == store.Registered {
				want.Created = applied.At
			}
			wantEqual(t, "result", applied.Results, []store.Result{{Variable: want, Existed: true}})
			wantEqual(t, "variable as read", s.read(t, ref, "a").Variables["a"], want)
			wantEqual(t, "last change", s.changes(t, ref)[2:], []store.Change{{
				Seq: 3, At: applied.At, By: u.By, Items: []store.ChangeItem{{Kind: c.kind, Name: "a", Version: 3}},
			}})
			wantEqual(t, "versions", versionsOf(s.history(t, ref, "a", 0, 10)), c.kept)
			s.wantReplay(t, ref, u, applied)
			if n := applied.Variables; n != 1 {
				t.Errorf("there are %d variables", n)
			}
		})
	}

	t.Run("a variable that is not there is registered", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t)
		r := s.apply(t, ref, store.Replace("b", store.Content{JSON: []byte("1")})).Results[0]
		if r.Existed || r.Version != 1 || r.Value != number(1) {
			t.Errorf("it became %+v", r)
		}
	})

	t.Run("a counter that was a text counts, and the other way round", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t)
		s.apply(t, ref, store.Replace("a", store.Content{Value: text("x")}))
		s.refuse(t, ref, fault.TypeMismatch, store.Add("a", 1))
		s.apply(t, ref, store.Replace("a", store.Content{Value: number(40)}))
		if r := s.apply(t, ref, store.Add("a", 2)).Results[0]; r.Value != number(42) || r.Version != 5 {
			t.Errorf("it became %s of version %d", r.Value.JSON(), r.Version)
		}
		s.refuse(t, ref, fault.VersionNotFound, store.Rollback("a", 3))
	})

	t.Run("what is refused leaves all as it was", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t)
		before := s.look(t, ref, "a", "b")
		s.refuse(t, ref, fault.VersionConflict, store.Replace("a", store.Content{Value: text("x")}).IfVersion(1))
		s.refuse(t, ref, fault.ConstraintViolation, store.Replace("b", store.Content{Value: number(1)}),
			store.Replace("a", store.Content{Value: text("x"), Constraints: []byte(`{"max_length":0}`)}))
		s.refuse(t, ref, fault.InvalidConstraints, store.Replace("a", store.Content{Value: text("x"), Constraints: []byte(`{"max":1}`)}))
		s.refuse(t, ref, fault.VariableNotFound, store.Replace("a", store.Content{Value: text("x")}), store.Add("missing", 1))
		s.refuse(t, ref, fault.VersionNotFound, store.Replace("a", store.Content{Value: newTensor(10, 1).value}))
		wantEqual(t, "session after the refusals", s.look(t, ref, "a", "b"), before)
	})

	t.Run("a lock stays", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t)
		s.apply(t, ref, store.AcquireLock("a", store.Lease{Token: "mine", TTL: time.Minute}))
		s.applyUnit(t, ref, store.Unit{Write: minted(), LockToken: "mine", Ops: []store.Op{store.Replace("a", store.Content{Value: text("x")})}})
		s.refuse(t, ref, fault.VariableLocked, store.Put("a", text("y")))
		if n := s.usage(t, ref).Locks; n != 1 {
			t.Errorf("there are %d locks", n)
		}
	})

	t.Run("bytes go with what they belonged to", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", text("x")))
		before := s.usage(t, ref)
		s.apply(t, ref, store.Replace("a", s.stage(t, ref, newTensor(1000, 1))))
		s.putTensor(t, ref, "a", newTensor(2000, 2))
		if u := s.usage(t, ref); u.Blobs != 2 || u.BlobBytes != 3000 || u.Bytes < 3000 {
			t.Errorf("the tensors take %+v", u)
		}
		s.apply(t, ref, store.Replace("a", store.Content{Value: text("x")}))
		after := s.usage(t, ref)
		if after.Blobs != 0 || after.BlobBytes != 0 || after.Bytes != before.Bytes {
			t.Errorf("what is left takes %+v, before the tensors it was %+v", after, before)
		}
		x := newTensor(10, 3)
		s.apply(t, ref, store.Replace("a", s.stage(t, ref, x)))
		s.wantBytes(t, ref, x)
	})

	t.Run("one by one, each for itself", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t)
		applied := s.applyUnit(t, ref, store.Unit{Write: minted(), Each: true, Ops: []store.Op{
			store.Replace("a", store.Content{JSON: []byte(`"x"`)}), store.Replace("b", store.Content{JSON: []byte("null")}),
		}})
		if r := applied.Results; r[0].Refused != nil || r[0].Version != 3 || r[1].Refused == nil {
			t.Errorf("they gave %+v", r)
		}
	})

	t.Run("replacements race with other writes", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t)
		const steps = 30
		var writing errgroup.Group
		for _, other := range []store.Content{{Value: text("x")}, {JSON: []byte("0.5")}} {
			writing.Go(func() error {
				return s.sway(t.Context(), ref, steps, func(step int64) store.Op {
					if step%2 == 0 {
						return store.Replace("a", other)
					}
					return store.Replace("a", store.Content{Value: number(step)})
				})
			})
		}
		wantNoError(t, writing.Wait())
		if v := s.read(t, ref, "a").Variables["a"]; v.Version != 2+2*steps {
			t.Errorf("the version is %d", v.Version)
		}
	})
}
