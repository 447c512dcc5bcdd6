package storetest

import (
	"fmt"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testSessions(t *testing.T, open opener) {
	t.Run("a new session is what was asked for", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.newRef()
		labels := map[string]string{"team": "blue", "empty": ""}
		before := s.now(t)
		created, err := s.Create(t.Context(), ref, store.NewSession{Write: minted(), TTL: 90 * time.Second, Labels: labels})
		wantNoError(t, err)
		after := s.now(t)

		if created.Existing || created.Replayed {
			t.Errorf("existing %v, replayed %v, want a first creation", created.Existing, created.Replayed)
		}
		if created.Epoch == "" {
			t.Error("the session has no epoch")
		}
		if created.Created.Before(before.Truncate(time.Millisecond)) || created.Created.After(after) {
			t.Errorf("created at %v, want between %v and %v", created.Created, before, after)
		}
		wantEqual(t, "session", created.Session, store.Session{
			Ref: ref, Version: 1, TTL: 90 * time.Second, Labels: labels,
			Epoch: created.Epoch, Created: created.Created, Expires: created.Created.Add(90 * time.Second),
		})
		wantEqual(t, "session as read", s.get(t, ref), created.Session)
	})

	t.Run("a living session's id is taken", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		before := s.look(t, ref, "a")
		_, err := s.Create(t.Context(), ref, store.NewSession{Write: minted(), TTL: time.Minute})
		wantCode(t, err, fault.SessionExists)
		wantEqual(t, "session after the refusal", s.look(t, ref, "a"), before)
	})

	t.Run("a creation can ask for the session that exists", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		before := s.look(t, ref, "a")
		got, err := s.Create(t.Context(), ref, store.NewSession{
			Write: minted(), TTL: time.Minute, Labels: map[string]string{"new": "label"}, ReturnExisting: true,
		})
		wantNoError(t, err)
		if !got.Existing || got.Replayed {
			t.Errorf("existing %v, replayed %v, want existing only", got.Existing, got.Replayed)
		}
		wantEqual(t, "returned session", got.Session, before.Session, butIdentity)
		if got.Epoch != before.Session.Epoch {
			t.Errorf("epoch %q, want %q", got.Epoch, before.Session.Epoch)
		}
		wantEqual(t, "session afterwards", s.look(t, ref, "a"), before, butIdentity)
	})

	t.Run("asking for an existing session creates one when there is none", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		got, err := s.Create(t.Context(), s.newRef(), store.NewSession{Write: minted(), TTL: lifetime, ReturnExisting: true})
		wantNoError(t, err)
		if got.Existing || got.Version != 1 {
			t.Errorf("existing %v, version %d, want a new session", got.Existing, got.Version)
		}
	})

	for _, end := range []struct {
		name string
		end  func(t *testing.T, s *subject, ref store.Ref)
	}{
		{"removed", func(t *testing.T, s *subject, ref store.Ref) { s.remove(t, ref) }},
		{"ended by a unit", func(t *testing.T, s *subject, ref store.Ref) { s.apply(t, ref, store.End()) }},
		{"expired", func(_ *testing.T, s *subject, _ store.Ref) { s.clock.Advance(lifetime) }},
		{"long gone", func(_ *testing.T, s *subject, _ store.Ref) { s.clock.Advance(10 * lifetime) }},
	} {
		t.Run("a session created again after it was "+end.name+" starts anew", func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref := s.newRef()
			first, err := s.Create(t.Context(), ref, store.NewSession{Write: minted(), TTL: lifetime, Labels: map[string]string{"old": "label"}})
			wantNoError(t, err)
			s.applyUnit(t, ref, store.Unit{Write: minted(), Count: true, Ops: []store.Op{store.Put("a", number(1)), store.Put("gone", number(1))}})
			s.apply(t, ref, store.Put("a", number(2)), store.Delete("gone"))
			end.end(t, s, ref)

			second := s.createAt(t, ref, lifetime)
			if second.Epoch == first.Epoch || second.Epoch == "" {
				t.Errorf("epochs %q and %q, want two", first.Epoch, second.Epoch)
			}
			wantEqual(t, "new session", s.look(t, ref, "a", "gone"), state{Session: store.Session{Version: 1, TTL: lifetime}}, butIdentity)
			s.refuse(t, ref, fault.VariableNotFound, store.Add("a", 1))
			again := s.apply(t, ref, store.Put("a", text("of another type")), store.Put("gone", number(3)))
			for _, r := range again.Results {
				if r.Version != 1 || r.Existed {
					t.Errorf("%q has version %d, existed %v, want a first version", r.Name, r.Version, r.Existed)
				}
			}
			if again.Seq != 1 || again.Commands != 0 || again.Variables != 2 {
				t.Errorf("seq %d, commands %d, variables %d, want 1, 0, 2", again.Seq, again.Commands, again.Variables)
			}
		})
	}

	t.Run("a touch re-arms the expiry and changes nothing else", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		before := s.look(t, ref, "a")
		s.clock.Advance(time.Minute) // more than 90 % are left
		touched, err := s.Touch(t.Context(), ref, minted())
		wantNoError(t, err)
		if d := touched.Expires.Sub(before.Session.Expires); d < time.Minute {
			t.Errorf("the touch won %v, want at least a minute", d)
		}
		wantEqual(t, "session as read", s.get(t, ref), touched.Session)
		wantEqual(t, "session afterwards", s.look(t, ref, "a"), before, butIdentity)
	})

	t.Run("an update merges labels and counts the version up", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.newRef()
		first, err := s.Create(t.Context(), ref, store.NewSession{
			Write: minted(), TTL: lifetime, Labels: map[string]string{"kept": "1", "changed": "2", "removed": "3"},
		})
		wantNoError(t, err)
		changed, err := s.Update(t.Context(), ref, store.SessionUpdate{
			Write:  minted(),
			Labels: map[string]*string{"changed": new("new"), "removed": nil, "added": new(""), "never there": nil},
		})
		wantNoError(t, err)
		want := first.Session
		want.Version = 2
		want.Labels = map[string]string{"kept": "1", "changed": "new", "added": ""}
		wantEqual(t, "updated session", changed.Session, want, butIdentity)
		wantEqual(t, "session as read", s.get(t, ref), changed.Session)
		if changed.Epoch != first.Epoch || !changed.Created.Equal(first.Created) {
			t.Error("the update changed the epoch or the time of creation")
		}
	})

	t.Run("an update sets the TTL and re-arms with it", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		for _, ttl := range []time.Duration{2 * lifetime, 10 * time.Minute} {
			changed, err := s.Update(t.Context(), ref, store.SessionUpdate{Write: minted(), TTL: ttl})
			wantNoError(t, err)
			if changed.TTL != ttl {
				t.Errorf("TTL %v, want %v", changed.TTL, ttl)
			}
			s.wantLeft(t, changed.Session, ttl)
		}
		s.clock.Advance(10 * time.Minute)
		_, err := s.Get(t.Context(), ref)
		wantCode(t, err, fault.SessionExpired)
	})

	t.Run("an update that asks for nothing counts the version up", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		before := s.look(t, ref)
		_, err := s.Update(t.Context(), ref, store.SessionUpdate{Write: minted()})
		wantNoError(t, err)
		before.Session.Version = 2
		wantEqual(t, "session afterwards", s.look(t, ref), before, butIdentity)
	})

	t.Run("a removal takes everything at once", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		removed, err := s.Remove(t.Context(), ref, store.SessionRemoval{Write: minted()})
		wantNoError(t, err)
		if !removed.Existed || removed.Replayed {
			t.Errorf("existed %v, replayed %v, want existed only", removed.Existed, removed.Replayed)
		}
		s.wantGone(t, ref, fault.SessionNotFound)
		removed, err = s.Remove(t.Context(), ref, store.SessionRemoval{Write: minted()})
		wantNoError(t, err)
		if removed.Existed {
			t.Error("the session existed after it was removed")
		}
	})

	t.Run("a session that never was is not found", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		s.wantGone(t, s.newRef(), fault.SessionNotFound)
	})

	t.Run("an expired session says so, and its removal is no error", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		s.clock.Advance(lifetime)
		s.wantGone(t, ref, fault.SessionExpired)
		removed, err := s.Remove(t.Context(), ref, store.SessionRemoval{Write: minted()})
		wantNoError(t, err)
		if removed.Existed {
			t.Error("the removal found an expired session")
		}
	})

	t.Run("a session has as many labels as the limit says", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.newRef()
		labels := map[string]string{}
		for i := range store.MaxLabels {
			labels[fmt.Sprint(i)] = "x"
		}
		_, err := s.Create(t.Context(), ref, store.NewSession{Write: minted(), TTL: lifetime, Labels: labels})
		wantNoError(t, err)
		before := s.look(t, ref)
		_, err = s.Update(t.Context(), ref, store.SessionUpdate{Write: minted(), Labels: map[string]*string{"one more": new("x"), "1": new("y")}})
		if f := wantCode(t, err, fault.SessionQuotaExceeded); f.Facts.Limit != store.MaxLabels || f.Facts.Current != store.MaxLabels {
			t.Errorf("limit %d, current %d, want %d for both", f.Facts.Limit, f.Facts.Current, store.MaxLabels)
		}
		wantEqual(t, "session after the refusal", s.look(t, ref), before)
		changed, err := s.Update(t.Context(), ref, store.SessionUpdate{Write: minted(), Labels: map[string]*string{"one more": new("x"), "1": nil}})
		wantNoError(t, err)
		if len(changed.Labels) != store.MaxLabels {
			t.Errorf("%d labels, want %d", len(changed.Labels), store.MaxLabels)
		}

		labels["one more"] = "x"
		other := s.newRef()
		_, err = s.Create(t.Context(), other, store.NewSession{Write: minted(), TTL: lifetime, Labels: labels})
		wantCode(t, err, fault.SessionQuotaExceeded)
		s.wantGone(t, other, fault.SessionNotFound)
	})
}

