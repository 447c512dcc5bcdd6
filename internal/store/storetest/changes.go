package storetest

import (
	"math"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testChanges(t *testing.T, open opener) {
	item := func(kind store.ChangeKind) func(string, int64) store.ChangeItem {
		return func(name string, version int64) store.ChangeItem {
			return store.ChangeItem{Kind: kind, Name: name, Version: version}
		}
	}
	registered, changed, deleted := item(store.Registered), item(store.ValueChanged), item(store.Deleted)

	t.Run("each unit that changes a variable is one change", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		var want []store.Change
		for i, unit := range []struct {
			ops   []store.Op
			items []store.ChangeItem
		}{
			{
				[]store.Op{store.Put("put", number(1)), store.Create("created", number(1)), store.Ensure("ensured", number(1)), store.Add("added", 1).StartingAt(0)},
				[]store.ChangeItem{registered("put", 1), registered("created", 1), registered("ensured", 1), registered("added", 1)},
			},
			{
				[]store.Op{store.Put("put", number(1)), store.Add("added", 0), store.Ensure("ensured", number(2)), store.Delete("missing"), store.Load("created")},
				[]store.ChangeItem{changed("put", 2), changed("added", 2)},
			},
			{
				[]store.Op{store.Delete("put"), store.Delete("created")},
				[]store.ChangeItem{deleted("put", 2), deleted("created", 1)},
			},
			{
				[]store.Op{store.Put("put", text("again")), store.Ensure("created", number(2))},
				[]store.ChangeItem{registered("put", 3), registered("created", 2)},
			},
		} {
			s.clock.Advance(time.Second)
			w := minted()
			w.By = "writer " + string(rune('A'+i))
			applied := s.applyUnit(t, ref, store.Unit{Write: w, Ops: unit.ops})
			if applied.Seq != int64(i+1) {
				t.Errorf("unit %d has the number %d", i+1, applied.Seq)
			}
			want = append(want, store.Change{Seq: applied.Seq, At: applied.At, By: w.By, Items: unit.items})
		}
		wantEqual(t, "change log", s.changes(t, ref), want)
		if got := s.get(t, ref).Seq; got != 4 {
			t.Errorf("the session's number is %d, want 4", got)
		}
	})

	t.Run("units that change no variable are no changes", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		for _, u := range []store.Unit{
			{},
			{Count: true},
			{Count: true, Kind: store.Draft},
			{Kind: store.Answer, Memo: []byte("answer")},
			{Ops: []store.Op{store.Load("a"), store.Load("missing")}},
			{Ops: []store.Op{store.Ensure("a", text("other"))}},
			{Ops: []store.Op{store.Delete("missing")}},
			{Ops: []store.Op{store.Ensure("a", number(3)), store.Delete("missing"), store.Load("b")}},
		} {
			u.Write = minted()
			if applied := s.applyUnit(t, ref, u); applied.Seq != 1 {
				t.Errorf("a unit of %d operations has the number %d, want 1", len(u.Ops), applied.Seq)
			}
		}
		s.touch(t, ref)
		_, err := s.Update(t.Context(), ref, store.SessionUpdate{Write: minted(), Labels: map[string]*string{"a": new("b")}})
		wantNoError(t, err)
		if got := s.get(t, ref).Seq; got != 1 {
			t.Errorf("the session's number is %d, want 1", got)
		}
		if got := s.changes(t, ref); len(got) != 1 {
			t.Errorf("%d changes, want 1", len(got))
		}
	})

	t.Run("changes are read from any number on, as many as asked for", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(0)))
		const n = 12
		for range n - 1 {
			s.apply(t, ref, store.Add("a", 1))
		}
		for _, c := range []struct {
			after int64
			limit int
			want  []int64
		}{
			{0, 3, []int64{1, 2, 3}},
			{3, 1, []int64{4}},
			{8, 3, []int64{9, 10, 11}}, // 10 comes after 9
			{9, 100, []int64{10, 11, 12}},
			{n - 1, 5, []int64{n}},
			{n, 5, nil},
			{1000, 5, nil},
			{math.MaxInt64 - 1, 5, nil},
		} {
			changes, err := s.Changes(t.Context(), ref, c.after, c.limit)
			wantNoError(t, err)
			var got []int64
			for _, change := range changes {
				got = append(got, change.Seq)
			}
			wantEqual(t, "numbers", got, c.want)
		}
	})

	t.Run("the log keeps the newest changes", func(t *testing.T) {
		t.Parallel()
		const kept, slack, written = 100, 200, 500
		s := newSubject(t, open, store.Config{Limits: store.Limits{Changes: kept}})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		for range written - 1 {
			s.apply(t, ref, store.Add("a", 1))
		}
		changes := s.changes(t, ref)
		if n := len(changes); n < kept || n > kept+slack {
			t.Fatalf("%d changes are kept, want %d to %d", n, kept, kept+slack)
		}
		for i, change := range changes {
			if want := int64(written - len(changes) + i + 1); change.Seq != want || len(change.Items) != 1 || change.Items[0].Version != want {
				t.Fatalf("change %d of the log is %+v, want number and version %d", i, change, want)
			}
		}
		first, err := s.Changes(t.Context(), ref, 7, 2)
		wantNoError(t, err)
		wantEqual(t, "what follows a dropped change", first, changes[:2])
	})

	t.Run("reading the log does not re-arm the session", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		s.clock.Advance(lifetime / 2)
		s.changes(t, ref)
		s.clock.Advance(lifetime / 2)
		s.wantGone(t, ref, fault.SessionExpired)
	})
}
