package redisstore

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

const (
	// bulkTime is how long a chunk may take, and bulkTry how long one attempt:
	// there are three.
	bulkTime = 10 * time.Second
	bulkTry  = 3 * time.Second
)

// newBulk returns a client like c with the patience that chunks need. It
// repeats by itself what was lost: a chunk is the same however often it is
// written.
func newBulk(c *client) redis.UniversalClient {
	if c.cluster != nil {
		o := *c.cluster.Options()
		o.ReadTimeout, o.WriteTimeout, o.PoolSize = bulkTry, bulkTry, bulkPool
		return redis.NewClusterClient(&o)
	}
	o := *c.single.Options()
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.PoolSize = bulkTry, bulkTry, bulkTry, bulkPool
	o.MaxRetries = 2
	bulk := redis.NewClient(&o)
	bulk.AddHook(&dialing{})
	return bulk
}

// bulkPool is how many chunks are under way at once.
const bulkPool = 16

// Stage implements store.Blobs.
func (s *Store) Stage(ctx context.Context, ref store.Ref, u store.Upload, index int64, chunk []byte) error {
	if err := u.Check(index, len(chunk)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, bulkTime)
	defer cancel()
	ttl := store.StagedTTL + s.cfg.TombstoneTTL
	if index == 0 {
		keys := append(sessionKeys(ref, 0), uploadKeys(ref, u)[0])
		reply, err := s.stage(ctx, keys, []any{s.settings(), s.limits(), u.Bytes, ttl.Milliseconds()})
		if err != nil {
			return s.bulkError(ctx, err)
		}
		if len(reply) > 1 && reply[0] == "E" {
			return sessionRefusal(reply[1], 0, reply[min(3, len(reply)):])
		}
	}
	if err := s.bulk.Set(ctx, chunkName(uploadName(ref, u.ID), index), chunk, ttl).Err(); err != nil {
		return s.bulkError(ctx, err)
	}
	return nil
}

func (s *Store) stage(ctx context.Context, keys []string, args []any) ([]string, error) {
	reply, err := s.scripts.stage.EvalSha(ctx, s.bulk, keys, args...).StringSlice()
	if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
		reply, err = s.scripts.stage.Eval(ctx, s.bulk, keys, args...).StringSlice()
	}
	return reply, err
}

func (s *Store) bulkError(ctx context.Context, err error) error {
	s.client.doubt(ctx, err)
	return readError(ctx, err)
}

// Discard implements store.Blobs. What a refused unit has adopted already goes
// at once, unless somebody else may count on it: then the sweeper looks.
func (s *Store) Discard(ctx context.Context, ref store.Ref, u store.Upload) error {
	ctx, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	done, err := s.bulk.HGet(ctx, uploadKeys(ref, u)[0], "done").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return s.bulkError(ctx, err)
	}
	if f := (&fields{rest: done}); len(done) > eraLen+digestLen {
		h := holding{era: f.take(eraLen), digest: hex.EncodeToString([]byte(f.take(digestLen))), bytes: u.Bytes}
		if _, err := s.release(ctx, ref, h, f.rest); err != nil {
			return err
		}
	}
	if err := s.bulk.Unlink(ctx, uploadKeys(ref, u)...).Err(); err != nil {
		return s.bulkError(ctx, err)
	}
	return nil
}

// adoptAll makes what a unit's operations bring blobs that the session holds.
// It returns why that is refused, for each operation. The unit is sent all the
// same: it may have been applied before, and then nothing else counts.
//
// The sweeper is asked to look what became of them: the unit may be refused, or
// this process may end. That goes out at the same time and not before, as in a
// Cluster two replies may be lost, for which there is no time one after the other.
func (s *Store) adoptAll(ctx context.Context, ref store.Ref, d *draft) (broken map[int]error, err error) {
	if !d.uploads() {
		return nil, nil
	}
	var hint errgroup.Group
	hint.Go(func() error { return s.soon(ctx, ref) })
	broken, err = s.adoptEach(ctx, ref, d.Ops)
	if lost := hint.Wait(); err == nil {
		err = lost
	}
	return broken, err
}

func (s *Store) adoptEach(ctx context.Context, ref store.Ref, ops []store.Op) (broken map[int]error, err error) {
	for i, o := range ops {
		if o.Upload == nil {
			continue
		}
		if err := s.adopt(ctx, ref, o); err != nil {
			if code := fault.CodeOf(err); code == fault.StoreUnavailable || code == fault.StoreFull || code == fault.Internal {
				return nil, err
			}
			if broken == nil {
				broken = map[int]error{}
			}
			broken[i] = err
		}
	}
	return broken, nil
}

func (s *Store) adopt(ctx context.Context, ref store.Ref, o store.Op) error {
	d, ok := o.Value.Descriptor()
	if !ok || d.Bytes != o.Upload.Bytes {
		return store.IncompleteUpload()
	}
	digest, err := hex.DecodeString(d.Digest)
	if err != nil {
		return store.IncompleteUpload()
	}
	blob := blobKeys(ref.Family(), d.Digest, d.Bytes)
	keys := append(sessionKeys(ref, 0), blob[0])
	keys = append(append(keys, uploadKeys(ref, *o.Upload)...), blob[1:]...)
	reply, err := s.query(ctx, s.scripts.adopt, keys, []string{
		s.settings(), string(digest), itoa(d.Bytes), itoa(store.ChunkSize), sessionName(ref), itoa(store.StagedTTL.Milliseconds()),
	})
	if err != nil {
		return err
	}
	if len(reply) > 1 && reply[0] == "E" {
		return sessionRefusal(reply[1], 0, reply[min(3, len(reply)):])
	}
	return nil
}

// useUp drops what is left of the uploads that a unit has used. It is best
// effort: it goes by itself.
func (s *Store) useUp(ctx context.Context, ref store.Ref, ops []store.Op) {
	var used []string
	for _, o := range ops {
		if o.Upload != nil {
			used = append(used, uploadKeys(ref, *o.Upload)...)
		}
	}
	if len(used) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	_ = s.bulk.Unlink(ctx, used...).Err()
}
