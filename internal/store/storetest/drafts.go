package storetest

import (
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testDrafts(t *testing.T, open opener) {
	for _, kind := range tokenKinds {
		drafted := func(t *testing.T) (*subject, store.Ref, store.Write) {
			t.Helper()
			s := newSubject(t, open, store.Config{})
			ref, w := s.create(t, lifetime, store.Put("n", number(1))), kind.make()
			first := s.applyUnit(t, ref, store.Unit{Write: w, Kind: store.Draft, Count: true})
			if first.Kind != store.Draft || first.Replayed || first.Commands != 1 {
				t.Fatalf("kind %c, replayed %v, commands %d, want a first draft that counts", first.Kind, first.Replayed, first.Commands)
			}
			return s, ref, w
		}

		t.Run("a draft on a draft is a repetition, "+kind.name, func(t *testing.T) {
			t.Parallel()
			s, ref, w := drafted(t)
			again := s.applyUnit(t, ref, store.Unit{Write: w, Kind: store.Draft, Count: true})
			if again.Kind != store.Draft || !again.Replayed || again.Commands != 1 {
				t.Errorf("kind %c, replayed %v, commands %d, want a repeated draft", again.Kind, again.Replayed, again.Commands)
			}
			if got := s.get(t, ref).Commands; got != 1 {
				t.Errorf("%d commands, want 1", got)
			}
		})

		for name, unit := range map[string]store.Unit{
			"an effect": {Count: true, Memo: []byte("effect"), Ops: []store.Op{store.Add("n", 1)}},
			"an answer": {Count: true, Kind: store.Answer, Memo: []byte("answer")},
		} {
			t.Run("a draft becomes "+name+" and is not counted again, "+kind.name, func(t *testing.T) {
				t.Parallel()
				s, ref, w := drafted(t)
				unit.Write = w
				done := s.applyUnit(t, ref, unit)
				want := unit.Kind
				if want == 0 {
					want = store.Effect
				}
				if done.Kind != want || done.Replayed || done.Commands != 1 || string(done.Memo) != string(unit.Memo) {
					t.Errorf("kind %c, replayed %v, commands %d, memo %q", done.Kind, done.Replayed, done.Commands, done.Memo)
				}
				after := s.look(t, ref, "n")
				for _, later := range []store.Unit{
					unit,
					{Write: w, Kind: store.Draft, Count: true},
					{Write: w, Count: true, Ops: []store.Op{store.Put("n", number(100))}, Memo: []byte("other")},
					{Write: w, Count: true, Kind: store.Answer, Memo: []byte("other")},
				} {
					s.wantReplay(t, ref, later, done)
				}
				wantEqual(t, "session after the repetitions", s.look(t, ref, "n"), after, butExpires)
			})
		}

		t.Run("a refused unit leaves the draft, "+kind.name, func(t *testing.T) {
			t.Parallel()
			s, ref, w := drafted(t)
			before := s.look(t, ref, "n")
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: w, Count: true, Ops: []store.Op{store.Create("n", number(2))}})
			wantCode(t, err, fault.VariableExists)
			wantEqual(t, "session after the refusal", s.look(t, ref, "n"), before)
			again := s.applyUnit(t, ref, store.Unit{Write: w, Kind: store.Draft, Count: true})
			if again.Kind != store.Draft || !again.Replayed {
				t.Errorf("kind %c, replayed %v, want a repeated draft", again.Kind, again.Replayed)
			}
			done := s.applyUnit(t, ref, store.Unit{Write: w, Count: true, Ops: []store.Op{store.Add("n", 1)}})
			if done.Replayed || done.Commands != 1 {
				t.Errorf("replayed %v, commands %d, want a first effect", done.Replayed, done.Commands)
			}
		})

		t.Run("what follows a draft needs the session, "+kind.name, func(t *testing.T) {
			t.Parallel()
			s, ref, w := drafted(t)
			answer := store.Unit{Write: w, Kind: store.Answer, Memo: []byte("answer")}
			s.freeze(t, ref)
			_, err := s.Apply(t.Context(), ref, answer)
			wantCode(t, err, fault.SessionReadOnly)
			_, err = s.Update(t.Context(), ref, store.SessionUpdate{Write: minted(), ReadOnly: new(false)})
			wantNoError(t, err)
			s.remove(t, ref)
			_, err = s.Apply(t.Context(), ref, answer)
			wantCode(t, err, fault.SessionNotFound)
		})
	}

	t.Run("a draft's key belongs to its request", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		s.applyUnit(t, ref, store.Unit{Write: keyed("key", "request"), Kind: store.Draft, Count: true})
		for _, kind := range []store.RecordKind{store.Draft, store.Answer, store.Effect} {
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: keyed("key", "another"), Kind: kind, Count: true})
			wantCode(t, err, fault.IdempotencyKeyReused)
		}
		s.applyUnit(t, ref, store.Unit{Write: keyed("key", "request"), Kind: store.Answer, Memo: []byte("answer")})
	})

	t.Run("a draft is answered by nobody else's token", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		s.applyUnit(t, ref, store.Unit{Write: keyed("key", "request"), Kind: store.Draft, Count: true})
		other := s.applyUnit(t, ref, store.Unit{Write: minted(), Kind: store.Answer, Count: true, Memo: []byte("other")})
		if other.Commands != 2 {
			t.Errorf("%d commands, want 2", other.Commands)
		}
		again := s.applyUnit(t, ref, store.Unit{Write: keyed("key", "request"), Kind: store.Draft, Count: true})
		if again.Kind != store.Draft || !again.Replayed {
			t.Errorf("kind %c, replayed %v, want a repeated draft", again.Kind, again.Replayed)
		}
	})
}
