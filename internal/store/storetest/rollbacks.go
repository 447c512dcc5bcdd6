package storetest

import (
	"strings"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// testRollbacks is about returns to an earlier version.
func testRollbacks(t *testing.T, open opener) {
	begin := func(t *testing.T) (*subject, store.Ref) {
		t.Helper()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime,
			store.CreateContent("a", store.Content{Value: number(5), Metadata: []byte(`{"unit":"m","z":{"k":1}}`)}))
		s.apply(t, ref, store.PutContent("a", store.Content{Value: number(50), Metadata: []byte(`{"unit":"km"}`)}))
		return s, ref
	}

	t.Run("a rollback writes an earlier value as a new version", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t)
		old := s.read(t, ref, "a").Variables["a"]
		s.clock.Advance(time.Second)
		u := store.Unit{Write: keyed("key", "request"), Ops: []store.Op{store.Rollback("a", 1).IfVersion(2)}}
		u.By = "another"
		applied := s.applyUnit(t, ref, u)
		want := store.Variable{
			Name: "a", Value: number(5), Version: 3, Created: old.Created, Updated: applied.At, By: "another",
			Metadata: `{"rollback_from":1,"unit":"m","z":{"k":1}}`,
		}
		wantEqual(t, "result", applied.Results, []store.Result{{Variable: want, Existed: true}})
		wantEqual(t, "variable as read", s.read(t, ref, "a").Variables["a"], want)
		wantEqual(t, "last change", s.changes(t, ref)[2:], []store.Change{{
			Seq: 3, At: applied.At, By: "another", Items: []store.ChangeItem{{Kind: store.RolledBack, Name: "a", Version: 3}},
		}})
		wantEqual(t, "versions", versionsOf(s.history(t, ref, "a", 0, 10)), []int64{3, 2, 1})
		s.wantReplay(t, ref, u, applied)
	})

	t.Run("a rollback can go to a rollback, and to the version there is", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t)
		for _, c := range []struct {
			to       int64
			value    int64
			metadata string
		}{
			{1, 5, `{"rollback_from":1,"unit":"m","z":{"k":1}}`},
			{2, 50, `{"rollback_from":2,"unit":"km"}`},
			{3, 5, `{"rollback_from":3,"unit":"m","z":{"k":1}}`},
			{5, 5, `{"rollback_from":5,"unit":"m","z":{"k":1}}`},
		} {
			r := s.apply(t, ref, store.Rollback("a", c.to)).Results[0]
			if r.Value != number(c.value) || r.Metadata != c.metadata {
				t.Errorf("the rollback to %d gave %s with %s, want %d with %s", c.to, r.Value.JSON(), r.Metadata, c.value, c.metadata)
			}
		}
	})

	t.Run("a rollback needs a version that the history has", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t)
		before := s.look(t, ref, "a")
		for _, to := range []int64{0, -1, 3, 1 << 62} {
			s.refuse(t, ref, fault.VersionNotFound, store.Rollback("a", to))
		}
		s.refuse(t, ref, fault.VariableNotFound, store.Rollback("missing", 1))
		s.refuse(t, ref, fault.VersionConflict, store.Rollback("a", 1).IfVersion(1))
		s.refuse(t, ref, fault.VersionConflict, store.Rollback("missing", 1).IfVersion(1))
		wantEqual(t, "session after the refusals", s.look(t, ref, "a"), before)
	})

	t.Run("a rollback keeps today's constraints", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t)
		s.apply(t, ref, store.Patch("a", []byte(`{"min":10}`), nil))
		before := s.look(t, ref, "a")
		f := s.refuse(t, ref, fault.ConstraintViolation, store.Rollback("a", 1))
		wantEqual(t, "pointers", pointers(f), []string{"/value"})
		wantEqual(t, "session after the refusal", s.look(t, ref, "a"), before)
		s.apply(t, ref, store.Patch("a", []byte(`{"min":1}`), nil))
		if r := s.apply(t, ref, store.Rollback("a", 1)).Results[0]; r.Value != number(5) || r.Constraints != `{"min":1}` {
			t.Errorf("the rollback gave %s under %s", r.Value.JSON(), r.Constraints)
		}
	})

	t.Run("a deleted variable cannot be rolled back, nor one to before its deletion", func(t *testing.T) {
		t.Parallel()
		s, ref := begin(t)
		s.apply(t, ref, store.Delete("a"))
		s.refuse(t, ref, fault.VariableNotFound, store.Rollback("a", 1))
		s.apply(t, ref, store.Put("a", text("another type")))
		s.refuse(t, ref, fault.VersionNotFound, store.Rollback("a", 1))
	})

	t.Run("metadata that leave no room for the mark are refused", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		largest := `{"k":"` + strings.Repeat("x", store.MaxMetadata-len(`{"k":""}`)) + `"}`
		ref := s.create(t, lifetime, store.CreateContent("a", store.Content{Value: number(1), Metadata: []byte(largest)}))
		s.apply(t, ref, store.PutContent("a", store.Content{Value: number(2), Metadata: []byte(`{}`)}))
		s.refuse(t, ref, fault.ValueTooLarge, store.Rollback("a", 1))
	})
}
