package storetest

import (
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testReadOnly(t *testing.T, open opener) {
	frozen := func(t *testing.T) (*subject, store.Ref) {
		t.Helper()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		s.freeze(t, ref)
		return s, ref
	}

	t.Run("a frozen session refuses every unit", func(t *testing.T) {
		t.Parallel()
		s, ref := frozen(t)
		before := s.look(t, ref, "a")
		for _, u := range []store.Unit{
			{},
			{Count: true},
			{Count: true, Kind: store.Draft},
			{Kind: store.Answer, Memo: []byte("answer")},
			{Ops: []store.Op{store.Put("a", number(2))}},
			{Ops: []store.Op{store.Create("b", number(2))}},
			{Ops: []store.Op{store.Ensure("a", number(2))}},
			{Ops: []store.Op{store.Add("a", 1)}},
			{Ops: []store.Op{store.Patch("a", nil, []byte(`{"k":1}`))}},
			{Ops: []store.Op{store.Rollback("a", 1)}},
			{Ops: []store.Op{store.AcquireLock("a", store.Lease{Token: "token", TTL: time.Minute})}},
			{Ops: []store.Op{store.ReleaseLock("a")}},
			{Each: true, Ops: []store.Op{store.Put("a", number(2))}},
			{Ops: []store.Op{store.Delete("a")}},
			{Ops: []store.Op{store.Load("a")}},
			{Ops: []store.Op{store.End()}},
		} {
			u.Write = minted()
			_, err := s.Apply(t.Context(), ref, u)
			wantCode(t, err, fault.SessionReadOnly)
		}
		wantEqual(t, "session after the refusals", s.look(t, ref, "a"), before)
	})

	t.Run("a frozen session can be read and touched", func(t *testing.T) {
		t.Parallel()
		s, ref := frozen(t)
		before := s.get(t, ref)
		if !before.ReadOnly || before.Version != 2 {
			t.Errorf("read-only %v, version %d, want true and 2", before.ReadOnly, before.Version)
		}
		s.clock.Advance(time.Minute)
		if touched := s.touch(t, ref); !touched.Expires.After(before.Expires) {
			t.Error("the touch did not re-arm the expiry")
		}
		if got := s.integer(t, ref, "a"); got != 1 {
			t.Errorf("a is %d, want 1", got)
		}
		if got := s.changes(t, ref); len(got) != 1 {
			t.Errorf("%d changes, want 1", len(got))
		}
	})

	t.Run("a frozen session refuses removal and updates that do not thaw it", func(t *testing.T) {
		t.Parallel()
		s, ref := frozen(t)
		before := s.look(t, ref, "a")
		for _, u := range []store.SessionUpdate{
			{},
			{ReadOnly: new(true)},
			{TTL: time.Minute},
			{Labels: map[string]*string{"a": new("b")}},
			{Match: store.Match{Tags: []string{"wrong"}}}, // the flag is looked at first
		} {
			u.Write = minted()
			_, err := s.Update(t.Context(), ref, u)
			wantCode(t, err, fault.SessionReadOnly)
		}
		for _, match := range []store.Match{{}, {Any: true}, {Tags: []string{"wrong"}}} {
			_, err := s.Remove(t.Context(), ref, store.SessionRemoval{Write: minted(), Match: match})
			wantCode(t, err, fault.SessionReadOnly)
		}
		wantEqual(t, "session after the refusals", s.look(t, ref, "a"), before)
	})

	t.Run("a thawed session is as before", func(t *testing.T) {
		t.Parallel()
		s, ref := frozen(t)
		_, err := s.Update(t.Context(), ref, store.SessionUpdate{
			Write: minted(), ReadOnly: new(false), Match: store.Match{Tags: []string{"wrong"}},
		})
		wantConflict(t, err, 2)
		changed, err := s.Update(t.Context(), ref, store.SessionUpdate{
			Write: minted(), ReadOnly: new(false), Labels: map[string]*string{"also": new("this")},
		})
		wantNoError(t, err)
		if changed.ReadOnly || changed.Version != 3 || changed.Labels["also"] != "this" {
			t.Errorf("read-only %v, version %d, labels %v, want a thawed version 3 with a label", changed.ReadOnly, changed.Version, changed.Labels)
		}
		s.apply(t, ref, store.Add("a", 1))
		s.remove(t, ref)
	})

	t.Run("what was applied before the freeze is answered again", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		u := store.Unit{Write: keyed("key", "request"), Ops: []store.Op{store.Add("a", 1).StartingAt(0)}}
		first := s.applyUnit(t, ref, u)
		s.freeze(t, ref)
		s.wantReplay(t, ref, u, first)
	})

	t.Run("a session created again is not frozen", func(t *testing.T) {
		t.Parallel()
		s, ref := frozen(t)
		s.clock.Advance(lifetime)
		if s.createAt(t, ref, lifetime).ReadOnly {
			t.Error("the new session is frozen")
		}
		s.apply(t, ref, store.Put("a", number(1)))
	})
}
