package redisstore

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

const (
	headField  = "h" // of a session's hash, see lua/prelude.lua
	listRounds = 10  // how often one List reads on past hints that point nowhere
)

// hintNew writes the hint of a session that is about to be created and tells
// whether there was one of that id before.
func (s *Store) hintNew(ctx context.Context, w store.Write, ref store.Ref, ttl time.Duration) (known bool, err error) {
	replicas := 0
	if s.client.cluster != nil {
		// Elsewhere the creation that follows waits for both: replicas learn of
		// everything in the order in which it was written.
		replicas = s.confirmed(w)
	}
	reply, err := s.send(ctx, command{
		script: s.scripts.index, keys: indexKeys(ref.Owner),
		args: []string{s.offset(), "add", ref.Owner, ref.ID, itoa(ttl.Milliseconds())}, replicas: replicas,
	}, false)
	if err != nil {
		return false, err
	}
	return len(reply) == 1 && reply[0] == "0", nil
}

// patience is how long a creation may take before its hint is written once
// more, because the sweeper may have dropped it: well below lua/index.lua's
// grace.
const patience = 2 * time.Second

// hintAgain moves the hint of an id that was created anew to the end of the
// list. It is best effort: without it the session is listed at its old place.
func (s *Store) hintAgain(ctx context.Context, ref store.Ref) {
	_, _ = s.query(ctx, s.scripts.index, indexKeys(ref.Owner), []string{s.offset(), "again", ref.ID})
}

// hintSoon lets the sweeper look soon at a session that was removed, whose TTL
// has changed, or which has blobs to release. It does not drop the hint of a
// removed one: somebody may be creating the id again just now. It is best effort:
// without it the sweeper looks when the session would have expired.
func (s *Store) hintSoon(ctx context.Context, ref store.Ref) { _ = s.soon(ctx, ref) }

// soon is hintSoon where nothing may happen without the hint.
func (s *Store) soon(ctx context.Context, ref store.Ref) error {
	_, err := s.query(ctx, s.scripts.index, indexKeys(ref.Owner), []string{s.offset(), "soon", ref.ID})
	return err
}

// cursor is a place in the list: after the session of that score and id.
type cursor struct{ score, id string }

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.score + " " + c.id))
}

func parseCursor(text string) (cursor, error) {
	if text == "" {
		return cursor{score: "-inf"}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	score, id, ok := strings.Cut(string(raw), " ")
	if _, bad := strconv.ParseInt(score, 10, 64); err != nil || !ok || bad != nil {
		return cursor{}, fault.Invalid(fault.InvalidRequest, "The cursor is not one of ours.",
			[]fault.Violation{{Pointer: "cursor", Code: fault.InvalidRequest, Detail: "must be the next_cursor of an earlier page"}})
	}
	return cursor{score, id}, nil
}

// List implements store.Sessions.
func (s *Store) List(ctx context.Context, owner string, p store.Page) (store.SessionPage, error) {
	at, err := parseCursor(p.Cursor)
	if err != nil {
		return store.SessionPage{}, err
	}
	var page store.SessionPage
	for range listRounds {
		want := p.Limit - len(page.Items)
		if want == 0 {
			break
		}
		hints, now, err := s.hints(ctx, owner, "list", at.score, at.id, strconv.Itoa(want+1))
		if err != nil {
			return store.SessionPage{}, err
		}
		last := len(hints) <= want
		hints = hints[:min(want, len(hints))]
		living, err := s.living(ctx, owner, hints, now)
		if err != nil {
			return store.SessionPage{}, err
		}
		page.Items = append(page.Items, living...)
		if last {
			page.Next = ""
			return page, nil
		}
		at = hints[len(hints)-1]
		page.Next = at.String()
	}
	return page, nil
}

// hints runs an operation of the index that returns hints and the clock.
func (s *Store) hints(ctx context.Context, owner string, args ...string) ([]cursor, int64, error) {
	reply, err := s.query(ctx, s.scripts.index, indexKeys(owner), append([]string{s.offset()}, args...))
	if err != nil {
		return nil, 0, err
	}
	if len(reply)%2 != 1 {
		return nil, 0, damaged(errors.New("an odd list of hints"))
	}
	now, err := strconv.ParseInt(reply[0], 10, 64)
	if err != nil {
		return nil, 0, damaged(err)
	}
	hints := make([]cursor, 0, len(reply)/2)
	for i := 1; i < len(reply); i += 2 {
		hints = append(hints, cursor{id: reply[i], score: reply[i+1]})
	}
	return hints, now, nil
}

// living reads the sessions the hints point to, without touching them, and
// returns those that live.
func (s *Store) living(ctx context.Context, owner string, hints []cursor, now int64) ([]store.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	// In a Cluster go-redis sends each node its part.
	pipe := s.client.Pipeline()
	replies := make([]*redis.MapStringStringCmd, len(hints))
	for i, h := range hints {
		replies[i] = pipe.HGetAll(ctx, sessionKeys(store.Ref{Owner: owner, ID: h.id}, 0)[0])
	}
	if len(hints) > 0 {
		if _, err := pipe.Exec(ctx); err != nil {
			s.client.doubt(ctx, err)
			return nil, readError(ctx, err)
		}
	}
	var out []store.Session
	for i, h := range hints {
		m := replies[i].Val()
		head, ok := m[headField]
		if !ok {
			continue
		}
		f := &fields{rest: head}
		session := parseHead(store.Ref{Owner: owner, ID: h.id}, f)
		if f.err != nil {
			return nil, damaged(f.err)
		}
		if session.Expires.UnixMilli() <= now {
			continue
		}
		for name, v := range m {
			if label, ok := strings.CutPrefix(name, "l:"); ok {
				session.Labels[label] = v
			}
		}
		out = append(out, session)
	}
	return out, nil
}
