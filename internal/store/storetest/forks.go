package storetest

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// testForks is about sessions that begin as a copy of another.
func testForks(t *testing.T, open opener) {
	forkNames := []string{"n", "bound", "gone", "new"}
	parent := func(t *testing.T, s *subject) store.Ref {
		t.Helper()
		ref := s.newRef()
		_, err := s.Create(t.Context(), ref, store.NewSession{Write: minted(), TTL: lifetime, Labels: map[string]string{"team": "blue"}})
		wantNoError(t, err)
		s.applyUnit(t, ref, store.Unit{Write: minted(), Count: true, Ops: []store.Op{
			store.Put("n", number(1)), store.Put("gone", number(1)),
			store.CreateContent("bound", store.Content{Value: number(1), Constraints: []byte(`{"max":9}`), Metadata: []byte(`{"k":1}`)}),
		}})
		s.clock.Advance(time.Second)
		s.apply(t, ref, store.Add("n", 1), store.Delete("gone"), store.Put("bound", number(2)))
		s.apply(t, ref, store.AcquireLock("n", store.Lease{Token: "mine", TTL: time.Hour / 2}))
		s.clock.Advance(time.Second)
		return ref
	}

	t.Run("a fork has all that its parent holds, but locks and changes", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := parent(t, s)
		before := s.look(t, ref, forkNames...)
		child := ref.MintFork()
		made, err := s.Fork(t.Context(), ref, child, store.NewSession{Write: minted()})
		wantNoError(t, err)
		if made.Existing || made.Replayed || made.Epoch == before.Session.Epoch || made.Created.Before(before.Session.Created.Add(2*time.Second)) {
			t.Errorf("the fork is %+v", made)
		}
		wantEqual(t, "session", made.Session, store.Session{
			Ref: child, Epoch: made.Epoch, Version: 1, Created: made.Created, Expires: made.Created.Add(lifetime), TTL: lifetime,
			Labels: map[string]string{"team": "blue"}, Variables: 2,
		})
		wantEqual(t, "state", s.look(t, child, forkNames...), state{Session: made.Session, Variables: before.Variables})
		for _, name := range []string{"n", "bound"} {
			wantEqual(t, "history of "+name, s.history(t, child, name, 0, 10), s.history(t, ref, name, 0, 10))
		}
		wantEqual(t, "list", s.listVariables(t, child, store.VariableQuery{Limit: 10}), s.listVariables(t, ref, store.VariableQuery{Limit: 10}))
		if usage := s.usage(t, child); usage.Locks != 0 || usage.Changes != 0 || usage.Variables != 2 || usage.Bytes == 0 {
			t.Errorf("the usage is %+v", usage)
		}
		wantEqual(t, "parent afterwards", s.look(t, ref, forkNames...), before, butExpires)
		wantEqual(t, "list of sessions", s.list(t, 10), []string{ref.ID, child.ID})
	})

	t.Run("a fork and its parent go their own ways", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := parent(t, s)
		child := s.fork(t, ref)
		before := s.look(t, ref, forkNames...)
		applied := s.apply(t, child, store.Add("n", 40), store.Put("gone", text("x")), store.Patch("bound", []byte(`{"max":null}`), nil))
		if r := applied.Results; r[0].Value != number(42) || r[0].Version != 3 || r[1].Version != 1 || r[1].Existed || applied.Seq != 1 {
			t.Errorf("the fork's unit gave %+v, seq %d", r, applied.Seq)
		}
		s.apply(t, child, store.Rollback("n", 1))
		wantEqual(t, "versions", versionsOf(s.history(t, child, "n", 0, 10)), []int64{4, 3, 2, 1})
		s.apply(t, child, store.Delete("bound"))
		wantEqual(t, "parent", s.look(t, ref, forkNames...), before, butExpires)

		after := s.look(t, child, forkNames...)
		s.applyUnit(t, ref, store.Unit{Write: minted(), LockToken: "mine", Ops: []store.Op{
			store.Put("n", number(7)), store.Put("gone", number(3)), store.Delete("bound"), store.Put("new", number(1)),
		}})
		_, err := s.Remove(t.Context(), ref, store.SessionRemoval{Write: minted(), LockToken: "mine"})
		wantNoError(t, err)
		wantEqual(t, "fork", s.look(t, child, forkNames...), after, butExpires)
		wantEqual(t, "versions in the fork", versionsOf(s.history(t, child, "n", 0, 10)), []int64{4, 3, 2, 1})
	})

	t.Run("a fork can have labels and a TTL of its own", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := parent(t, s)
		for _, labels := range []map[string]string{{}, {"a": "b"}} {
			made, err := s.Fork(t.Context(), ref, ref.MintFork(), store.NewSession{Write: minted(), TTL: 3 * time.Hour, Labels: labels})
			wantNoError(t, err)
			wantEqual(t, "labels", made.Labels, labels)
			if made.TTL != 3*time.Hour || !made.Expires.Equal(made.Created.Add(3*time.Hour)) {
				t.Errorf("TTL %v, expires %v after its creation", made.TTL, made.Expires.Sub(made.Created))
			}
		}
	})

	t.Run("a fork can be forked, and so can a session of a chosen id", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := store.Ref{Owner: s.owner, ID: "chosen"}
		s.createAt(t, ref, lifetime, store.Put("n", number(1)))
		for i := range int64(4) {
			child := s.fork(t, ref)
			if child.Family() != ref.Family() {
				t.Fatalf("families %q and %q", child.Family(), ref.Family())
			}
			if got := s.apply(t, child, store.Add("n", 1)).Results[0]; got.Value != number(i+2) || got.Version != i+2 {
				t.Errorf("fork %d has %s of version %d", i, got.Value.JSON(), got.Version)
			}
			ref = child
		}
	})

	t.Run("a frozen session can be forked and its fork be written", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("n", number(1)))
		s.freeze(t, ref)
		child := s.fork(t, ref)
		if s.get(t, child).ReadOnly {
			t.Error("the fork is frozen")
		}
		s.apply(t, child, store.Add("n", 1))
	})

	for _, kind := range tokenKinds {
		t.Run("a repeated fork is the first one, "+kind.name, func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime, store.Put("n", number(1)))
			child, n := ref.MintFork(), store.NewSession{Write: kind.make()}
			first, err := s.Fork(t.Context(), ref, child, n)
			wantNoError(t, err)
			s.apply(t, ref, store.Add("n", 1))
			s.apply(t, child, store.Put("n", number(9)))
			again, err := s.Fork(t.Context(), ref, child, n)
			wantNoError(t, err)
			first.Replayed = true
			wantEqual(t, "answer to the repetition", again, first)
			if got := s.integer(t, child, "n"); got != 9 {
				t.Errorf("the fork's variable is %d", got)
			}
			s.remove(t, ref) // the token counts in the child
			again, err = s.Fork(t.Context(), ref, child, n)
			wantNoError(t, err)
			wantEqual(t, "answer when the parent is gone", again, first)
			if kind.name == "keyed" {
				n.Fingerprint[0]++
				_, err = s.Fork(t.Context(), ref, child, n)
				wantCode(t, err, fault.IdempotencyKeyReused)
			}
		})
	}

	t.Run("forks that cannot be are refused", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("n", number(1)))
		fork := func(from, child store.Ref, code fault.Code) {
			t.Helper()
			_, err := s.Fork(t.Context(), from, child, store.NewSession{Write: minted()})
			wantCode(t, err, code)
		}
		fork(ref, s.newRef(), fault.InvalidRequest) // another family
		fork(ref, ref, fault.InvalidRequest)
		fork(ref, store.Ref{Owner: newOwner(t), ID: ref.MintFork().ID}, fault.InvalidRequest)
		missing := s.newRef()
		fork(missing, missing.MintFork(), fault.SessionNotFound)
		foreign := store.Ref{Owner: newOwner(t), ID: ref.ID}
		fork(foreign, foreign.MintFork(), fault.SessionNotFound)
		child := s.fork(t, ref)
		s.apply(t, child, store.Put("n", number(5)))
		fork(ref, child, fault.SessionExists)
		if got := s.integer(t, child, "n"); got != 5 {
			t.Errorf("the fork's variable is %d", got)
		}
		s.remove(t, child)
		_, err := s.Fork(t.Context(), ref, child, store.NewSession{Write: minted()}) // the name is free again
		wantNoError(t, err)
		s.clock.Advance(lifetime)
		fork(ref, ref.MintFork(), fault.SessionExpired)
	})

	t.Run("a fork shares the bytes of tensors and counts them", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x, y, z := newTensor(store.ChunkSize+1, 1), newTensor(10, 2), newTensor(20, 3)
		s.putTensor(t, ref, "a", x)
		s.putTensor(t, ref, "a", y)
		child := s.fork(t, ref)
		s.wantBytes(t, child, x)
		s.wantBytes(t, child, y)
		want, got := s.usage(t, ref), s.usage(t, child)
		if got.Blobs != 2 || got.BlobBytes != want.BlobBytes || got.Bytes < got.BlobBytes {
			t.Errorf("the usage is %+v, want that of %+v", got, want)
		}
		s.putTensor(t, child, "a", z)
		s.apply(t, child, store.Rollback("a", 1))
		s.apply(t, ref, store.Delete("a"))
		s.wantBytes(t, child, x)
		s.wantBytes(t, child, y)
		if usage := s.usage(t, ref); usage.Blobs != 0 {
			t.Errorf("the parent's usage is %+v, want no blobs", usage)
		}
	})

	t.Run("a large session is forked whole", func(t *testing.T) {
		t.Parallel()
		const n = 1000
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		s.fill(t, ref, n)
		child := s.fork(t, ref)
		got := s.listVariables(t, child, store.VariableQuery{Limit: n})
		wantEqual(t, "variables", got, s.listVariables(t, ref, store.VariableQuery{Limit: n}))
		if session := s.get(t, child); len(got) != n || session.Variables != n {
			t.Errorf("%d variables, %d are counted, want %d", len(got), session.Variables, n)
		}
	})

	t.Run("a fork is one instant of its parent", func(t *testing.T) {
		const writers, forks = 3, 30
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(0)), store.Put("b", number(0)))
		ctx, stop := context.WithCancel(t.Context())
		writing, ctx := errgroup.WithContext(ctx)
		for range writers {
			writing.Go(func() error {
				for ctx.Err() == nil {
					_, err := s.insist(ctx, ref, store.Unit{Write: minted(), Ops: []store.Op{store.Add("b", 1), store.Add("a", 1)}})
					if err != nil && ctx.Err() == nil {
						return err
					}
				}
				return nil
			})
		}
		last := int64(0)
		for range forks {
			child, n := ref.MintFork(), store.NewSession{Write: minted()}
			_, err := retried(func() (store.Created, error) { return s.Fork(t.Context(), ref, child, n) })
			wantNoError(t, err)
			v := s.read(t, child, "a", "b").Variables
			a, _ := v["a"].Value.Int64()
			if v["a"].Value != v["b"].Value || v["a"].Version != v["b"].Version || v["a"].Version != a+1 || a < last {
				t.Fatalf("the fork has a %s of version %d, b %s of version %d, after %d",
					v["a"].Value.JSON(), v["a"].Version, v["b"].Value.JSON(), v["b"].Version, last)
			}
			wantEqual(t, "newest version in the history", s.history(t, child, "a", 0, 1)[0].Version, a+1)
			last = a
		}
		stop()
		wantNoError(t, writing.Wait())
	})

	t.Run("many forks at once are all whole", func(t *testing.T) {
		const crowd = 20
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("n", number(7)))
		children, errs := make([]store.Ref, crowd), make([]error, crowd)
		together(crowd, func(i int) {
			child, n := ref.MintFork(), store.NewSession{Write: minted()}
			children[i] = child
			_, errs[i] = retried(func() (store.Created, error) { return s.Fork(t.Context(), ref, child, n) })
		})
		for i, child := range children {
			if errs[i] != nil || s.integer(t, child, "n") != 7 {
				t.Errorf("fork %d: %v", i, errs[i])
			}
		}
		one := ref.MintFork()
		together(crowd, func(i int) {
			n := store.NewSession{Write: minted()}
			_, errs[i] = retried(func() (store.Created, error) { return s.Fork(t.Context(), ref, one, n) })
		})
		wantOne(t, errs, fault.SessionExists)
		if got := len(s.list(t, 100)); got != crowd+2 {
			t.Errorf("%d sessions are listed, want %d", got, crowd+2)
		}
	})
}

// fork forks a session that must be alive.
func (s *subject) fork(t *testing.T, ref store.Ref) store.Ref {
	t.Helper()
	child := ref.MintFork()
	if _, err := s.Fork(t.Context(), ref, child, store.NewSession{Write: minted()}); err != nil {
		t.Fatalf("fork session %q of %q: %v", ref.ID, ref.Owner, err)
	}
	return child
}
