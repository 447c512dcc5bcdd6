package storetest

import (
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testOwners(t *testing.T, open opener) {
	t.Run("a foreign session is answered exactly as one that never was", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		mine := s.newRef()
		foreign := store.Ref{Owner: newOwner(t), ID: mine.ID}
		type public struct {
			Code   fault.Code
			Detail string
			Facts  fault.Facts
		}
		publicly := func(errs map[string]error) map[string]public {
			seen := map[string]public{}
			for name, err := range errs {
				f := fault.From(err)
				if f == nil {
					t.Fatalf("%s succeeded", name)
				}
				seen[name] = public{f.Code, f.Detail, f.Facts}
			}
			return seen
		}
		before := publicly(s.askAll(t, foreign))
		s.createAt(t, mine, lifetime, store.Put("a", number(1)))
		wantEqual(t, "answers to a foreigner", publicly(s.askAll(t, foreign)), before)
		s.wantGone(t, foreign, fault.SessionNotFound)

		s.freeze(t, mine)
		wantEqual(t, "answers to a foreigner about a frozen session", publicly(s.askAll(t, foreign)), before)
		s.clock.Advance(lifetime)
		wantEqual(t, "answers to a foreigner about an expired session", publicly(s.askAll(t, foreign)), before)
	})

	t.Run("a foreigner removes nothing", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		mine := s.create(t, lifetime, store.Put("a", number(1)))
		before := s.look(t, mine, "a")
		foreign := store.Ref{Owner: newOwner(t), ID: mine.ID}
		removed, err := s.Remove(t.Context(), foreign, store.SessionRemoval{Write: minted()})
		wantNoError(t, err)
		if removed.Existed {
			t.Error("the removal found a foreign session")
		}
		_, err = s.Remove(t.Context(), foreign, store.SessionRemoval{Write: minted(), Match: store.Match{Tags: []string{before.Session.Tag()}}})
		wantConflict(t, err, 0)
		wantEqual(t, "session afterwards", s.look(t, mine, "a"), before)
	})

	t.Run("two owners can have the same id", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		a := s.create(t, lifetime, store.Put("x", number(1)))
		b := store.Ref{Owner: newOwner(t), ID: a.ID}
		s.createAt(t, b, lifetime, store.Put("x", number(2)), store.Put("y", number(2)))
		wantEqual(t, "the first owner's variables", s.values(t, a, "x", "y"), map[string]string{"x": "1"})
		wantEqual(t, "the second owner's variables", s.values(t, b, "x", "y"), map[string]string{"x": "2", "y": "2"})
		s.remove(t, a)
		s.wantGone(t, a, fault.SessionNotFound)
		wantEqual(t, "the second owner's variables", s.values(t, b, "x", "y"), map[string]string{"x": "2", "y": "2"})
	})

	t.Run("two sessions can have variables of the same name", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		a := s.create(t, lifetime, store.Put("x", number(1)))
		b := s.create(t, lifetime, store.Put("x", text("two")))
		s.apply(t, a, store.Add("x", 10))
		s.apply(t, b, store.Delete("x"))
		wantEqual(t, "the first session's variables", s.values(t, a, "x"), map[string]string{"x": "11"})
		wantEqual(t, "the second session's variables", s.values(t, b, "x"), map[string]string{})
	})
}

// values returns the JSON of the variables that exist.
func (s *subject) values(t *testing.T, ref store.Ref, names ...string) map[string]string {
	t.Helper()
	values := map[string]string{}
	for name, v := range s.read(t, ref, names...).Variables {
		values[name] = v.Value.JSON()
	}
	return values
}
