package redisstore

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/store"
)

// Chunk implements store.Blobs.
func (s *Store) Chunk(ctx context.Context, ref store.Ref, digest string, part store.Part, room []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, bulkTime)
	defer cancel()
	raw, err := hex.DecodeString(digest)
	if err != nil || len(raw) != digestLen || !part.Valid() {
		return nil, store.NoBytes()
	}
	r := chunkRead{
		store: s, session: sessionKeys(ref, 0), digest: raw,
		command: []any{"get", chunkName(blobName(ref.Family(), digest), part.Index)},
	}
	if part.Length < store.ChunkSize { // of the last chunk it may be all
		r.command = []any{"getrange", r.command[1], part.Offset, part.Offset + part.Length - 1}
	}
	if int64(cap(room)) >= part.Length {
		if chunk, ok := r.into(ctx, room); ok {
			return chunk, nil
		}
	}
	return r.patiently(ctx)
}

// chunkRead reads a chunk, if the session holds its blob.
type chunkRead struct {
	store   *Store
	session []string // its keys
	digest  []byte
	command []any // that reads the bytes
}

// runner runs the script that tells whether the session holds the blob.
type runner func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

func (r chunkRead) holds(ctx context.Context, c redis.Scripter, run runner) *redis.Cmd {
	return run(ctx, c, r.session, r.store.settings(), r.digest)
}

func isHeld(reply []string) bool { return len(reply) == 1 && reply[0] == "1" }

// ask sends the question whether the session holds the blob, and the command
// that reads its bytes, at the same time. Either has its own error.
func (r chunkRead) ask(ctx context.Context, run runner, chunk redis.Cmder) (holds *redis.Cmd) {
	if r.store.client.cluster == nil {
		pipe := r.store.bulk.Pipeline()
		holds = r.holds(ctx, pipe, run)
		_ = pipe.Process(ctx, chunk)
		_, _ = pipe.Exec(ctx)
		return holds
	}
	// No pipeline: when the slot is being moved, the script, which has several
	// keys, is told TRYAGAIN and the other command ASK. go-redis 9.23 then repeats
	// the pipeline with that command in it twice, and two goroutines read its answer.
	var reading sync.WaitGroup
	reading.Go(func() { _ = r.store.bulk.Process(ctx, chunk) })
	holds = r.holds(ctx, r.store.bulk, run)
	reading.Wait()
	return holds
}

// into reads the chunk into room, once. A new mebibyte for every chunk would
// cost more than all else together. Whatever is not as it nearly always is
// (a script that is not there, a slot that moved, a lost reply, no such chunk)
// it leaves to patiently.
func (r chunkRead) into(ctx context.Context, room []byte) ([]byte, bool) {
	chunk := redis.NewZeroCopyStringCmd(ctx, room[:cap(room)], r.command...)
	held, err := r.ask(ctx, r.store.scripts.holds.EvalSha, chunk).StringSlice()
	return chunk.Bytes(), err == nil && isHeld(held) && chunk.Err() == nil && chunk.Val() > 0
}

// patiently reads the chunk into memory of its own, and again where that may
// help. Errors: VersionNotFound, and those of the store.
func (r chunkRead) patiently(ctx context.Context) ([]byte, error) {
	chunk := redis.NewStringCmd(ctx, r.command...)
	holds := r.ask(ctx, r.store.scripts.holds.EvalSha, chunk)
	if redis.HasErrorPrefix(holds.Err(), "NOSCRIPT") {
		chunk = redis.NewStringCmd(ctx, r.command...)
		holds = r.ask(ctx, r.store.scripts.holds.Eval, chunk)
	}
	held, err := holds.StringSlice()
	switch {
	case err != nil:
		return nil, r.store.bulkError(ctx, err)
	case errors.Is(chunk.Err(), redis.Nil), !isHeld(held):
		return nil, store.NoBytes()
	case chunk.Err() != nil:
		return nil, r.store.bulkError(ctx, chunk.Err())
	}
	if chunk.Val() == "" { // GETRANGE of what is not there
		return nil, store.NoBytes()
	}
	return chunk.Bytes()
}
