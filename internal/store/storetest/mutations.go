package storetest

import (
	"context"
	"testing"

	"toolpit/internal/store"
)

// mutation is one way to change what a store holds.
type mutation struct {
	name string
	// prepare makes what the mutation needs.
	prepare func(t *testing.T, s *subject, ref store.Ref, w store.Write)
	// call does it and returns the whole answer.
	call func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (answer any, replayed bool, err error)
	// indexed tells that a back end may first send an entry for its list of
	// sessions, which is no effect yet.
	indexed bool
}

// mutationNames are the variables that mutations are about.
var mutationNames = []string{"n", "text", "new"}

// mutations returns every kind of mutation there is.
func mutations() []mutation {
	existing := func(t *testing.T, s *subject, ref store.Ref, _ store.Write) {
		t.Helper()
		s.createAt(t, ref, lifetime, store.Put("n", number(5)), store.Put("text", text("x")))
	}
	nothing := func(*testing.T, *subject, store.Ref, store.Write) {}
	drafted := func(t *testing.T, s *subject, ref store.Ref, w store.Write) {
		t.Helper()
		existing(t, s, ref, w)
		s.applyUnit(t, ref, store.Unit{Write: w, Kind: store.Draft, Count: true})
	}
	create := func(returnExisting bool) func(context.Context, *subject, store.Ref, store.Write) (any, bool, error) {
		return func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (any, bool, error) {
			got, err := s.Create(ctx, ref, store.NewSession{
				Write: w, TTL: lifetime, Labels: map[string]string{"a": "b"}, ReturnExisting: returnExisting,
			})
			return got, got.Replayed, err
		}
	}
	apply := func(u store.Unit) func(context.Context, *subject, store.Ref, store.Write) (any, bool, error) {
		return func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (any, bool, error) {
			u := u // the tests that share it run in parallel
			u.Write = w
			got, err := s.Apply(ctx, ref, u)
			return got, got.Replayed, err
		}
	}
	ops := func(ops ...store.Op) func(context.Context, *subject, store.Ref, store.Write) (any, bool, error) {
		return apply(store.Unit{Count: true, Memo: []byte("memo"), Ops: ops})
	}
	return []mutation{
		{name: "Create", prepare: nothing, call: create(false), indexed: true},
		{name: "Create, returning what exists", prepare: existing, call: create(true), indexed: true},
		{name: "Touch", prepare: existing, call: func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (any, bool, error) {
			got, err := s.Touch(ctx, ref, w)
			return got, got.Replayed, err
		}},
		{name: "Update", prepare: existing, call: func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (any, bool, error) {
			got, err := s.Update(ctx, ref, store.SessionUpdate{Write: w, Labels: map[string]*string{"c": new("d")}})
			return got, got.Replayed, err
		}},
		{name: "Remove", prepare: existing, call: func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (any, bool, error) {
			got, err := s.Remove(ctx, ref, store.SessionRemoval{Write: w})
			return got, got.Replayed, err
		}},
		{name: "Put", prepare: existing, call: ops(store.Put("text", text("y")))},
		{name: "Create of a variable", prepare: existing, call: ops(store.Create("new", number(1)))},
		{name: "Ensure", prepare: existing, call: ops(store.Ensure("new", number(1)))},
		{name: "Add", prepare: existing, call: ops(store.Add("n", 3))},
		{name: "Delete", prepare: existing, call: ops(store.Delete("n"))},
		{name: "several operations", prepare: existing, call: ops(store.Add("n", 3), store.Put("text", text("y")), store.Create("new", number(1)))},
		{name: "End", prepare: existing, call: ops(store.Load("n"), store.End())},
		{name: "a count", prepare: existing, call: apply(store.Unit{Count: true})},
		{name: "a draft", prepare: existing, call: apply(store.Unit{Count: true, Kind: store.Draft})},
		{name: "an answer", prepare: existing, call: apply(store.Unit{Count: true, Kind: store.Answer, Memo: []byte("answer")})},
		{name: "an answer after its draft", prepare: drafted, call: apply(store.Unit{Count: true, Kind: store.Answer, Memo: []byte("answer")})},
		{name: "an effect after its draft", prepare: drafted, call: ops(store.Add("n", 3))},
		{name: "Remember", prepare: existing, call: func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (any, bool, error) {
			got, err := s.Remember(ctx, ref.Owner, w, []byte("answer"))
			return got, got.Replayed, err
		}},
	}
}
