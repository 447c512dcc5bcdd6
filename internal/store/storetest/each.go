package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// testEach is about units whose operations are applied one by one, and about
// which operation a unit is refused for.
func testEach(t *testing.T, open opener) {
	begin := func(t *testing.T, cfg store.Config) (*subject, store.Ref) {
		t.Helper()
		s := newSubject(t, open, cfg)
		ref := s.create(t, lifetime, store.Put("n", number(5)), store.Put("text", text("x")), store.Put("locked", number(1)),
			store.CreateContent("bound", store.Content{Value: number(1), Constraints: []byte(`{"max":3}`)}))
		s.apply(t, ref, store.AcquireLock("locked", store.Lease{Token: "secret", Holder: "somebody", TTL: time.Hour / 2}))
		return s, ref
	}
	eachNames := []string{"n", "text", "locked", "bound", "new", "large", "missing", "typed"}
	mixed := []store.Op{
		store.Add("n", 1),
		store.Put("text", number(1)),
		store.Put("locked", number(2)),
		store.PutContent("bound", store.Content{JSON: []byte("4")}),
		store.CreateContent("new", store.Content{JSON: []byte(`"x"`), Metadata: []byte(`{"k":1}`)}),
		store.Put("large", text(strings.Repeat("x", 200))),
		store.Patch("missing", []byte(`{"max":1}`), nil),
		store.PutContent("typed", store.Content{JSON: []byte("1.5"), Type: value.Integer}),
	}
	codes := []fault.Code{
		"", fault.TypeMismatch, fault.VariableLocked, fault.ConstraintViolation, "", fault.ValueTooLarge, fault.VariableNotFound, "?",
	}

	t.Run("operations are refused one by one", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t, store.Config{Limits: store.Limits{ValueBytes: 100}})
		before := s.look(t, ref, eachNames...)
		w := keyed("key", "request")
		u := store.Unit{Write: w, Each: true, Count: true, Memo: []byte("memo"), Ops: mixed}
		applied := s.applyUnit(t, ref, u)
		for i, r := range applied.Results {
			code := fault.Code("")
			if r.Refused != nil {
				code = r.Refused.Code
			}
			if code != codes[i] && codes[i] != "?" || codes[i] == "?" && (code == "" || code == fault.Internal) {
				t.Errorf("the operation on %q gave %+v, want %s", mixed[i].Name, r, codes[i])
			}
			if r.Refused != nil {
				wantEqual(t, "refused operation", r, store.Result{Variable: store.Variable{Name: mixed[i].Name}, Refused: r.Refused})
			}
		}
		wantEqual(t, "pointers", pointers(applied.Results[3].Refused), []string{"/value"})
		if f := applied.Results[2].Refused.Facts; f.Holder != "somebody" || f.Expires.IsZero() {
			t.Errorf("the lock is said to be %+v", f)
		}
		if f := applied.Results[5].Refused.Facts; f.LimitBytes != 100 {
			t.Errorf("the limit is said to be %d", f.LimitBytes)
		}
		if applied.Variables != 5 || applied.Commands != 1 || applied.Seq != before.Session.Seq+1 {
			t.Errorf("variables %d, commands %d, seq %d", applied.Variables, applied.Commands, applied.Seq)
		}
		after := s.look(t, ref, eachNames...)
		for _, name := range []string{"text", "locked", "bound", "large", "missing", "typed"} {
			wantEqual(t, "the variable "+name, after.Variables[name], before.Variables[name])
		}
		wantEqual(t, "last change", after.Changes[len(before.Changes):], []store.Change{{
			Seq: applied.Seq, At: applied.At, By: w.By, Items: []store.ChangeItem{
				{Kind: store.ValueChanged, Name: "n", Version: 2}, {Kind: store.Registered, Name: "new", Version: 1},
			},
		}})
		s.clock.Advance(time.Hour / 2) // the lock is over: it is the first answer that counts
		s.wantReplay(t, ref, u, applied)
		wantEqual(t, "session after the repetition", s.look(t, ref, eachNames...), after, butExpires)
	})

	t.Run("a unit of refusals only is applied", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t, store.Config{})
		before := s.look(t, ref, eachNames...)
		u := store.Unit{Write: minted(), Each: true, Ops: []store.Op{store.Create("n", number(1)), store.Add("text", 1), store.Rollback("bound", 9)}}
		applied := s.applyUnit(t, ref, u)
		for i, want := range []fault.Code{fault.VariableExists, fault.TypeMismatch, fault.VersionNotFound} {
			if f := applied.Results[i].Refused; f == nil || f.Code != want {
				t.Errorf("operation %d gave %v, want %s", i, f, want)
			}
		}
		wantEqual(t, "session afterwards", s.look(t, ref, eachNames...), before, butExpires)
		s.wantReplay(t, ref, u, applied)
	})

	t.Run("each operation has its own precondition", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t, store.Config{})
		applied := s.applyUnit(t, ref, store.Unit{Write: minted(), Each: true, Ops: []store.Op{
			store.Put("n", number(6)).IfVersion(1), store.Put("text", text("y")).IfVersion(7), store.Put("new", number(1)).IfVersion(0),
			store.Load("bound").IfVersion(2),
		}})
		for i, current := range map[int]int64{1: 1, 3: 1} {
			if f := applied.Results[i].Refused; f == nil || f.Code != fault.VersionConflict || f.Facts.CurrentVersion != current {
				t.Errorf("operation %d gave %v, want a conflict with version %d", i, f, current)
			}
		}
		wantEqual(t, "variables", s.values(t, ref, "n", "text", "new"), map[string]string{"n": "6", "text": `"x"`, "new": "1"})
	})

	t.Run("locks are taken and given up one by one", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t, store.Config{})
		lease := store.Lease{Token: "mine", Holder: "me", TTL: time.Minute}
		u := store.Unit{Write: keyed("key", "request"), Each: true, Ops: []store.Op{
			store.AcquireLock("locked", lease), store.AcquireLock("n", lease), store.ReleaseLock("text"), store.AcquireLock("missing", lease),
		}}
		applied := s.applyUnit(t, ref, u)
		if r := applied.Results; r[0].Refused == nil || r[1].Lock == nil || r[2].Refused != nil || r[3].Refused == nil {
			t.Errorf("the results are %+v", r)
		}
		if got := s.usage(t, ref).Locks; got != 2 {
			t.Errorf("%d locks are counted, want 2", got)
		}
		s.wantReplay(t, ref, u, applied)
	})

	t.Run("quotas and the session refuse the whole unit", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t, store.Config{Limits: store.Limits{Variables: 5, SessionBytes: 100 << 10}})
		before := s.look(t, ref, eachNames...)
		each := func(ops ...store.Op) error {
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Each: true, Ops: ops})
			return err
		}
		wantCode(t, each(store.Put("n", number(6)), store.Put("new", number(1)), store.Put("more", number(1))), fault.VariableQuotaExceeded)
		wantCode(t, each(store.Put("n", number(6)), store.Put("large", text(strings.Repeat("x", 120<<10)))), fault.SessionQuotaExceeded)
		wantCode(t, each(store.Put("n", number(6)), store.Put("", number(1))), fault.InvalidRequest)
		wantCode(t, each(store.Put("n", number(6)), store.Put("n", number(7))), fault.InvalidRequest)
		wantEqual(t, "session after the refusals", s.look(t, ref, eachNames...), before)
		// What is refused for itself takes no room.
		wantNoError(t, each(store.Put("new", number(1)), store.Put("more", number(1)).IfVersion(3)))
		s.freeze(t, ref)
		wantCode(t, each(store.Put("n", number(6))), fault.SessionReadOnly)
		s.clock.Advance(lifetime)
		wantCode(t, each(store.Put("n", number(6))), fault.SessionExpired)
	})

	t.Run("a refused unit says which operation it was", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t, store.Config{Limits: store.Limits{ValueBytes: 100}})
		for i, op := range mixed {
			if codes[i] == "" {
				continue
			}
			ops := []store.Op{store.Load("x1"), store.Load("x2"), op, store.Load("x3")}
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Ops: ops})
			if o, ok := errors.AsType[*store.OpError](err); !ok || o.Index != 2 {
				t.Errorf("the operation on %q: %v, want the index 2", op.Name, err)
			}
		}
		// Of several it is the first.
		_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Ops: []store.Op{
			store.Add("n", 1), store.Create("locked", number(1)), store.Put("text", number(1)), store.Add("missing", 1),
		}})
		if o, ok := errors.AsType[*store.OpError](err); !ok || o.Index != 1 || o.Err.Code != fault.VariableLocked {
			t.Errorf("got %v, want the second operation's", err)
		}
	})
}
