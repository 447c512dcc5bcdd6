package redisstore

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/store"
)

const (
	sweepBatch = 1000                   // hints of one owner that are looked at together
	sweepTime  = 500 * time.Millisecond // after which a pass leaves the rest to the next
	burials    = 16                     // under way at once
)

// Sweep reduces sessions that have expired to their tombstones, and then drops
// their hints. What it does not come to, Redis removes a tombstone later.
func (s *Store) Sweep(ctx context.Context) (store.Swept, error) {
	var swept store.Swept
	owners, err := s.owners(ctx)
	if err != nil {
		return swept, err
	}
	enough := time.Now().Add(sweepTime)
	for _, owner := range owners {
		for more := true; more; {
			more, err = s.sweepOwner(ctx, owner, &swept)
			if err != nil {
				return swept, err
			}
			more = more && time.Now().Before(enough)
		}
	}
	return swept, nil
}

func (s *Store) owners(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	// Owners are lines of the operator's key file, so the set is small.
	owners, err := s.client.SMembers(ctx, ownersKey).Result()
	if err != nil {
		s.client.doubt(ctx, err)
		return nil, readError(ctx, err)
	}
	return owners, nil
}

// sweepOwner settles a batch of an owner's hints; more tells whether there may
// be another one.
func (s *Store) sweepOwner(ctx context.Context, owner string, swept *store.Swept) (more bool, err error) {
	due, now, err := s.hints(ctx, owner, "due", strconv.Itoa(sweepBatch))
	if err != nil || len(due) == 0 {
		return false, err
	}
	living, err := s.living(ctx, owner, due, now)
	if err != nil {
		return false, err
	}
	expires := make(map[string]int64, len(living))
	for _, session := range living {
		expires[session.ID] = session.Expires.UnixMilli()
	}
	buried, err := s.bury(ctx, owner, due, expires)
	swept.Sessions += buried
	if err != nil {
		return false, err
	}
	again, err := s.tend(ctx, owner, due, living, now, swept)
	if err != nil {
		return false, err
	}
	args := make([]string, 0, 3+3*len(due))
	args = append(args, s.offset(), "settle", owner)
	for _, h := range due {
		next := ""
		at, lives := expires[h.id]
		if later, waits := again[h.id]; waits && (!lives || later < at) {
			at, lives = later, true
		}
		if lives {
			next = itoa(at)
		}
		args = append(args, h.id, h.score, next)
	}
	reply, err := s.query(ctx, s.scripts.index, indexKeys(owner), args)
	if err != nil || len(reply) != 1 {
		return false, err
	}
	dropped, err := strconv.ParseInt(reply[0], 10, 64)
	swept.Hints += dropped
	return len(due) == sweepBatch, err
}

// bury leaves of the sessions that do not live their tombstones, and tells of
// how many there was more.
func (s *Store) bury(ctx context.Context, owner string, due []cursor, living map[string]int64) (int64, error) {
	var buried atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(burials)
	args := []string{s.settings()}
	for _, h := range due {
		if _, ok := living[h.id]; ok {
			continue
		}
		group.Go(func() error {
			reply, err := s.query(ctx, s.scripts.bury, sessionKeys(store.Ref{Owner: owner, ID: h.id}, 0), args)
			if len(reply) == 1 && reply[0] == "1" {
				buried.Add(1)
			}
			return err
		})
	}
	err := group.Wait()
	return buried.Load(), err
}
