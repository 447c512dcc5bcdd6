package storetest

import (
	"context"
	"testing"
	"time"

	"toolpit/internal/store"
	"toolpit/internal/value"
)

// mutation is one way to change what a store holds.
type mutation struct {
	name string
	// prepare makes what the mutation needs.
	prepare func(t *testing.T, s *subject, ref store.Ref, w store.Write)
	// call does it and returns the whole answer.
	call func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (answer any, replayed bool, err error)
	// indexed tells that a back end may first send something that is no effect
	// yet: an entry for its list of sessions, or a question about the variables.
	indexed bool
	bulk    bool // it moves a chunk, which may take longer than other calls
}

// mutationNames are the variables that mutations are about.
var mutationNames = []string{"n", "text", "new", "held", "tensor"}

// mutationLock opens the lock on the variable "held", and mutationUpload names
// bytes that wait for their variable.
const mutationLock = "the token"

var mutationUpload = store.Upload{ID: "UPLOAD", Bytes: 10}

// mutations returns every kind of mutation there is.
func mutations() []mutation {
	existing := func(t *testing.T, s *subject, ref store.Ref, _ store.Write) {
		t.Helper()
		s.createAt(t, ref, lifetime, store.Put("n", number(5)), store.Put("text", text("x")), store.Put("held", number(1)))
		s.apply(t, ref, store.Put("text", text("z")), store.AcquireLock("held", store.Lease{Token: mutationLock, TTL: lifetime / 2}))
	}
	// staged has bytes of the tensor that a call brings along; replaying it must
	// not ask for them again.
	staged := func(t *testing.T, s *subject, ref store.Ref, w store.Write) {
		t.Helper()
		existing(t, s, ref, w)
		wantNoError(t, s.insistOnStaging(t.Context(), ref, mutationUpload, newTensor(10, 1)))
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
	fork := func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (any, bool, error) {
		// Its name follows from that of the parent, so that a repetition is one.
		child := store.Ref{Owner: ref.Owner, ID: ref.ID[:len(ref.ID)-4] + "FORK"}
		got, err := s.Fork(ctx, ref, child, store.NewSession{Write: w, Labels: map[string]string{"a": "b"}})
		return got, got.Replayed, err
	}
	apply := func(u store.Unit) func(context.Context, *subject, store.Ref, store.Write) (any, bool, error) {
		return func(ctx context.Context, s *subject, ref store.Ref, w store.Write) (any, bool, error) {
			u := u // the tests that share it run in parallel
			u.Write, u.LockToken = w, mutationLock
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
			got, err := s.Remove(ctx, ref, store.SessionRemoval{Write: w, LockToken: mutationLock})
			return got, got.Replayed, err
		}},
		{name: "Put", prepare: existing, call: ops(store.Put("text", text("y")))},
		{name: "Create of a variable", prepare: existing, call: ops(store.Create("new", number(1)))},
		{name: "Ensure", prepare: existing, call: ops(store.Ensure("new", number(1)))},
		{name: "Add", prepare: existing, call: ops(store.Add("n", 3))},
		{name: "Delete", prepare: existing, call: ops(store.Delete("n"))},
		{name: "Put of JSON", prepare: existing, call: ops(store.PutContent("n", store.Content{JSON: []byte("7"), Metadata: []byte(`{"k":1}`)}))},
		{name: "Create with constraints", prepare: existing, call: ops(store.CreateContent("new", store.Content{
			JSON: []byte("1"), Type: value.Float, Constraints: []byte(`{"max":3}`), Metadata: []byte(`{"k":1}`),
		}))},
		{name: "Put of a tensor", prepare: staged, call: ops(store.PutContent("tensor", newTensor(10, 1).content(mutationUpload))), indexed: true},
		{name: "Replace", prepare: existing, call: ops(store.Replace("text", store.Content{JSON: []byte("1"), Metadata: []byte(`{"k":1}`)})), indexed: true},
		{name: "Patch", prepare: existing, call: ops(store.Patch("n", []byte(`{"max":9}`), []byte(`{"k":1}`))), indexed: true},
		{name: "Rollback", prepare: existing, call: ops(store.Rollback("text", 1)), indexed: true},
		{name: "Lock", prepare: existing, call: ops(store.AcquireLock("n", store.Lease{Token: "n", Holder: "me", TTL: time.Minute}))},
		{name: "Lock, renewing", prepare: existing, call: ops(store.AcquireLock("held", store.Lease{Token: mutationLock, TTL: lifetime / 4}))},
		{name: "Unlock", prepare: existing, call: ops(store.ReleaseLock("held"))},
		{name: "operations one by one", prepare: existing, call: apply(store.Unit{Count: true, Each: true, Ops: []store.Op{
			store.Add("n", 3), store.Create("text", number(1)), store.Patch("missing", nil, nil), store.Create("new", number(1)),
			store.PutContent("held", store.Content{JSON: []byte(`{`)}),
		}}), indexed: true},
		{name: "Fork", prepare: existing, call: fork, indexed: true},
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
