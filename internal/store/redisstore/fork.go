package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// Fork implements store.Sessions.
func (s *Store) Fork(ctx context.Context, ref, child store.Ref, n store.NewSession) (store.Created, error) {
	if err := n.CheckFork(ref, child); err != nil {
		return store.Created{}, err
	}
	for range looks {
		created, err := s.fork(ctx, ref, child, n)
		if !errors.Is(err, errOtherwise) {
			return created, err
		}
	}
	return store.Created{}, fault.New(fault.StoreUnavailable, "The session's tensors change all the time.").Retry(retryAfter)
}

// fork makes the child a holder of the parent's blobs first, and then copies
// the parent, if its blobs are still those.
func (s *Store) fork(ctx context.Context, ref, child store.Ref, n store.NewSession) (store.Created, error) {
	era, tally, ttl, err := s.forkable(ctx, ref)
	if err != nil {
		return store.Created{}, err
	}
	if n.TTL > 0 {
		ttl = n.TTL
	}
	if tally != "0" {
		if err := s.hold(ctx, ref, child, era, ttl); err != nil {
			return store.Created{}, err
		}
	}
	look := ttl
	if tally != "0" {
		look = 0 // soon: among what it copies may be blobs that nothing needs
	}
	known, unsure := s.hintNew(ctx, n.Write, child, look)
	if unsure != nil && !errors.Is(unsure, fault.DurabilityNotReached) {
		return store.Created{}, unsure
	}
	given := ""
	if n.TTL > 0 {
		given = itoa(n.TTL.Milliseconds())
	}
	args := append(s.head(n.Write, 5+2*len(n.Labels)), given, era, tally, rand.Text()[:8], "")
	if n.Labels != nil {
		args[len(args)-1] = strconv.Itoa(len(n.Labels))
		for k, v := range n.Labels {
			args = append(args, k, v)
		}
	}
	keys := append(sessionKeys(child, minuteOf(n.Token)), sessionKeys(ref, 0)...)
	reply, err := s.mutate(ctx, n.Write, s.scripts.fork, keys, args)
	if err != nil {
		return store.Created{}, err
	}
	rec, err := parse(reply, n.Token, func(code string, op int, args []string) error {
		if code == "changed" {
			return errOtherwise
		}
		return sessionRefusal(code, op, args)
	})
	if err != nil {
		return store.Created{}, err
	}
	rec.body.take(1)
	if known && !rec.replayed {
		s.hintAgain(ctx, child)
	}
	session, err := parseSession(child, &rec.body)
	if err == nil {
		err = unsure // said at the end, because only now it is true that the change was made
	}
	if err != nil {
		return store.Created{}, err
	}
	return store.Created{Session: session, Replayed: rec.replayed}, nil
}

// forkable reads what a fork must know of its parent, whose absence is for the
// script to tell.
func (s *Store) forkable(ctx context.Context, ref store.Ref) (era, tally string, ttl time.Duration, err error) {
	session, err := s.Get(ctx, ref)
	switch {
	case errors.Is(err, fault.SessionNotFound), errors.Is(err, fault.SessionExpired):
		return "", "0", time.Hour, nil
	case err != nil:
		return "", "", 0, err
	}
	if era, err = s.era(ctx, ref, session); err != nil {
		return "", "", 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	text, err := s.bulk.HGet(ctx, sessionKeys(ref, 0)[bKey], era+"s").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", "", 0, s.bulkError(ctx, err)
	}
	f := &fields{rest: text}
	if text != "" {
		tally = itoa(f.number(6))
	} else {
		tally = "0"
	}
	return era, tally, session.TTL, nil
}

// era returns what a session's holdings begin with: its epoch, or in a fork what
// its parent's did.
func (s *Store) era(ctx context.Context, ref store.Ref, session store.Session) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	era, err := s.bulk.HGet(ctx, sessionKeys(ref, 0)[0], "b").Result()
	switch {
	case errors.Is(err, redis.Nil):
		return session.Epoch, nil
	case err != nil:
		return "", s.bulkError(ctx, err)
	}
	return era, nil
}

// hold makes child a holder of all that its parent holds.
func (s *Store) hold(ctx context.Context, ref, child store.Ref, era string, ttl time.Duration) error {
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		part, next, err := s.holdings(ctx, ref, cursor)
		if err != nil {
			return err
		}
		cursor = next
		var keys []string
		args := []string{sessionName(child), era, itoa(s.blobTime(ttl).Milliseconds())}
		for _, h := range part {
			if h.era == era {
				blob := blobKeys(ref.Family(), h.digest, h.bytes)
				keys, args = append(keys, blob...), append(args, strconv.Itoa(len(blob)-1))
			}
		}
		if len(keys) == 0 {
			continue
		}
		reply, err := s.query(ctx, s.scripts.hold, keys, args)
		if err != nil {
			return err
		}
		if len(reply) != 1 || reply[0] != "1" {
			return errOtherwise
		}
	}
	return nil
}
