package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// Create implements store.Sessions.
func (s *Store) Create(ctx context.Context, ref store.Ref, n store.NewSession) (store.Created, error) {
	if err := n.Check(); err != nil {
		return store.Created{}, err
	}
	// The hint first: a crash after it leaves a hint that the sweeper drops,
	// a crash the other way round would leave a session nobody can find.
	start := time.Now()
	known, unsure := s.hintNew(ctx, n.Write, ref, n.TTL)
	if unsure != nil && !errors.Is(unsure, fault.DurabilityNotReached) {
		return store.Created{}, unsure
	}
	args := append(s.head(n.Write, 4+2*len(n.Labels)),
		itoa(n.TTL.Milliseconds()), rand.Text()[:8], flag(n.ReturnExisting), strconv.Itoa(len(n.Labels)))
	for _, k := range slices.Sorted(maps.Keys(n.Labels)) {
		args = append(args, k, n.Labels[k])
	}
	reply, err := s.mutate(ctx, n.Write, s.scripts.create, sessionKeys(ref, minuteOf(n.Token)), args)
	if err != nil {
		return store.Created{}, err
	}
	rec, err := parse(reply, n.Token, sessionRefusal)
	if err != nil {
		return store.Created{}, err
	}
	c := store.Created{Existing: rec.body.take(1) == "1", Replayed: rec.replayed}
	if c.Session, err = parseSession(ref, &rec.body); err != nil {
		return store.Created{}, err
	}
	switch {
	case time.Since(start) > patience:
		if _, unsure = s.hintNew(ctx, n.Write, ref, n.TTL); unsure != nil {
			return store.Created{}, unsure
		}
	case known && !c.Existing && !c.Replayed:
		s.hintAgain(ctx, ref)
	}
	// Said at the end, because only now it is true that the change was made.
	if unsure != nil {
		return store.Created{}, unsure
	}
	return c, nil
}

// Get implements store.Sessions.
func (s *Store) Get(ctx context.Context, ref store.Ref) (store.Session, error) {
	r, err := s.read(ctx, ref, 0, nil)
	return r.session, err
}

// Touch implements store.Sessions.
func (s *Store) Touch(ctx context.Context, ref store.Ref, w store.Write) (store.Changed, error) {
	return s.update(ctx, ref, "t", store.SessionUpdate{Write: w})
}

// Update implements store.Sessions.
func (s *Store) Update(ctx context.Context, ref store.Ref, u store.SessionUpdate) (store.Changed, error) {
	return s.update(ctx, ref, "u", u)
}

func (s *Store) update(ctx context.Context, ref store.Ref, mode string, u store.SessionUpdate) (store.Changed, error) {
	if err := u.Check(); err != nil {
		return store.Changed{}, err
	}
	ttl, readOnly := "", ""
	if u.TTL > 0 {
		ttl = itoa(u.TTL.Milliseconds())
		if err := s.prolong(ctx, ref, u.TTL); err != nil {
			return store.Changed{}, err
		}
	}
	if u.ReadOnly != nil {
		readOnly = flag(*u.ReadOnly)
	}
	args := append(s.head(u.Write, 7+len(u.Match.Tags)+2*len(u.Labels)),
		mode, ttl, readOnly, strconv.Itoa(store.MaxLabels), flag(u.Match.Any), strconv.Itoa(len(u.Match.Tags)), strconv.Itoa(len(u.Labels)))
	args = append(args, u.Match.Tags...)
	for _, k := range slices.Sorted(maps.Keys(u.Labels)) {
		if v := u.Labels[k]; v != nil {
			args = append(args, k, "+"+*v)
		} else {
			args = append(args, k, "-")
		}
	}
	reply, err := s.mutate(ctx, u.Write, s.scripts.update, sessionKeys(ref, minuteOf(u.Token)), args)
	if err != nil {
		return store.Changed{}, err
	}
	rec, err := parse(reply, u.Token, sessionRefusal)
	if err != nil {
		return store.Changed{}, err
	}
	if u.TTL > 0 {
		s.hintSoon(ctx, ref) // it may end sooner than its hint says
	}
	session, err := parseSession(ref, &rec.body)
	return store.Changed{Session: session, Replayed: rec.replayed}, err
}

// Remove implements store.Sessions.
func (s *Store) Remove(ctx context.Context, ref store.Ref, r store.SessionRemoval) (store.Removed, error) {
	if err := r.Check(); err != nil {
		return store.Removed{}, err
	}
	args := append(s.head(r.Write, 3+len(r.Match.Tags)), flag(r.Match.Any), strconv.Itoa(len(r.Match.Tags)), r.LockToken)
	args = append(args, r.Match.Tags...)
	reply, err := s.mutate(ctx, r.Write, s.scripts.remove, sessionKeys(ref, minuteOf(r.Token)), args)
	if err != nil {
		return store.Removed{}, err
	}
	rec, err := parse(reply, r.Token, sessionRefusal)
	if err != nil {
		return store.Removed{}, err
	}
	s.hintSoon(ctx, ref)
	removed := store.Removed{Existed: rec.body.take(1) == "1", Replayed: rec.replayed}
	if rec.body.err != nil {
		return store.Removed{}, damaged(rec.body.err)
	}
	return removed, nil
}
