package storetest

import (
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testMatches(t *testing.T, open opener) {
	// Each match is made for a session whose second version has the given tag
	// and whose first had the other.
	matches := []struct {
		name  string
		match func(tag, older string) store.Match
		holds bool
	}{
		{"the session's tag", func(tag, _ string) store.Match { return store.Match{Tags: []string{tag}} }, true},
		{"one of several tags", func(tag, older string) store.Match { return store.Match{Tags: []string{older, tag}} }, true},
		{"any tag", func(_, _ string) store.Match { return store.Match{Any: true} }, true},
		{"an older version's tag", func(_, older string) store.Match { return store.Match{Tags: []string{older}} }, false},
		{"half a tag", func(tag, _ string) store.Match { return store.Match{Tags: []string{tag[:len(tag)-1]}} }, false},
		{"a tag with more behind it", func(tag, _ string) store.Match { return store.Match{Tags: []string{tag + "0"}} }, false},
		{"an empty tag", func(_, _ string) store.Match { return store.Match{Tags: []string{""}} }, false},
	}
	for _, m := range matches {
		verdict := "refused"
		if m.holds {
			verdict = "accepted"
		}
		t.Run("an update that requires "+m.name+" is "+verdict, func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref, tag, older := s.createTwice(t)
			before := s.look(t, ref)
			changed, err := s.Update(t.Context(), ref, store.SessionUpdate{
				Write: minted(), Match: m.match(tag, older), Labels: map[string]*string{"a": new("b")},
			})
			if !m.holds {
				wantConflict(t, err, 2)
				wantEqual(t, "session after the refusal", s.look(t, ref), before)
				return
			}
			wantNoError(t, err)
			if changed.Version != 3 || changed.Labels["a"] != "b" {
				t.Errorf("version %d, label %q, want 3 and b", changed.Version, changed.Labels["a"])
			}
		})
		t.Run("a removal that requires "+m.name+" is "+verdict, func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref, tag, older := s.createTwice(t)
			before := s.look(t, ref)
			removed, err := s.Remove(t.Context(), ref, store.SessionRemoval{Write: minted(), Match: m.match(tag, older)})
			if !m.holds {
				wantConflict(t, err, 2)
				wantEqual(t, "session after the refusal", s.look(t, ref), before)
				return
			}
			wantNoError(t, err)
			if !removed.Existed {
				t.Error("the removal found no session")
			}
			s.wantGone(t, ref, fault.SessionNotFound)
		})
	}

	t.Run("units and touches keep the tag", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref, tag, _ := s.createTwice(t)
		s.applyUnit(t, ref, store.Unit{Write: minted(), Count: true, Ops: []store.Op{store.Put("a", number(1))}})
		s.touch(t, ref)
		if got := s.get(t, ref).Tag(); got != tag {
			t.Errorf("the tag became %q, want %q", got, tag)
		}
	})

	t.Run("the tag of an earlier session of that id does not match", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		match := store.Match{Tags: []string{s.get(t, ref).Tag()}}
		s.remove(t, ref)
		s.createAt(t, ref, lifetime) // again of version 1
		_, err := s.Update(t.Context(), ref, store.SessionUpdate{Write: minted(), Match: match})
		wantConflict(t, err, 1)
		_, err = s.Remove(t.Context(), ref, store.SessionRemoval{Write: minted(), Match: match})
		wantConflict(t, err, 1)
	})

	for name, match := range map[string]store.Match{"a tag": {Tags: []string{"tag-1"}}, "any tag": {Any: true}} {
		t.Run("no session matches "+name+" where none is", func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			expired := s.create(t, lifetime)
			s.clock.Advance(lifetime)
			for _, ref := range []store.Ref{s.newRef(), expired} {
				_, err := s.Remove(t.Context(), ref, store.SessionRemoval{Write: minted(), Match: match})
				wantConflict(t, err, 0)
			}
			_, err := s.Update(t.Context(), s.newRef(), store.SessionUpdate{Write: minted(), Match: match})
			wantCode(t, err, fault.SessionNotFound)
		})
	}
}

// createTwice makes a session of version 2 and returns its tag and the one it
// had before.
func (s *subject) createTwice(t *testing.T) (ref store.Ref, tag, older string) {
	t.Helper()
	ref = s.create(t, lifetime)
	older = s.get(t, ref).Tag()
	changed, err := s.Update(t.Context(), ref, store.SessionUpdate{Write: minted()})
	wantNoError(t, err)
	return ref, changed.Tag(), older
}

// wantConflict requires err to be a version conflict that tells the version.
func wantConflict(t *testing.T, err error, current int64) {
	t.Helper()
	if f := wantCode(t, err, fault.VersionConflict); f.Facts.CurrentVersion != current {
		t.Fatalf("the current version is said to be %d, want %d", f.Facts.CurrentVersion, current)
	}
}
