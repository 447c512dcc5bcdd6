package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testTokens(t *testing.T, open opener) {
	for _, m := range mutations() {
		for _, kind := range tokenKinds {
			t.Run(m.name+" under a repeated "+kind.name+" token is applied once", func(t *testing.T) {
				t.Parallel()
				s := newSubject(t, open, store.Config{})
				ref, w := s.newRef(), kind.make()
				m.prepare(t, s, ref, w)
				first, replayed, err := m.call(t.Context(), s, ref, w)
				wantNoError(t, err)
				if replayed {
					t.Error("the first call was answered as a repetition")
				}
				after := s.look(t, ref, mutationNames...)
				for range 3 {
					s.clock.Advance(time.Second)
					again, replayed, err := m.call(t.Context(), s, ref, w)
					wantNoError(t, err)
					if !replayed {
						t.Error("the repetition does not say that it is one")
					}
					wantEqual(t, "answer to the repetition", again, first, butReplayed)
				}
				wantEqual(t, "session after the repetitions", s.look(t, ref, mutationNames...), after, butExpires)
			})
		}

		t.Run(m.name+" under a key that was used for another request is refused", func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref, w := s.newRef(), keyed("key", "request")
			m.prepare(t, s, ref, w)
			first, _, err := m.call(t.Context(), s, ref, w)
			wantNoError(t, err)
			after := s.look(t, ref, mutationNames...)
			_, _, err = m.call(t.Context(), s, ref, keyed("key", "another"))
			wantCode(t, err, fault.IdempotencyKeyReused)
			wantEqual(t, "session after the refusal", s.look(t, ref, mutationNames...), after)
			again, _, err := m.call(t.Context(), s, ref, w)
			wantNoError(t, err)
			wantEqual(t, "answer to the repetition", again, first, butReplayed)
		})

		t.Run(m.name+" under a minted token is not compared", func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref, w := s.newRef(), minted()
			m.prepare(t, s, ref, w)
			first, _, err := m.call(t.Context(), s, ref, w)
			wantNoError(t, err)
			w.Fingerprint[0]++
			again, replayed, err := m.call(t.Context(), s, ref, w)
			wantNoError(t, err)
			if !replayed {
				t.Error("the repetition does not say that it is one")
			}
			wantEqual(t, "answer to the repetition", again, first, butReplayed)
		})
	}

	t.Run("a repetition is answered with what was answered first, whatever happened since", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		u := store.Unit{
			Write: keyed("key", "request"), Count: true, Memo: []byte("memo"),
			Ops: []store.Op{store.Add("n", 5).StartingAt(0), store.Load("other")},
		}
		first := s.applyUnit(t, ref, u)
		s.apply(t, ref, store.Add("n", 100), store.Put("other", text("new")))
		s.wantReplay(t, ref, u, first)
		s.apply(t, ref, store.Delete("n"))
		s.wantReplay(t, ref, u, first)
		s.remove(t, ref)
		s.wantReplay(t, ref, u, first)
		s.wantGone(t, ref, fault.SessionNotFound)

		u.Fingerprint[0]++
		_, err := s.Apply(t.Context(), ref, u)
		wantCode(t, err, fault.IdempotencyKeyReused)
	})

	t.Run("a repetition is answered with the first results, whatever operations it has", func(t *testing.T) {
		t.Parallel()
		for _, kind := range tokenKinds {
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime, store.Put("a", number(1)), store.Put("b", text("x")))
			// What a unit does may depend on what its author read.
			u := store.Unit{Write: kind.make(), Count: true, Memo: []byte("first"), Ops: []store.Op{store.Add("a", 1), store.Load("b"), store.Delete("c")}}
			first := s.applyUnit(t, ref, u)
			for _, ops := range [][]store.Op{
				nil,
				{store.Add("a", 1)},
				{store.Put("x", number(1)), store.Put("y", number(1)), store.Put("z", number(1)), store.Put("b", text("y"))},
				{store.Load("b").IfVersion(7), store.End()},
			} {
				u.Memo, u.Ops = []byte("second"), ops
				s.wantReplay(t, ref, u, first)
			}
			wantEqual(t, "variables", s.values(t, ref, "a", "b", "x", "y", "z"), map[string]string{"a": "2", "b": `"x"`})
		}
	})

	t.Run("a repeated removal spares the session that came after", func(t *testing.T) {
		t.Parallel()
		for _, kind := range tokenKinds {
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime)
			for _, existed := range []bool{true, false} {
				removal := store.SessionRemoval{Write: kind.make()}
				_, err := s.Remove(t.Context(), ref, removal)
				wantNoError(t, err)
				s.createAt(t, ref, lifetime)
				got, err := s.Remove(t.Context(), ref, removal)
				wantNoError(t, err)
				wantEqual(t, "answer to the repetition", got, store.Removed{Existed: existed, Replayed: true})
				s.get(t, ref)
				s.remove(t, ref)
			}
		}
	})

	t.Run("a repeated creation does not bring a removed session back", func(t *testing.T) {
		t.Parallel()
		for _, kind := range tokenKinds {
			s := newSubject(t, open, store.Config{})
			ref := s.newRef()
			creation := store.NewSession{Write: kind.make(), TTL: lifetime}
			first, err := s.Create(t.Context(), ref, creation)
			wantNoError(t, err)
			s.remove(t, ref)
			again, err := s.Create(t.Context(), ref, creation)
			wantNoError(t, err)
			first.Replayed = true
			wantEqual(t, "answer to the repetition", again, first)
			s.wantGone(t, ref, fault.SessionNotFound)
		}
	})

	t.Run("the same key is another token in another session, for another owner and outside", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		a, b := s.create(t, lifetime), s.create(t, lifetime)
		c := store.Ref{Owner: newOwner(t), ID: a.ID}
		s.createAt(t, c, lifetime)
		for i, ref := range []store.Ref{a, b, c} {
			u := store.Unit{Write: keyed("key", ref.Owner+ref.ID), Ops: []store.Op{store.Put("n", number(int64(i)))}}
			if s.applyUnit(t, ref, u).Replayed {
				t.Errorf("the key was taken in session %d", i)
			}
		}
		for _, owner := range []string{a.Owner, c.Owner} {
			got, err := s.Remember(t.Context(), owner, keyed("key", "outside"+owner), []byte("answer"))
			wantNoError(t, err)
			if got.Replayed {
				t.Errorf("the key was taken outside of the sessions of %q", owner)
			}
		}
		for i, ref := range []store.Ref{a, b, c} {
			if got := s.integer(t, ref, "n"); got != int64(i) {
				t.Errorf("session %d has %d", i, got)
			}
		}
	})

	t.Run("a minted token with a wrong time works as any other", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		for _, at := range []time.Time{time.UnixMilli(0), time.Now().Add(-24 * time.Hour), time.Now().Add(24 * time.Hour), time.UnixMilli(1<<48 - 1)} {
			w := minted()
			w.Token = store.MintToken(at)
			u := store.Unit{Write: w, Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
			first := s.applyUnit(t, ref, u)
			s.wantReplay(t, ref, u, first)
			s.clock.Advance(time.Minute)
			s.wantReplay(t, ref, u, first)
		}
	})

	t.Run("a unit that fits no version tells whether its key was used, by what is compared", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		ask := func(request string) (store.Applied, error) {
			return s.Apply(t.Context(), ref, store.Unit{Write: keyed("key", request), Ops: []store.Op{store.Load("a").IfVersion(-1)}})
		}
		_, err := ask("")
		wantCode(t, err, fault.VersionConflict)
		first := s.applyUnit(t, ref, store.Unit{Write: keyed("key", "request"), Ops: []store.Op{store.Put("a", number(1))}})
		first.Replayed = true
		told := func(when string) {
			t.Helper()
			_, err := ask("")
			wantCode(t, err, fault.IdempotencyKeyReused)
			again, err := ask("request")
			wantNoError(t, err)
			wantEqual(t, "answer "+when, again, first)
		}
		told("at once")
		s.apply(t, ref, store.Delete("a"))
		s.freeze(t, ref)
		told("in a frozen session")
		_, err = s.Update(t.Context(), ref, store.SessionUpdate{Write: minted(), ReadOnly: new(false)})
		wantNoError(t, err)
		s.remove(t, ref)
		told("after the session")
	})
}

// butExpires looks at everything in a session that a repetition must not
// change; whether it re-arms the expiry is not said.
var butExpires = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Expires" }, cmp.Ignore())

// wantReplay repeats a unit and requires the first answer.
func (s *subject) wantReplay(t *testing.T, ref store.Ref, u store.Unit, first store.Applied) {
	t.Helper()
	again, err := s.Apply(t.Context(), ref, u)
	if err != nil {
		t.Fatalf("the repetition failed: %v", err)
	}
	first.Replayed = true
	wantEqual(t, "answer to the repetition", again, first)
}
