package redisstore

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// Changes implements store.Events.
func (s *Store) Changes(ctx context.Context, ref store.Ref, after int64, limit int) ([]store.Change, error) {
	f, err := s.follow(ctx, ref, after, limit, 0)
	return f.Changes, err
}

// Follow implements store.Events.
func (s *Store) Follow(ctx context.Context, ref store.Ref, after int64, limit int) (store.Followed, error) {
	return s.follow(ctx, ref, after, limit, store.FollowTime)
}

func (s *Store) follow(ctx context.Context, ref store.Ref, after int64, limit int, ring time.Duration) (store.Followed, error) {
	args := []string{s.settings(), itoa(max(after, 0)), strconv.Itoa(limit), itoa(ring.Milliseconds())}
	reply, err := s.query(ctx, s.scripts.changes, sessionKeys(ref, 0), args)
	if err != nil {
		return store.Followed{}, err
	}
	if len(reply) >= 2 && reply[0] == "E" {
		return store.Followed{}, sessionRefusal(reply[1], 0, nil)
	}
	const numbers = 5 // after the status
	if len(reply) < 2+numbers {
		return store.Followed{}, damaged(errors.New("a change log that does not say where it begins"))
	}
	var n [numbers]int64
	for i := range n {
		if n[i], err = strconv.ParseInt(reply[1+i], 10, 64); err != nil {
			return store.Followed{}, damaged(err)
		}
	}
	f := store.Followed{Seq: n[1], Expires: instant(n[2]), TTL: time.Duration(n[3]) * time.Millisecond, At: instant(n[4]), Epoch: reply[1+numbers]}
	for i, entry := range reply[2+numbers:] {
		c, err := parseChange(n[0]+int64(i), entry)
		if err != nil {
			return store.Followed{}, err
		}
		f.Changes = append(f.Changes, c)
	}
	return f, nil
}

func parseChange(seq int64, entry string) (store.Change, error) {
	f := &fields{rest: entry}
	c := store.Change{Seq: seq, At: instant(f.number(6)), By: f.sized(1)}
	for f.more() {
		kind := f.take(1)
		item := store.ChangeItem{Name: f.sized(1), Version: f.number(6)}
		if f.err == nil {
			item.Kind = store.ChangeKind(kind[0])
			c.Items = append(c.Items, item)
		}
	}
	if f.err != nil {
		return store.Change{}, damaged(f.err)
	}
	return c, nil
}

// bell is where lua/apply.lua rings; see lua/prelude.lua.
const bell = "tp1:bell"

// bellCheck is how often a silent subscription is tried, and renewed when it is
// dead.
const bellCheck = time.Second

// Listen implements store.Events.
func (s *Store) Listen(ctx context.Context, ring func(store.Ref)) error {
	sub := s.client.Subscribe(ctx, bell)
	defer func() { _ = sub.Close() }()
	messages := sub.Channel(redis.WithChannelHealthCheckInterval(bellCheck))
	for {
		select {
		case m, ok := <-messages:
			if !ok {
				return closed()
			}
			if ref, ok := refOf(m.Payload); ok {
				ring(ref)
			}
		case <-s.closed.Done():
			return closed()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func closed() error {
	return fault.New(fault.StoreUnavailable, "The store is closed.").Retry(retryAfter)
}
