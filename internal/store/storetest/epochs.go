package storetest

import (
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// testEpochs is about which session an answer speaks of, when an id names one
// after the other.
func testEpochs(t *testing.T, open opener) {
	t.Run("all that is read and written says the epoch", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		for range 2 {
			want := s.get(t, ref).Epoch
			if want == "" {
				t.Fatal("the session has no epoch")
			}
			followed, err := s.Follow(t.Context(), ref, 0, 10)
			wantNoError(t, err)
			for what, got := range map[string]string{
				"Read":                          s.read(t, ref, "a").Epoch,
				"Read of nothing":               s.read(t, ref).Epoch,
				"Follow":                        followed.Epoch,
				"a write":                       s.apply(t, ref, store.Put("a", number(1))).Epoch,
				"a read in a unit":              s.apply(t, ref, store.Load("a")).Epoch,
				"a unit without any operations": s.apply(t, ref).Epoch,
				"a keyed unit":                  s.applyUnit(t, ref, store.Unit{Write: keyed("key "+want, "request"), Kind: store.Answer, Memo: []byte("m")}).Epoch,
				"touching":                      s.touch(t, ref).Epoch,
				"a later read":                  s.get(t, ref).Epoch,
				"the end":                       s.apply(t, ref, store.End()).Epoch,
			} {
				if got != want {
					t.Errorf("%s says the epoch %q, want %q", what, got, want)
				}
			}
			s.createAt(t, ref, lifetime)
		}
	})

	t.Run("a repetition says the epoch of its first time", func(t *testing.T) {
		t.Parallel()
		for _, kind := range tokenKinds {
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime)
			u := store.Unit{Write: kind.make(), Memo: []byte("memo"), Ops: []store.Op{store.Put("a", number(1)), store.Load("b")}}
			first := s.applyUnit(t, ref, u)
			s.wantReplay(t, ref, u, first)
			s.remove(t, ref)
			next := s.createAt(t, ref, lifetime)
			if next.Epoch == first.Epoch {
				t.Fatalf("two sessions have the epoch %q", next.Epoch)
			}
			s.wantReplay(t, ref, u, first)
		}
	})

	t.Run("in the next session no version was seen, whatever is done", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)), store.Put("b", number(1)))
		before := s.get(t, ref).Epoch
		s.remove(t, ref)
		now := s.createAt(t, ref, lifetime, store.Put("a", number(2)), store.Put("b", number(2))).Epoch
		for name, op := range map[string]store.Op{
			"Put": store.Put("a", number(3)), "Add": store.Add("a", 1), "Ensure": store.Ensure("a", number(3)),
			"Patch": store.Patch("a", nil, []byte(`{"x":1}`)), "Rollback": store.Rollback("a", 1), "Delete": store.Delete("a"),
			"Load": store.Load("a"), "AcquireLock": store.AcquireLock("a", store.Lease{Token: "t", TTL: lifetime}),
			"a value that is converted": store.PutContent("a", store.Content{JSON: []byte("3")}),
		} {
			e := s.refuse(t, ref, fault.VersionConflict, store.Put("b", number(9)), op.IfSeen(before, 1))
			if e.Facts.CurrentVersion != 1 {
				t.Errorf("%s: the current version is said to be %d", name, e.Facts.CurrentVersion)
			}
		}
		wantEqual(t, "variables", s.values(t, ref, "a", "b"), map[string]string{"a": "2", "b": "2"})
		s.refuse(t, ref, fault.VersionConflict, store.Put("a", number(3)).IfSeen(now, 2))
		s.apply(t, ref, store.Put("a", number(3)).IfSeen(now, 1))
		s.apply(t, ref, store.PutContent("a", store.Content{JSON: []byte("4")}).IfSeen(now, 2))
		a := s.applyUnit(t, ref, store.Unit{Write: minted(), Each: true, Ops: []store.Op{
			store.Put("a", number(5)).IfSeen(before, 3), store.Put("b", number(5)).IfSeen(now, 1),
		}})
		if e := a.Results[0].Refused; e == nil || e.Code != fault.VersionConflict || a.Results[1].Refused != nil {
			t.Errorf("the results are %+v", a.Results)
		}
	})

	t.Run("a fork is another session", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		fork := s.fork(t, ref)
		parent, child := s.get(t, ref).Epoch, s.get(t, fork).Epoch
		s.refuse(t, fork, fault.VersionConflict, store.Put("a", number(2)).IfSeen(parent, 1))
		s.refuse(t, ref, fault.VersionConflict, store.Put("a", number(2)).IfSeen(child, 1))
		s.apply(t, fork, store.Put("a", number(2)).IfSeen(child, 1))
		s.apply(t, ref, store.Put("a", number(2)).IfSeen(parent, 1))
	})

	t.Run("AnyVersion wants a variable, whatever is done", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)), store.Put("deleted", number(1)))
		s.apply(t, ref, store.Delete("deleted"))
		for name, op := range map[string]func(name string) store.Op{
			"Put":    func(name string) store.Op { return store.Put(name, number(3)) },
			"Ensure": func(name string) store.Op { return store.Ensure(name, number(3)) },
			"Add":    func(name string) store.Op { return store.Add(name, 1).StartingAt(0) },
			"Patch":  func(name string) store.Op { return store.Patch(name, nil, []byte(`{"x":1}`)) },
			"Load":   store.Load,
			"a value that is converted": func(name string) store.Op {
				return store.PutContent(name, store.Content{JSON: []byte("3")})
			},
			"Delete": store.Delete,
		} {
			s.apply(t, ref, store.Ensure("a", number(1)))
			for _, missing := range []string{"deleted", "missing"} {
				if e := s.refuse(t, ref, fault.VersionConflict, op(missing).IfVersion(store.AnyVersion)); e.Facts.CurrentVersion != 0 {
					t.Errorf("%s: the current version is said to be %d", name, e.Facts.CurrentVersion)
				}
			}
			s.apply(t, ref, op("a").IfVersion(store.AnyVersion))
		}
		wantEqual(t, "variables", s.values(t, ref, "deleted", "missing"), map[string]string{})
	})
}
