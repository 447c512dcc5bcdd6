package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"toolpit/internal/fault"
)

// ChunkReader reads parts of a blob's chunks in an order that is known
// beforehand. While the caller uses one, it has fetched the next, and no more. It is for one
// goroutine, and must be closed: it has a goroutine of its own.
type ChunkReader struct {
	ctx     context.Context
	cancel  context.CancelFunc
	buffers *Buffers
	current []byte // what Next returned
	fetched chan fetched
}

type fetched struct {
	at    int64 // where it begins in the blob
	chunk []byte
	err   error
}

// ReadChunks begins to read parts of the blob of that digest, into memory that
// buffers lends; nil for memory of their own. The parts are walked by another
// goroutine than the caller's.
func ReadChunks(ctx context.Context, blobs Blobs, buffers *Buffers, ref Ref, digest string, parts iter.Seq[Part]) *ChunkReader {
	ctx, cancel := context.WithCancel(ctx)
	r := &ChunkReader{ctx: ctx, cancel: cancel, buffers: buffers, fetched: make(chan fetched)}
	go func() {
		defer close(r.fetched)
		for part := range parts {
			if ctx.Err() != nil {
				return // Close may have taken the last chunk rather than let it go
			}
			room := buffers.borrow(part.Length)
			chunk, err := blobs.Chunk(ctx, ref, digest, part, room)
			if err != nil {
				buffers.giveBack(room)
			} else if int64(len(chunk)) != part.Length {
				err = fault.New(fault.Internal, "The bytes in the store cannot be read.").
					Because(fmt.Errorf("chunk %d of %s gives %d bytes from %d on, want %d", part.Index, digest, len(chunk), part.Offset, part.Length))
			}
			select {
			case r.fetched <- fetched{part.Index*ChunkSize + part.Offset, chunk, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return r
}

// Next returns the next part, and where it begins in the blob, or io.EOF after
// the last. It is the caller's until another is asked for, or Close. Errors:
// those of Blobs.Chunk and of the context; after one there is nothing more.
func (r *ChunkReader) Next() (part []byte, at int64, err error) {
	r.buffers.giveBack(r.current)
	f, ok := <-r.fetched
	r.current = f.chunk
	switch {
	case ok:
		return f.chunk, f.at, f.err
	case r.ctx.Err() != nil:
		return nil, 0, context.Cause(r.ctx)
	default:
		return nil, 0, io.EOF
	}
}

// Close ends the reading and waits for it.
func (r *ChunkReader) Close() {
	r.cancel()
	for f := range r.fetched { // until it is closed
		r.buffers.giveBack(f.chunk)
	}
	r.buffers.giveBack(r.current)
	r.current = nil
}

// BlobReader reads a blob as an io.ReadSeeker. From where it stands it reads
// one chunk ahead, and holds no more than two. It is for one goroutine, and
// must be closed.
type BlobReader struct {
	// Buffers, when it is set, lends the memory.
	Buffers *Buffers

	ctx    context.Context
	blobs  Blobs
	ref    Ref
	digest string
	size   int64

	at     int64
	chunks *ChunkReader // nil: nothing is under way
	chunk  []byte       // the one that was read last
	start  int64        // where it begins in the blob
}

// NewBlobReader reads the blob of that digest and size. Nothing is asked of the
// store before the first Read.
func NewBlobReader(ctx context.Context, blobs Blobs, ref Ref, digest string, size int64) *BlobReader {
	return &BlobReader{ctx: ctx, blobs: blobs, ref: ref, digest: digest, size: size}
}

// Read implements io.Reader. Errors: those of Blobs.Chunk.
func (r *BlobReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.at >= r.size {
		return 0, io.EOF
	}
	if r.at < r.start || r.at >= r.start+int64(len(r.chunk)) {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.chunk[r.at-r.start:])
	r.at += int64(n)
	return n, nil
}

// next gets the chunk at which the reader stands.
func (r *BlobReader) next() error {
	index := r.at / ChunkSize
	if r.chunks != nil && r.start+ChunkSize != index*ChunkSize {
		r.stop() // it was reading elsewhere
	}
	if r.chunks == nil {
		last := Chunks(r.size)
		r.chunks = ReadChunks(r.ctx, r.blobs, r.Buffers, r.ref, r.digest, func(yield func(Part) bool) {
			for i := index; i < last && yield(WholeChunk(r.size, i)); i++ {
			}
		})
	}
	chunk, at, err := r.chunks.Next()
	if err != nil {
		r.stop()
		return err
	}
	r.chunk, r.start = chunk, at
	return nil
}

// stop ends the reading ahead.
func (r *BlobReader) stop() {
	if r.chunks != nil {
		r.chunks.Close()
	}
	r.chunks, r.chunk, r.start = nil, nil, 0
}

// Seek implements io.Seeker. It asks nothing of the store.
func (r *BlobReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("store: seeking before the beginning of a blob")
	}
	r.at = offset
	return offset, nil
}

// Close ends the reading and waits for it.
func (r *BlobReader) Close() error {
	r.stop()
	return nil
}
