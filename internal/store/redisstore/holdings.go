package redisstore

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/store"
)

// readTime is how long a blob that nobody needs any more is kept for those who
// read it.
const readTime = time.Minute

const eraLen = 8

// holding is what a session holds of a blob.
type holding struct {
	era        string
	digest     string // in hexadecimal
	references int64
	bytes      int64
}

// holdings reads a part of what a session holds; the next cursor is 0 at the
// end.
func (s *Store) holdings(ctx context.Context, ref store.Ref, cursor uint64) ([]holding, uint64, error) {
	const part = 128
	ctx, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	pairs, next, err := s.bulk.HScan(ctx, sessionKeys(ref, 0)[bKey], cursor, "*", part).Result()
	if err != nil {
		return nil, 0, s.bulkError(ctx, err)
	}
	var all []holding
	for i := 0; i+1 < len(pairs); i += 2 {
		if len(pairs[i]) != eraLen+digestLen {
			continue // the tally
		}
		f := &fields{rest: pairs[i+1]}
		h := holding{era: pairs[i][:eraLen], digest: hex.EncodeToString([]byte(pairs[i][eraLen:])), references: f.number(4), bytes: f.number(6)}
		if f.err != nil {
			return nil, 0, damaged(f.err)
		}
		all = append(all, h)
	}
	return all, next, nil
}

// bKey is the place of the key b among a session's.
const bKey = 9

// tend looks after the blobs of sessions that are due: it drops what nobody
// needs any more, and keeps what living ones need. It tells when to look at a
// session again, if not when it expires.
func (s *Store) tend(ctx context.Context, owner string, due []cursor, living []store.Session, now int64, swept *store.Swept) (map[string]int64, error) {
	lives := make(map[string]store.Session, len(living))
	for _, session := range living {
		lives[session.ID] = session
	}
	having, err := s.having(ctx, owner, due)
	if err != nil {
		return nil, err
	}
	again := map[string]int64{}
	for _, id := range having {
		waits, err := s.tendOne(ctx, store.Ref{Owner: owner, ID: id}, lives[id], swept)
		if err != nil {
			return nil, err
		}
		if waits {
			again[id] = now + readTime.Milliseconds()
		}
	}
	return again, nil
}

// having returns the ids of those sessions that hold blobs.
func (s *Store) having(ctx context.Context, owner string, due []cursor) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	pipe := s.bulk.Pipeline()
	replies := make([]*redis.IntCmd, len(due))
	for i, h := range due {
		replies[i] = pipe.Exists(ctx, sessionKeys(store.Ref{Owner: owner, ID: h.id}, 0)[bKey])
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, s.bulkError(ctx, err)
	}
	var ids []string
	for i, h := range due {
		if replies[i].Val() == 1 {
			ids = append(ids, h.id)
		}
	}
	return ids, nil
}

// tendOne looks after the blobs of one session, which is the zero Session when
// it does not live. waits tells that something is to be dropped later.
func (s *Store) tendOne(ctx context.Context, ref store.Ref, session store.Session, swept *store.Swept) (waits bool, err error) {
	era := ""
	if session.Epoch != "" {
		if era, err = s.era(ctx, ref, session); err != nil {
			return false, err
		}
	}
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		var part []holding
		if part, cursor, err = s.holdings(ctx, ref, cursor); err != nil {
			return false, err
		}
		var needed []holding
		for _, h := range part {
			if h.references > 0 && h.era == era {
				needed = append(needed, h)
				continue
			}
			became, err := s.release(ctx, ref, h, "")
			if err != nil {
				return false, err
			}
			if became == "1" {
				swept.Blobs++
			}
			waits = waits || became == "2"
		}
		if err := s.keep(ctx, ref, needed, s.blobTime(session.TTL)); err != nil {
			return false, err
		}
	}
	return waits, nil
}

// release drops what a session holds of a blob if nothing needs it, and tells
// what became of it; since is as lua/release.lua has it.
func (s *Store) release(ctx context.Context, ref store.Ref, h holding, since string) (became string, err error) {
	keys := append(sessionKeys(ref, 0), blobKeys(ref.Family(), h.digest, h.bytes)...)
	digest, _ := hex.DecodeString(h.digest) // it was encoded here
	reply, err := s.query(ctx, s.scripts.release, keys, []string{
		s.settings(), h.era, string(digest), sessionName(ref), itoa(readTime.Milliseconds()), since,
	})
	if err != nil || len(reply) != 1 {
		return "", err
	}
	return reply[0], nil
}

// blobTime is how long Redis keeps the blobs of a session of that TTL when
// nobody looks: the sweeper looks at least once in a TTL, and the session lives
// for another one at most.
func (s *Store) blobTime(ttl time.Duration) time.Duration {
	return 2*ttl + s.cfg.TombstoneTTL + time.Hour
}

// keep lets Redis keep blobs for at least so long.
func (s *Store) keep(ctx context.Context, ref store.Ref, needed []holding, d time.Duration) error {
	if len(needed) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	pipe := s.bulk.Pipeline()
	for _, h := range needed {
		for _, key := range blobKeys(ref.Family(), h.digest, h.bytes) {
			pipe.Do(ctx, "pexpire", key, d.Milliseconds(), "gt")
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return s.bulkError(ctx, err)
	}
	return nil
}

// prolong lets Redis keep all blobs of a session long enough for a new TTL.
func (s *Store) prolong(ctx context.Context, ref store.Ref, ttl time.Duration) error {
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		part, next, err := s.holdings(ctx, ref, cursor)
		if err != nil {
			return err
		}
		if err := s.keep(ctx, ref, part, s.blobTime(ttl)); err != nil {
			return err
		}
		cursor = next
	}
	return nil
}
