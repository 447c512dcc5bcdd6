package storetest

import (
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
