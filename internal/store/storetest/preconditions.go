package storetest

import (
	"fmt"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testPreconditions(t *testing.T, open opener) {
	// The session of each case has a living variable of version 2, one that was
	// deleted at version 2, and none under a third name.
	prepared := func(t *testing.T) (*subject, store.Ref) {
		t.Helper()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("living", number(1)), store.Put("deleted", number(1)))
		s.apply(t, ref, store.Put("living", number(2)), store.Put("deleted", number(2)))
		s.apply(t, ref, store.Delete("deleted"))
		return s, ref
	}
	current := map[string]int64{"living": 2, "deleted": 0, "missing": 0}

	makers := []struct {
		kind  string
		op    func(name string) store.Op
		fails func(living bool) fault.Code // for another reason than the version
	}{
		{"Put", func(name string) store.Op { return store.Put(name, number(9)) }, nil},
		{"Create", func(name string) store.Op { return store.Create(name, number(9)) }, func(living bool) fault.Code {
			return map[bool]fault.Code{true: fault.VariableExists}[living]
		}},
		{"Add", func(name string) store.Op { return store.Add(name, 9).StartingAt(0) }, nil},
		{"Add without a start", func(name string) store.Op { return store.Add(name, 9) }, func(living bool) fault.Code {
			return map[bool]fault.Code{false: fault.VariableNotFound}[living]
		}},
		{"Delete", store.Delete, nil},
		{"Load", store.Load, nil},
	}
	for _, m := range makers {
		for name, version := range current {
			t.Run(fmt.Sprintf("%s of a %s variable holds at version %d only", m.kind, name, version), func(t *testing.T) {
				t.Parallel()
				s, ref := prepared(t)
				before := s.look(t, ref, "living", "deleted", "missing")
				var otherwise fault.Code
				if m.fails != nil {
					otherwise = m.fails(version > 0)
				}
				for _, wrong := range []int64{0, 1, 2, 3, -1} {
					if wrong == version {
						continue
					}
					_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Ops: []store.Op{m.op(name).IfVersion(wrong)}})
					if otherwise == "" || fault.CodeOf(err) != otherwise {
						wantConflict(t, err, version)
					}
				}
				wantEqual(t, "session after the refusals", s.look(t, ref, "living", "deleted", "missing"), before)
				if otherwise != "" {
					s.refuse(t, ref, otherwise, m.op(name).IfVersion(version))
					return
				}
				s.apply(t, ref, m.op(name).IfVersion(version))
			})
		}
	}

	t.Run("the first operation that fails names the reason", func(t *testing.T) {
		t.Parallel()
		s, ref := prepared(t)
		failing := []struct {
			code fault.Code
			op   store.Op
		}{
			{fault.VersionConflict, store.Put("a", number(1)).IfVersion(3)},
			{fault.VariableExists, store.Create("living", number(1))},
			{fault.VariableNotFound, store.Add("missing", 1)},
			{fault.ConstraintViolation, store.Add("b", 1).StartingAt(0).Within(nil, new(int64(0)))},
		}
		for _, first := range failing {
			for _, second := range failing {
				if first.code != second.code {
					s.refuse(t, ref, first.code, store.Put("fine", number(1)), first.op, second.op)
				}
			}
		}
		wantEqual(t, "variables", s.values(t, ref, "fine", "a", "b"), map[string]string{})
	})

	t.Run("one failing precondition keeps the whole unit from happening", func(t *testing.T) {
		t.Parallel()
		s, ref := prepared(t)
		names := []string{"living", "deleted", "new", "other"}
		before := s.look(t, ref, names...)
		s.refuse(t, ref, fault.VersionConflict,
			store.Put("living", number(5)), store.Create("new", number(5)), store.Ensure("deleted", number(5)),
			store.Load("other").IfVersion(1))
		wantEqual(t, "session after the refusal", s.look(t, ref, names...), before)
	})

	t.Run("any version will do", func(t *testing.T) {
		t.Parallel()
		s, ref := prepared(t)
		s.apply(t, ref, store.Put("living", number(5)).IfVersion(store.AnyVersion))
		for _, name := range []string{"deleted", "new"} {
			e := s.refuse(t, ref, fault.VersionConflict, store.Put(name, number(5)).IfVersion(store.AnyVersion))
			if e.Facts.CurrentVersion != 0 {
				t.Errorf("%s has the version %d", name, e.Facts.CurrentVersion)
			}
		}
	})

	t.Run("a version counts in the session in which it was seen", func(t *testing.T) {
		t.Parallel()
		s, ref := prepared(t)
		session := s.get(t, ref)
		seen := s.read(t, ref, "living")
		version := seen.Variables["living"].Version
		applied := s.apply(t, ref, store.Load("living").IfSeen(seen.Epoch, version))
		if seen.Epoch != session.Epoch || applied.Epoch != session.Epoch || session.Epoch == "" {
			t.Errorf("the epoch is %q, a read says %q and a unit %q", session.Epoch, seen.Epoch, applied.Epoch)
		}
		s.remove(t, ref)
		s.createAt(t, ref, time.Hour)
		for range version {
			s.apply(t, ref, store.Put("living", number(5)))
		}
		e := s.refuse(t, ref, fault.VersionConflict, store.Put("living", number(6)).IfSeen(seen.Epoch, version))
		if e.Facts.CurrentVersion != version {
			t.Errorf("the current version is %d, want %d", e.Facts.CurrentVersion, version)
		}
		s.apply(t, ref, store.Put("living", number(6)).IfVersion(version))
	})

	t.Run("the session's end can depend on a version", func(t *testing.T) {
		t.Parallel()
		s, ref := prepared(t)
		s.refuse(t, ref, fault.VersionConflict, store.Load("living").IfVersion(1), store.End())
		s.get(t, ref)
		s.apply(t, ref, store.Load("living").IfVersion(2), store.End())
		s.wantGone(t, ref, fault.SessionNotFound)
	})
}
