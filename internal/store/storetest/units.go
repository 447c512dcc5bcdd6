package storetest

import (
	"bytes"
	"strings"
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testUnits(t *testing.T, open opener) {
	t.Run("a unit does all its operations and answers for each in its place", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("put", text("old")), store.Put("counter", number(1)),
			store.Put("ensured", text("kept")), store.Put("deleted", number(1)), store.Put("loaded", number(5)))
		applied := s.applyUnit(t, ref, store.Unit{Write: minted(), Count: true, Memo: []byte("memo"), Ops: []store.Op{
			store.Load("loaded"), store.Put("put", text("new")), store.Create("created", number(1)), store.Delete("deleted"),
			store.Ensure("ensured", number(1)), store.Add("counter", 41), store.Ensure("fresh", number(3)), store.Load("nothing"),
		}})
		var got []string
		for _, r := range applied.Results {
			existed := "new"
			if r.Existed {
				existed = "existed"
			}
			got = append(got, strings.Join([]string{r.Name, r.Value.JSON(), existed}, " "))
		}
		wantEqual(t, "results", got, []string{
			"loaded 5 existed", `put "new" existed`, "created 1 new", "deleted  existed",
			`ensured "kept" existed`, "counter 42 existed", "fresh 3 new", "nothing  new",
		})
		session := s.get(t, ref)
		wantEqual(t, "answer", applied, store.Applied{
			Results: applied.Results, At: applied.At, Memo: []byte("memo"), Kind: store.Effect,
			Epoch: session.Epoch, Seq: 2, Commands: 1, Variables: 6, Created: session.Created,
		})
		if session.Seq != 2 || session.Commands != 1 || session.Variables != 6 || session.Version != 1 {
			t.Errorf("seq %d, commands %d, variables %d, version %d, want 2, 1, 6, 1", session.Seq, session.Commands, session.Variables, session.Version)
		}
		wantEqual(t, "variables", s.values(t, ref, "put", "counter", "ensured", "deleted", "loaded", "created", "fresh", "nothing"),
			map[string]string{"put": `"new"`, "counter": "42", "ensured": `"kept"`, "loaded": "5", "created": "1", "fresh": "3"})
	})

	t.Run("units count executions when they are told to", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		for i, u := range []store.Unit{
			{Count: true},
			{Count: true, Ops: []store.Op{store.Put("a", number(1))}},
			{Ops: []store.Op{store.Put("a", number(2))}},
			{Count: true, Kind: store.Answer, Memo: []byte("x")},
			{},
		} {
			u.Write = minted()
			want := []int64{1, 2, 2, 3, 3}[i]
			if applied := s.applyUnit(t, ref, u); applied.Commands != want {
				t.Errorf("unit %d: %d commands, want %d", i, applied.Commands, want)
			}
			if got := s.get(t, ref).Commands; got != want {
				t.Errorf("after unit %d: %d commands, want %d", i, got, want)
			}
		}
	})

	t.Run("the end of a session is immediate", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		want := s.read(t, ref, "a").Variables["a"]
		u := store.Unit{Write: keyed("key", "request"), Count: true, Memo: []byte("bye"), Ops: []store.Op{store.Load("a"), store.End()}}
		applied := s.applyUnit(t, ref, u)
		wantEqual(t, "results", applied.Results, []store.Result{{Variable: want, Existed: true}, {Existed: true}})
		s.wantGone(t, ref, fault.SessionNotFound)
		s.wantReplay(t, ref, u, applied)
	})

	t.Run("a unit carries any bytes in its memo", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		for _, u := range []store.Unit{
			{Memo: nil},
			{Memo: all},
			{Memo: bytes.Repeat(all, store.MaxMemo/len(all))},
			{Kind: store.Answer, Memo: bytes.Repeat(all, store.MaxAnswer/len(all))},
		} {
			u.Write = keyed(string(u.Kind)+string(u.Memo), "request")
			first := s.applyUnit(t, ref, u)
			if !bytes.Equal(first.Memo, u.Memo) {
				t.Errorf("a memo of %d bytes came back as one of %d", len(u.Memo), len(first.Memo))
			}
			s.wantReplay(t, ref, u, first)
		}
	})

	t.Run("the largest unit is applied and read in one call", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		names := spelled("v", store.MaxOps)
		ops := make([]store.Op, len(names))
		for i, name := range names {
			ops[i] = store.Put(name, number(int64(i)))
		}
		applied := s.apply(t, ref, ops...)
		if applied.Variables != store.MaxOps {
			t.Errorf("%d variables, want %d", applied.Variables, store.MaxOps)
		}
		if got := s.read(t, ref, names...).Variables; len(got) != store.MaxOps || got[names[99]].Value != number(99) {
			t.Errorf("read %d variables, v099 being %s", len(got), got[names[99]].Value.JSON())
		}
		changes := s.changes(t, ref)
		if len(changes) != 1 || len(changes[0].Items) != store.MaxOps {
			t.Errorf("the change log does not have one change of %d items", store.MaxOps)
		}
	})

	tooMany := make([]store.Op, store.MaxOps+1)
	for i, name := range spelled("v", len(tooMany)) {
		tooMany[i] = store.Load(name)
	}
	writer := minted()
	writer.By = strings.Repeat("x", store.MaxWriterLen+1)
	for _, c := range []struct {
		name string
		unit store.Unit
		code fault.Code
	}{
		{"too many operations", store.Unit{Ops: tooMany}, fault.InvalidRequest},
		{"a variable named twice", store.Unit{Ops: []store.Op{store.Put("b", number(1)), store.Load("b")}}, fault.InvalidRequest},
		{"an operation after the end", store.Unit{Ops: []store.Op{store.End(), store.Load("a")}}, fault.InvalidRequest},
		{"a write before the end", store.Unit{Ops: []store.Op{store.Put("b", number(1)), store.End()}}, fault.InvalidRequest},
		{"a nameless variable", store.Unit{Ops: []store.Op{store.Put("", number(1))}}, fault.InvalidRequest},
		{"too long a name", store.Unit{Ops: []store.Op{store.Load(strings.Repeat("n", store.MaxNameLen+1))}}, fault.InvalidRequest},
		{"too long a writer's name", store.Unit{Write: writer, Ops: []store.Op{store.Put("b", number(1))}}, fault.InvalidRequest},
		{"too long a memo", store.Unit{Memo: make([]byte, store.MaxMemo+1)}, fault.ValueTooLarge},
		{"too long an answer", store.Unit{Kind: store.Answer, Memo: make([]byte, store.MaxAnswer+1)}, fault.ValueTooLarge},
		{"too large a value", store.Unit{Ops: []store.Op{store.Put("b", text(strings.Repeat("x", 256<<10-1)))}}, fault.ValueTooLarge},
	} {
		t.Run("a unit with "+c.name+" is refused", func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime, store.Put("a", number(1)))
			before := s.look(t, ref, "a", "b")
			if len(c.unit.By) == 0 {
				c.unit.Write = minted()
			}
			_, err := s.Apply(t.Context(), ref, c.unit)
			wantCode(t, err, c.code)
			wantEqual(t, "session after the refusal", s.look(t, ref, "a", "b"), before)
		})
	}

	t.Run("a read of too many names is refused", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		_, err := s.Read(t.Context(), s.create(t, lifetime), spelled("v", store.MaxOps+1)...)
		wantCode(t, err, fault.InvalidRequest)
	})
}