// wantLeft requires that a session has just been armed with ttl.
func (s *subject) wantLeft(t *testing.T, session store.Session, ttl time.Duration) {
	t.Helper()
	const patience = 20 * time.Second // for a slow machine
	if left := session.Expires.Sub(s.now(t)); left > ttl || left < ttl-patience {
		t.Errorf("the session has %v left, want %v", left, ttl)
	}
}

// wantGone requires every method that needs the session to answer with code.
func (s *subject) wantGone(t *testing.T, ref store.Ref, code fault.Code) {
	t.Helper()
	for name, err := range s.askAll(t, ref) {
		if fault.CodeOf(err) != code {
			t.Errorf("%s answered %v, want %s", name, err, code)
		}
	}
}

// askAll calls every method that needs the session to exist.
func (s *subject) askAll(t *testing.T, ref store.Ref) map[string]error {
	t.Helper()
	ctx := t.Context()
	answers := map[string]error{}
	_, answers["Get"] = s.Get(ctx, ref)
	_, answers["Touch"] = s.Touch(ctx, ref, minted())
	_, answers["Update"] = s.Update(ctx, ref, store.SessionUpdate{Write: minted(), TTL: lifetime})
	_, answers["Update, thawing"] = s.Update(ctx, ref, store.SessionUpdate{Write: minted(), ReadOnly: new(false)})
	_, answers["Read"] = s.Read(ctx, ref, "a")
	_, answers["Read of nothing"] = s.Read(ctx, ref)
	_, answers["Changes"] = s.Changes(ctx, ref, 0, 10)
	_, answers["Apply of nothing"] = s.Apply(ctx, ref, store.Unit{Write: minted()})
	_, answers["Apply that counts"] = s.Apply(ctx, ref, store.Unit{Write: minted(), Count: true})
	_, answers["Draft"] = s.Apply(ctx, ref, store.Unit{Write: minted(), Kind: store.Draft, Count: true})
	_, answers["Fork"] = s.Fork(ctx, ref, ref.MintFork(), store.NewSession{Write: minted(), TTL: lifetime})
	_, answers["Usage"] = s.Usage(ctx, ref)
	_, answers["ListVariables"] = s.ListVariables(ctx, ref, store.VariableQuery{Limit: 10})
	_, answers["History"] = s.History(ctx, ref, "a", 0, 10)
	_, answers["Follow"] = s.Follow(ctx, ref, 0, 10)
	answers["Stage"] = s.Stage(ctx, ref, store.Upload{ID: "upload", Bytes: 1}, 0, []byte("x"))
	for _, op := range []store.Op{
		store.Put("a", number(1)), store.Create("a", number(1)), store.Ensure("a", number(1)),
		store.PutContent("a", store.Content{JSON: []byte("1")}), store.Patch("a", nil, []byte(`{"k":1}`)), store.Rollback("a", 1),
		store.AcquireLock("a", store.Lease{Token: "token", TTL: time.Minute}), store.ReleaseLock("a"),
		store.Add("a", 1), store.Add("a", 1).StartingAt(0), store.Delete("a"), store.Load("a"), store.End(),
	} {
		_, answers["Apply of "+string(op.Kind)] = s.Apply(ctx, ref, store.Unit{Write: minted(), Ops: []store.Op{op}})
	}
	return answers
}
