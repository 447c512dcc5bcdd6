package storetest

import (
	"slices"
	"strings"
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testLimits(t *testing.T, open opener) {
	t.Run("a session holds as many variables as the limit says", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{Limits: store.Limits{Variables: 3}})
		ref := s.create(t, lifetime, store.Put("a", number(1)), store.Put("b", number(1)), store.Put("c", number(1)))
		names := []string{"a", "b", "c", "d"}
		before := s.look(t, ref, names...)
		for _, op := range []store.Op{
			store.Put("d", number(1)), store.Create("d", number(1)), store.Ensure("d", number(1)), store.Add("d", 1).StartingAt(0),
		} {
			f := s.refuse(t, ref, fault.VariableQuotaExceeded, store.Put("a", number(2)), op)
			if f.Facts.Limit != 3 || f.Facts.Current != 3 {
				t.Errorf("%c: limit %d, current %d, want 3 and 3", op.Kind, f.Facts.Limit, f.Facts.Current)
			}
		}
		wantEqual(t, "session after the refusals", s.look(t, ref, names...), before)
		s.apply(t, ref, store.Put("a", number(2)), store.Ensure("b", number(2)), store.Add("c", 1), store.Load("d"), store.Delete("e"))
	})

	t.Run("deleting makes room for variables", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{Limits: store.Limits{Variables: 2}})
		ref := s.create(t, lifetime, store.Put("a", number(1)), store.Put("b", number(1)))
		s.apply(t, ref, store.Delete("a"))
		s.apply(t, ref, store.Put("c", number(1)))
		s.refuse(t, ref, fault.VariableQuotaExceeded, store.Put("a", number(1)))
		if applied := s.apply(t, ref, store.Delete("b"), store.Put("a", number(1))); applied.Variables != 2 {
			t.Errorf("%d variables, want 2", applied.Variables)
		}
		wantEqual(t, "variables", s.values(t, ref, "a", "b", "c"), map[string]string{"a": "1", "c": "1"})
	})

	t.Run("a session remembers so many names, and says how many", func(t *testing.T) {
		t.Parallel()
		const variables = 50
		const limit = 2*variables + 1000
		s := newSubject(t, open, store.Config{Limits: store.Limits{Variables: variables}})
		ref := s.create(t, lifetime)
		names := spelled("v", limit+1)
		for some := range slices.Chunk(names[:limit], variables) {
			var puts, deletes []store.Op
			for _, name := range some {
				puts, deletes = append(puts, store.Put(name, number(1))), append(deletes, store.Delete(name))
			}
			s.apply(t, ref, puts...)
			s.apply(t, ref, deletes...)
		}
		for _, op := range []store.Op{store.Put(names[limit], number(1)), store.Create(names[limit], number(1)), store.Add(names[limit], 1).StartingAt(0)} {
			if f := s.refuse(t, ref, fault.VariableQuotaExceeded, op); f.Facts.Limit != limit || f.Facts.Current != limit {
				t.Errorf("%c: limit %d, current %d, want %d of both", op.Kind, f.Facts.Limit, f.Facts.Current, limit)
			}
		}
		s.apply(t, ref, store.Put(names[0], number(1)), store.Put(names[limit-1], number(1))) // it knows them
	})

	t.Run("preconditions come before quotas", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{Limits: store.Limits{Variables: 1}})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		s.refuse(t, ref, fault.VariableExists, store.Put("b", number(1)), store.Create("a", number(1)))
		s.refuse(t, ref, fault.VersionConflict, store.Put("b", number(1)), store.Load("a").IfVersion(9))
	})

	t.Run("a value may be as large as the limit says", func(t *testing.T) {
		t.Parallel()
		const limit = 100
		s := newSubject(t, open, store.Config{Limits: store.Limits{ValueBytes: limit}})
		ref := s.create(t, lifetime)
		largest := text(strings.Repeat("x", limit-2))
		larger := text(strings.Repeat("x", limit-1))
		for _, op := range []store.Op{store.Put("a", larger), store.Create("a", larger), store.Ensure("a", larger)} {
			if f := s.refuse(t, ref, fault.ValueTooLarge, op); f.Facts.LimitBytes != limit {
				t.Errorf("%c: the limit is said to be %d, want %d", op.Kind, f.Facts.LimitBytes, limit)
			}
		}
		s.apply(t, ref, store.Put("a", largest))
		if got := s.read(t, ref, "a").Variables["a"].Value; got != largest {
			t.Errorf("the value reads %s", got.JSON())
		}
	})

	t.Run("a session holds as many bytes as the limit says", func(t *testing.T) {
		t.Parallel()
		const limit, size = 64 << 10, 1 << 10
		s := newSubject(t, open, store.Config{Limits: store.Limits{SessionBytes: limit}})
		ref := s.create(t, lifetime)
		value := text(strings.Repeat("x", size-2))
		names := spelled("v", limit/size+1)
		written := 0
		for _, name := range names {
			before := s.get(t, ref)
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Count: true, Ops: []store.Op{store.Put(name, value)}})
			if err == nil {
				written++
				continue
			}
			if f := wantCode(t, err, fault.SessionQuotaExceeded); f.Facts.Limit != limit || f.Facts.Current > limit || f.Facts.Current < int64(written*size) {
				t.Errorf("limit %d, current %d, want %d and what there is", f.Facts.Limit, f.Facts.Current, limit)
			}
			wantEqual(t, "session after the refusal", s.get(t, ref), before)
			break
		}
		if written == len(names) || written < len(names)/2 {
			t.Fatalf("%d values of %d bytes fit into %d bytes", written, size, limit)
		}

		s.apply(t, ref, store.Delete(names[0]), store.Delete(names[1]))
		s.apply(t, ref, store.Put("again", value))
		s.remove(t, ref)
		s.createAt(t, ref, lifetime)
		for _, name := range names[:written/2] {
			s.apply(t, ref, store.Put(name, value))
		}
	})

	t.Run("what overwriting leaves in the history counts against the session's bytes", func(t *testing.T) {
		t.Parallel()
		const limit, size, fit = 1 << 20, 200_000, 5
		s := newSubject(t, open, store.Config{Limits: store.Limits{SessionBytes: limit}})
		ref := s.create(t, lifetime)
		names := spelled("v", fit)
		value := text(strings.Repeat("x", size-2))
		for _, name := range names {
			s.apply(t, ref, store.Put(name, value))
		}
		before := s.look(t, ref, names...)
		holds := s.usage(t, ref).Bytes
		for _, name := range names {
			for _, op := range []store.Op{
				store.Put(name, value), store.Put(name, text(strings.Repeat("y", size/2))),
				store.PutContent(name, store.Content{Value: value, Metadata: []byte(`{"k":1}`)}), store.Patch(name, nil, []byte(`{"k":1}`)),
			} {
				if f := s.refuse(t, ref, fault.SessionQuotaExceeded, op); f.Facts.Limit != limit || f.Facts.Current != holds {
					t.Errorf("limit %d, current %d, want %d and %d", f.Facts.Limit, f.Facts.Current, limit, holds)
				}
			}
		}
		wantEqual(t, "session after the refusals", s.look(t, ref, names...), before)
		for _, name := range names {
			wantEqual(t, "versions", versionsOf(s.history(t, ref, name, 0, 10)), []int64{1})
		}
		// What the same unit gives up makes room.
		s.apply(t, ref, store.Delete(names[0]), store.Put(names[1], value))
		s.refuse(t, ref, fault.SessionQuotaExceeded, store.Put(names[0], value))
		s.apply(t, ref, store.Delete(names[1]), store.Put(names[0], value)) // with its history
		s.apply(t, ref, store.Put(names[1], value))
		s.applyUnit(t, ref, store.Unit{Write: keyed("end", "request"), Memo: make([]byte, store.MaxMemo), Ops: []store.Op{store.End()}})
	})

	t.Run("overwriting goes on in a full session whose history goes round", func(t *testing.T) {
		t.Parallel()
		const limit, size = 1 << 20, 200_000
		for _, limits := range []store.Limits{
			{SessionBytes: limit, History: 1},
			{SessionBytes: limit, History: 2},
			{SessionBytes: limit, HistoryBytes: 1},
			{SessionBytes: limit, HistoryBytes: size + size/2},
		} {
			s := newSubject(t, open, store.Config{Limits: limits})
			ref := s.create(t, lifetime)
			s.apply(t, ref, store.Put("other", text(strings.Repeat("x", size))))
			for i := range 12 {
				s.apply(t, ref, store.Put("a", text(strings.Repeat(string(rune('a'+i)), size))))
			}
			if got := s.usage(t, ref).Bytes; got > limit {
				t.Errorf("%d bytes are counted, more than %d", got, limit)
			}
		}
	})

	t.Run("overwrites that come together do not fill a session beyond its limit", func(t *testing.T) {
		t.Parallel()
		const limit, size, crowd = 100 << 10, 5000, 64
		s := newSubject(t, open, store.Config{Limits: store.Limits{SessionBytes: limit}})
		ref := s.create(t, lifetime, store.Put("b", text("x")))
		errs := make([]error, crowd)
		together(crowd, func(i int) {
			u := store.Unit{Write: minted(), Ops: []store.Op{store.Put("b", text(strings.Repeat("x", size)))}}
			_, errs[i] = s.insist(t.Context(), ref, u)
		})
		written := 0
		for _, err := range errs {
			if err == nil {
				written++
				continue
			}
			if f := wantCode(t, err, fault.SessionQuotaExceeded); f.Facts.Current > limit || f.Facts.Current < limit-2*size {
				t.Errorf("it is said to hold %d bytes", f.Facts.Current)
			}
		}
		if got := s.usage(t, ref).Bytes; got > limit || got < limit-2*size || written > limit/size {
			t.Errorf("%d values of %d bytes were written, %d bytes are counted", written, size, got)
		}
	})

	t.Run("small values fill a session's history as large ones do", func(t *testing.T) {
		t.Parallel()
		const limit, little = 32 << 10, 1 << 10
		s := newSubject(t, open, store.Config{Limits: store.Limits{SessionBytes: limit}})
		ref := s.create(t, lifetime)
		names := spelled("v", 50)
		value := text(strings.Repeat("x", 50))
		for _, name := range names {
			s.apply(t, ref, store.Put(name, value), store.Put(name+"n", number(1)))
		}
		var full error
		for range 49 {
			for _, name := range names {
				u := store.Unit{Write: minted(), Ops: []store.Op{store.Put(name, value), store.Put(name+"n", number(2))}}
				if _, full = s.insist(t.Context(), ref, u); full != nil {
					break
				}
			}
			if full != nil {
				break
			}
		}
		wantCode(t, full, fault.SessionQuotaExceeded)
		if got := s.usage(t, ref).Bytes; got < limit-little || got > limit+little {
			t.Errorf("the session was full with %d bytes, want about %d", got, limit)
		}
	})

	t.Run("memos count against the session's bytes", func(t *testing.T) {
		t.Parallel()
		const limit = 64 << 10
		s := newSubject(t, open, store.Config{Limits: store.Limits{SessionBytes: limit}})
		ref := s.create(t, lifetime)
		for range limit/store.MaxMemo + 1 {
			w := keyed(store.MintID(), "request")
			if _, err := s.Apply(t.Context(), ref, store.Unit{Write: w, Memo: make([]byte, store.MaxMemo)}); err != nil {
				wantCode(t, err, fault.SessionQuotaExceeded)
				return
			}
		}
		t.Error("more bytes of memos than the session may have were kept")
	})
}
