package storetest

import (
	"context"
	"math"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// testRefusals is about what a refused mutation leaves behind: nothing.
func testRefusals(t *testing.T, open opener) {
	apply := func(ops ...store.Op) func(context.Context, *subject, store.Ref, store.Write) (bool, error) {
		return func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (bool, error) {
			applied, err := s.Apply(ctx, ref, store.Unit{Write: w, Count: true, Ops: ops})
			return applied.Replayed, err
		}
	}
	update := func(u store.SessionUpdate) func(context.Context, *subject, store.Ref, store.Write) (bool, error) {
		return func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (bool, error) {
			u := u // the tests of both kinds of token run at the same time
			u.Write = w
			changed, err := s.Update(ctx, ref, u)
			return changed.Replayed, err
		}
	}
	clear := func(names ...string) func(*testing.T, *subject, store.Ref) {
		return func(t *testing.T, s *subject, ref store.Ref) {
			t.Helper()
			for _, name := range names {
				s.apply(t, ref, store.Delete(name))
			}
		}
	}
	for _, c := range []struct {
		code fault.Code
		name string
		call func(context.Context, *subject, store.Ref, store.Write) (replayed bool, err error)
		// mend removes what the refusal was about.
		mend func(*testing.T, *subject, store.Ref)
	}{
		{fault.VersionConflict, "a write", apply(store.Put("new", number(1)), store.Put("b", number(1)).IfVersion(0)), clear("b")},
		{fault.VariableExists, "a creation", apply(store.Put("new", number(1)), store.Create("b", number(1))), clear("b")},
		{fault.TypeMismatch, "a write", apply(store.Put("new", number(1)), store.Put("b", number(1))), clear("b")},
		{fault.VariableQuotaExceeded, "a write", apply(store.Put("a", number(7)), store.Put("new", number(1)), store.Put("more", number(1))), clear("b")},
		{fault.CounterOverflow, "an addition", apply(store.Put("a", number(7)), store.Add("full", 1).StartingAt(0)), clear("full")},
		{fault.ConstraintViolation, "an addition", apply(store.Put("a", number(7)), store.Add("full", 0).StartingAt(0).Within(nil, new(int64(5)))), clear("full")},
		{
			fault.VariableNotFound, "an addition", apply(store.Put("a", number(7)), store.Add("missing", 1)),
			func(t *testing.T, s *subject, ref store.Ref) {
				t.Helper()
				s.apply(t, ref, store.Put("missing", number(1)))
			},
		},
		{
			fault.SessionReadOnly, "a write", apply(store.Put("a", number(7))),
			func(t *testing.T, s *subject, ref store.Ref) {
				t.Helper()
				_, err := s.Update(t.Context(), ref, store.SessionUpdate{Write: minted(), ReadOnly: new(false)})
				wantNoError(t, err)
			},
		},
		{
			fault.VersionConflict, "an update",
			update(store.SessionUpdate{Match: store.Match{Tags: []string{"x-1"}}, TTL: time.Minute, Labels: map[string]*string{"a": new("b")}}), nil,
		},
		{
			fault.SessionExists, "a creation",
			func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (bool, error) {
				created, err := s.Create(ctx, ref, store.NewSession{Write: w, TTL: lifetime})
				return created.Replayed, err
			},
			func(t *testing.T, s *subject, ref store.Ref) { t.Helper(); s.remove(t, ref) },
		},
		{
			fault.VersionConflict, "a removal",
			func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (bool, error) {
				removed, err := s.Remove(ctx, ref, store.SessionRemoval{Write: w, Match: store.Match{Tags: []string{"x-1"}}})
				return removed.Replayed, err
			}, nil,
		},
	} {
		for _, kind := range tokenKinds {
			t.Run(c.name+" refused with "+string(c.code)+" leaves nothing behind, its "+kind.name+" token free", func(t *testing.T) {
				t.Parallel()
				s := newSubject(t, open, store.Config{Limits: store.Limits{Variables: 4}})
				ref := s.create(t, lifetime, store.Put("a", number(1)), store.Put("b", text("x")), store.Put("full", number(math.MaxInt64)))
				if c.code == fault.SessionReadOnly {
					s.freeze(t, ref)
				}
				names := []string{"a", "b", "full", "new", "more", "missing"}
				before := s.look(t, ref, names...)
				s.clock.Advance(time.Minute) // a read does not re-arm yet, a mutation would
				w := kind.make()
				for range 2 {
					_, err := c.call(t.Context(), s, ref, w)
					wantCode(t, err, c.code)
				}
				wantEqual(t, "session after the refusals", s.look(t, ref, names...), before)

				if c.mend == nil {
					return
				}
				c.mend(t, s, ref)
				w.Fingerprint[0]++ // a free token is nobody's
				replayed, err := c.call(t.Context(), s, ref, w)
				wantNoError(t, err)
				if replayed {
					t.Error("a refused call was replayed")
				}
			})
		}
	}

	t.Run("a refusal of a gone session leaves the token free", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.newRef()
		u := store.Unit{Write: keyed("key", "request"), Ops: []store.Op{store.Put("a", number(1))}}
		_, err := s.Apply(t.Context(), ref, u)
		wantCode(t, err, fault.SessionNotFound)
		s.createAt(t, ref, lifetime)
		s.clock.Advance(lifetime)
		_, err = s.Apply(t.Context(), ref, u)
		wantCode(t, err, fault.SessionExpired)
		s.createAt(t, ref, lifetime)
		if s.applyUnit(t, ref, u).Replayed {
			t.Error("a refused unit was replayed")
		}
	})
}
