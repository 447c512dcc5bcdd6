package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// testLocks is about leases on variables.
func testLocks(t *testing.T, open opener) {
	lease := store.Lease{Token: "mine", Holder: "the holder", TTL: time.Minute}
	locked := func(t *testing.T) (*subject, store.Ref, store.Applied) {
		t.Helper()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)), store.Put("b", number(1)))
		s.apply(t, ref, store.Put("a", number(2)))
		return s, ref, s.apply(t, ref, store.AcquireLock("a", lease))
	}

	t.Run("a lock is granted and changes nothing about the variable", func(t *testing.T) {
		t.Parallel()
		s, ref, applied := locked(t)
		v := s.read(t, ref, "a").Variables["a"]
		if v.Version != 2 || v.Value != number(2) {
			t.Errorf("the variable became %s of version %d", v.Value.JSON(), v.Version)
		}
		wantEqual(t, "result", applied.Results, []store.Result{{Variable: v, Existed: true, Lock: &store.Lock{
			Token: "mine", Holder: "the holder", Fence: 3, Expires: applied.At.Add(time.Minute),
		}}})
		wantEqual(t, "last change", s.changes(t, ref)[2:], []store.Change{{
			Seq: 3, At: applied.At, By: "storetest", Items: []store.ChangeItem{{Kind: store.Locked, Name: "a", Version: 2}},
		}})
		if got := s.usage(t, ref).Locks; got != 1 {
			t.Errorf("%d locks are counted, want 1", got)
		}
	})

	for name, op := range lockedWrites("a") {
		t.Run(name+" needs the lock", func(t *testing.T) {
			t.Parallel()
			s, ref, applied := locked(t)
			before := s.look(t, ref, "a", "b")
			for _, token := range []string{"", "other", "min", "mine "} {
				_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), LockToken: token, Ops: []store.Op{store.Put("b", number(2)), op}})
				wantLocked(t, err, applied.Results[0].Lock)
				_, err = s.Apply(t.Context(), ref, store.Unit{Write: minted(), LockToken: token, Ops: []store.Op{op}})
				wantLocked(t, err, applied.Results[0].Lock)
			}
			wantEqual(t, "session after the refusals", s.look(t, ref, "a", "b"), before)
			each := s.applyUnit(t, ref, store.Unit{Write: minted(), Each: true, Ops: []store.Op{op}})
			if f := each.Results[0].Refused; f == nil || f.Code != fault.VariableLocked || f.Facts.Holder != "the holder" {
				t.Errorf("one by one the operation gave %+v", each.Results[0])
			}

			s.clock.Advance(time.Minute) // it ends by itself
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Ops: []store.Op{op}})
			if op.Kind == store.OpCreate {
				wantCode(t, err, fault.VariableExists)
				return
			}
			wantNoError(t, err)
		})

		t.Run(name+" is opened by the token", func(t *testing.T) {
			t.Parallel()
			s, ref, _ := locked(t)
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), LockToken: "mine", Ops: []store.Op{op}})
			if op.Kind == store.OpCreate {
				wantCode(t, err, fault.VariableExists)
				return
			}
			wantNoError(t, err)
		})
	}

	t.Run("what writes nothing needs no lock", func(t *testing.T) {
		t.Parallel()
		s, ref, _ := locked(t)
		s.apply(t, ref, store.Load("a"), store.Put("b", number(2)))
		s.read(t, ref, "a")
		s.history(t, ref, "a", 0, 10)
		s.applyUnit(t, ref, store.Unit{Write: minted(), Count: true})
		s.touch(t, ref)
	})

	t.Run("the end of a session needs the token of every lock", func(t *testing.T) {
		t.Parallel()
		for name, end := range map[string]func(s *subject, ref store.Ref, token string) error{
			"End": func(s *subject, ref store.Ref, token string) error {
				_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), LockToken: token, Ops: []store.Op{store.Load("b"), store.End()}})
				return err
			},
			"Remove": func(s *subject, ref store.Ref, token string) error {
				_, err := s.Remove(t.Context(), ref, store.SessionRemoval{Write: minted(), LockToken: token})
				return err
			},
		} {
			s, ref, applied := locked(t)
			before := s.look(t, ref, "a", "b")
			wantLocked(t, end(s, ref, ""), applied.Results[0].Lock)
			wantLocked(t, end(s, ref, "other"), applied.Results[0].Lock)
			wantEqual(t, "session after the refusals", s.look(t, ref, "a", "b"), before)
			s.apply(t, ref, store.AcquireLock("b", store.Lease{Token: "second", TTL: time.Hour / 2}))
			wantCode(t, end(s, ref, "mine"), fault.VariableLocked)
			wantCode(t, end(s, ref, "second"), fault.VariableLocked)
			s.clock.Advance(time.Minute)
			if err := end(s, ref, "second"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			s.wantGone(t, ref, fault.SessionNotFound)
			s.createAt(t, ref, lifetime, store.Put("b", number(1))) // the locks went with the session
			if got := s.usage(t, ref).Locks; got != 0 {
				t.Errorf("%d locks are counted, want 0", got)
			}
		}
	})

	t.Run("a lock is renewed by its token and keeps its fence", func(t *testing.T) {
		t.Parallel()
		s, ref, first := locked(t)
		s.clock.Advance(40 * time.Second)
		longer := store.Lease{Token: "mine", Holder: "renamed", TTL: 2 * time.Minute}
		again := s.apply(t, ref, store.AcquireLock("a", longer))
		want := &store.Lock{Token: "mine", Holder: "renamed", Fence: first.Results[0].Lock.Fence, Expires: again.At.Add(2 * time.Minute)}
		wantEqual(t, "renewed lock", again.Results[0].Lock, want)
		_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Ops: []store.Op{store.AcquireLock("a", store.Lease{Token: "other", TTL: time.Minute})}})
		wantLocked(t, err, want)
		s.clock.Advance(80 * time.Second)
		s.refuse(t, ref, fault.VariableLocked, store.Put("a", number(3)))
		if got := s.changes(t, ref); len(got) != 4 || got[3].Items[0] != (store.ChangeItem{Kind: store.Locked, Name: "a", Version: 2}) {
			t.Errorf("the changes are %+v", got)
		}
		s.clock.Advance(40 * time.Second)
		taken := s.apply(t, ref, store.AcquireLock("a", store.Lease{Token: "mine", TTL: time.Minute})) // it was over: a new one
		if got := taken.Results[0].Lock.Fence; got <= want.Fence {
			t.Errorf("the next lock has the fence %d, after %d", got, want.Fence)
		}
	})

	t.Run("a renewal can leave the holder as it is", func(t *testing.T) {
		t.Parallel()
		s, ref, _ := locked(t)
		keep := store.Lease{Token: "mine", Holder: "anybody", Keep: true, TTL: time.Minute}
		renewed := s.apply(t, ref, store.AcquireLock("a", keep)).Results[0].Lock
		if renewed.Holder != "the holder" {
			t.Errorf("renewed, the lock is held by %q", renewed.Holder)
		}
		wantLocked(t, s.refuse(t, ref, fault.VariableLocked, store.Put("a", number(3))), renewed)
		s.clock.Advance(time.Minute) // it was over: there is nobody to keep
		if got := s.apply(t, ref, store.AcquireLock("a", keep)).Results[0].Lock.Holder; got != "anybody" {
			t.Errorf("taken again, the lock is held by %q", got)
		}
	})

	t.Run("the unit's token opens no lock for another", func(t *testing.T) {
		t.Parallel()
		s, ref, first := locked(t)
		_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), LockToken: "mine", Ops: []store.Op{
			store.AcquireLock("a", store.Lease{Token: "other", TTL: time.Minute}),
		}})
		wantLocked(t, err, first.Results[0].Lock)
	})

	t.Run("fences rise over all variables and their rebirths", func(t *testing.T) {
		t.Parallel()
		s, ref, applied := locked(t)
		last := applied.Results[0].Lock.Fence
		release := func(name, token string) {
			s.applyUnit(t, ref, store.Unit{Write: minted(), LockToken: token, Ops: []store.Op{store.ReleaseLock(name)}})
		}
		release("a", "mine")
		for i, name := range []string{"b", "a", "b", "a"} {
			if i == 2 {
				s.apply(t, ref, store.Delete("a"), store.Delete("b"))
				s.apply(t, ref, store.Put("a", text("x")), store.Put("b", text("x")))
			}
			token := fmt.Sprint("token ", i)
			fence := s.apply(t, ref, store.AcquireLock(name, store.Lease{Token: token, TTL: time.Minute})).Results[0].Lock.Fence
			if fence <= last {
				t.Errorf("the fence %d follows %d", fence, last)
			}
			last = fence
			release(name, token)
		}
	})

	t.Run("a lock is released by its token only", func(t *testing.T) {
		t.Parallel()
		s, ref, first := locked(t)
		for _, token := range []string{"", "other"} {
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), LockToken: token, Ops: []store.Op{store.ReleaseLock("a")}})
			wantLocked(t, err, first.Results[0].Lock)
		}
		u := store.Unit{Write: keyed("key", "request"), LockToken: "mine", Ops: []store.Op{store.ReleaseLock("a")}}
		released := s.applyUnit(t, ref, u)
		if v := s.read(t, ref, "a").Variables["a"]; v.Version != 2 {
			t.Errorf("the release made version %d", v.Version)
		}
		wantEqual(t, "last change", s.changes(t, ref)[3:], []store.Change{{
			Seq: 4, At: released.At, By: "storetest", Items: []store.ChangeItem{{Kind: store.Unlocked, Name: "a", Version: 2}},
		}})
		s.apply(t, ref, store.Put("a", number(3)))
		s.wantReplay(t, ref, u, released)
		if got := s.usage(t, ref).Locks; got != 0 {
			t.Errorf("%d locks are counted, want 0", got)
		}
	})

	t.Run("a release without a living lock does nothing", func(t *testing.T) {
		t.Parallel()
		s, ref, _ := locked(t)
		before := s.get(t, ref).Seq
		s.clock.Advance(time.Minute)
		for _, token := range []string{"mine", "other", ""} {
			for _, name := range []string{"a", "b", "missing"} {
				applied := s.applyUnit(t, ref, store.Unit{Write: minted(), LockToken: token, Ops: []store.Op{store.ReleaseLock(name)}})
				if applied.Seq != before {
					t.Errorf("the release of %q is change %d", name, applied.Seq)
				}
			}
		}
	})

	t.Run("the unit that takes a lock answers alike when it is repeated", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		u := store.Unit{Write: keyed("key", "request"), Ops: []store.Op{store.AcquireLock("a", lease)}}
		first := s.applyUnit(t, ref, u)
		s.clock.Advance(30 * time.Second)
		s.wantReplay(t, ref, u, first)
		s.clock.Advance(30 * time.Second) // a repetition does not renew
		s.apply(t, ref, store.Put("a", number(2)))
	})

	t.Run("deleting with the token drops the lock", func(t *testing.T) {
		t.Parallel()
		s, ref, _ := locked(t)
		s.applyUnit(t, ref, store.Unit{Write: minted(), LockToken: "mine", Ops: []store.Op{store.Delete("a")}})
		s.apply(t, ref, store.Put("a", number(1)))
		s.apply(t, ref, store.AcquireLock("a", store.Lease{Token: "other", TTL: time.Minute}))
		if got := s.usage(t, ref).Locks; got != 1 {
			t.Errorf("%d locks are counted, want 1", got)
		}
	})

	t.Run("only what is there can be locked, and only with a lease that is one", func(t *testing.T) {
		t.Parallel()
		s, ref, _ := locked(t)
		s.refuse(t, ref, fault.VariableNotFound, store.AcquireLock("missing", lease))
		s.refuse(t, ref, fault.VersionConflict, store.AcquireLock("b", lease).IfVersion(7))
		for _, l := range []store.Lease{
			{TTL: time.Minute},
			{Token: strings.Repeat("x", store.MaxLockToken+1), TTL: time.Minute},
			{Token: "x", Holder: strings.Repeat("x", store.MaxWriterLen+1), TTL: time.Minute},
			{Token: "x"},
			{Token: "x", TTL: store.MaxLease + 1},
		} {
			s.refuse(t, ref, fault.InvalidRequest, store.AcquireLock("b", l))
		}
		odd := store.Lease{Token: strings.Repeat("\x00ü", store.MaxLockToken/3), Holder: "\x00\"'", TTL: store.MaxLease}
		if got := s.apply(t, ref, store.AcquireLock("b", odd)).Results[0].Lock; got.Token != odd.Token || got.Holder != odd.Holder {
			t.Errorf("the lock is %+v", got)
		}
		s.applyUnit(t, ref, store.Unit{Write: minted(), LockToken: odd.Token, Ops: []store.Op{store.Put("b", number(2))}})
	})

	t.Run("a session has a limited number of living locks", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		names := spelled("v", store.MaxLocks+1)
		ref := s.create(t, lifetime)
		var puts, takes []store.Op
		for _, name := range names {
			puts, takes = append(puts, store.Put(name, number(1))), append(takes, store.AcquireLock(name, lease))
		}
		s.apply(t, ref, puts[:store.MaxLocks]...)
		s.apply(t, ref, puts[store.MaxLocks:]...)
		s.apply(t, ref, takes[:store.MaxLocks]...)
		f := s.refuse(t, ref, fault.SessionQuotaExceeded, takes[store.MaxLocks])
		if f.Facts.Limit != store.MaxLocks || f.Facts.Current != store.MaxLocks {
			t.Errorf("limit %d, current %d, want %d", f.Facts.Limit, f.Facts.Current, store.MaxLocks)
		}
		s.apply(t, ref, takes[0]) // renewing takes no more room
		s.applyUnit(t, ref, store.Unit{Write: minted(), LockToken: "mine", Ops: []store.Op{store.ReleaseLock(names[1])}})
		s.apply(t, ref, takes[store.MaxLocks])
		s.refuse(t, ref, fault.SessionQuotaExceeded, takes[1])
		s.clock.Advance(time.Minute)
		s.apply(t, ref, takes[1]) // what is over does not count
		if got := s.usage(t, ref).Locks; got != 1 {
			t.Errorf("%d locks are counted, want 1", got)
		}
	})

	t.Run("of many who want a lock one has it", func(t *testing.T) {
		const crowd = 20
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		errs := make([]error, crowd)
		together(crowd, func(i int) {
			take := store.AcquireLock("a", store.Lease{Token: fmt.Sprint("token ", i), TTL: time.Minute})
			_, errs[i] = s.insist(t.Context(), ref, store.Unit{Write: minted(), Ops: []store.Op{take}})
		})
		wantOne(t, errs, fault.VariableLocked)
	})
}

// lockedWrites returns every operation that writes a living variable.
func lockedWrites(name string) map[string]store.Op {
	return map[string]store.Op{
		"Put":      store.Put(name, number(3)),
		"JSON":     store.PutContent(name, store.Content{JSON: []byte("3")}),
		"Create":   store.Create(name, number(3)),
		"Replace":  store.Replace(name, store.Content{Value: text("3")}),
		"Ensure":   store.Ensure(name, number(3)),
		"Add":      store.Add(name, 1),
		"Patch":    store.Patch(name, []byte(`{"min":0}`), nil),
		"Rollback": store.Rollback(name, 1),
		"Delete":   store.Delete(name),
	}
}

// wantLocked requires err to say who has the lock and until when.
func wantLocked(t *testing.T, err error, l *store.Lock) {
	t.Helper()
	f := wantCode(t, err, fault.VariableLocked)
	if f.Facts.Holder != l.Holder || !f.Facts.Expires.Equal(l.Expires) {
		t.Fatalf("it is said to be locked by %q until %v, want %q until %v", f.Facts.Holder, f.Facts.Expires, l.Holder, l.Expires)
	}
}
