package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"sync"

	"toolpit/internal/fault"
)

// Buffers lends the memory that chunks are filled in. The zero value is ready;
// it is safe for concurrent use.
type Buffers struct{ pool sync.Pool }

// spare is how much more room a buffer has than the bytes need: a client that
// finds it reads what the protocol has behind them at once, not by itself.
const spare = len("\r\n")

// borrow returns a buffer with room for n bytes, at most ChunkSize. Small ones
// are made as they are needed.
func (b *Buffers) borrow(n int64) []byte {
	if b == nil || n < ChunkSize {
		return make([]byte, 0, min(n, ChunkSize)+int64(spare))
	}
	if kept, ok := b.pool.Get().(*[]byte); ok {
		return (*kept)[:0]
	}
	return make([]byte, 0, ChunkSize+spare)
}

// giveBack takes a buffer that nobody uses any more.
func (b *Buffers) giveBack(buffer []byte) {
	if b != nil && cap(buffer) == ChunkSize+spare {
		b.pool.Put(&buffer)
	}
}

// BlobWriter stages bytes chunk by chunk. While one chunk is on its way to the
// store the next is filled and hashed, so that it never holds more than two
// chunks, and neither more than the blob has.
//
//	w := store.NewBlobWriter(ctx, blobs, ref, size)
//	defer w.Close() // drops what no unit has taken
//	_, err := w.ReadFrom(body)
//	upload, digest, err := w.Finish()
//	… PutContent(name, Content{Value: …, Upload: &upload})
//	w.Keep()
//
// It is for one goroutine. The goroutine that it starts for each chunk has
// ended when Finish or Close returns.
type BlobWriter struct {
	// Inspect, when it is set, sees each chunk before it is staged; its error
	// ends the upload. Elements of up to 8 bytes are never cut in two.
	Inspect func(chunk []byte) error
	// Buffers, when it is set, lends the memory.
	Buffers *Buffers

	ctx    context.Context
	blobs  Blobs
	ref    Ref
	upload Upload
	sum    hash.Hash

	chunk  []byte // is being filled
	index  int64  // of that chunk
	left   int64  // bytes that have not come
	flying []byte // is on its way
	landed chan error
	err    error // ended the upload
	kept   bool
}

// ErrBlobSize refuses bytes of another number than was said.
var ErrBlobSize = errors.New("store: a blob has another size than was said")

// NewBlobWriter begins an upload of so many bytes. Nothing reaches the store
// before the first chunk is full.
func NewBlobWriter(ctx context.Context, blobs Blobs, ref Ref, size int64) *BlobWriter {
	return &BlobWriter{
		ctx: ctx, blobs: blobs, ref: ref, upload: Upload{ID: rand.Text(), Bytes: size},
		sum: sha256.New(), left: size, landed: make(chan error, 1),
	}
}

// Write takes a part of the bytes. Errors: ErrBlobSize, that of Inspect, and
// those of Blobs.Stage, also of an earlier chunk.
func (w *BlobWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		room, err := w.room()
		if err != nil {
			return n, err
		}
		m := copy(room, p)
		if err := w.filled(m); err != nil {
			return n, err
		}
		n, p = n+m, p[m:]
	}
	return n, w.err
}

// ReadFrom takes bytes until r ends, straight into the chunks. Errors: as Write,
// and those of r.
func (w *BlobWriter) ReadFrom(r io.Reader) (n int64, err error) {
	var one [1]byte
	for {
		room := one[:]
		if w.left > 0 {
			if room, err = w.room(); err != nil {
				return n, err
			}
		}
		m, err := r.Read(room)
		if m > 0 && w.left == 0 {
			return n, w.fail(ErrBlobSize)
		}
		n += int64(m)
		if failed := w.filled(m); failed != nil {
			return n, failed
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// room returns the rest of the chunk that is being filled.
func (w *BlobWriter) room() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	if w.left == 0 {
		return nil, w.fail(ErrBlobSize)
	}
	if w.chunk == nil {
		w.chunk = w.Buffers.borrow(w.left)
	}
	n := len(w.chunk)
	return w.chunk[n:min(ChunkSize, int64(n)+w.left)], nil
}

// filled notes that so much of the room was used, and sends a full chunk.
func (w *BlobWriter) filled(n int) error {
	if n == 0 {
		return w.err
	}
	w.chunk = w.chunk[:len(w.chunk)+n]
	w.left -= int64(n)
	if w.left > 0 && len(w.chunk) < ChunkSize {
		return nil
	}
	return w.stage()
}

// stage hashes the chunk and sends it once the one before has arrived.
func (w *BlobWriter) stage() error {
	if w.Inspect != nil {
		if err := w.Inspect(w.chunk); err != nil {
			return w.fail(err)
		}
	}
	w.sum.Write(w.chunk)
	if err := w.wait(); err != nil {
		return w.fail(err)
	}
	chunk, index := w.chunk, w.index
	w.flying, w.chunk, w.index = chunk, nil, index+1
	go func() { w.landed <- w.blobs.Stage(w.ctx, w.ref, w.upload, index, chunk) }()
	return nil
}

// wait waits for the chunk that is on its way.
func (w *BlobWriter) wait() error {
	if w.flying == nil {
		return nil
	}
	err := <-w.landed
	w.Buffers.giveBack(w.flying)
	w.flying = nil
	return err
}

func (w *BlobWriter) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	return w.err
}

// Finish waits until everything is staged, and returns what a unit needs.
// digest is the SHA-256 of the bytes in lower-case hexadecimal. Errors:
// ErrBlobSize when bytes are missing, and those of Write.
func (w *BlobWriter) Finish() (u Upload, digest string, err error) {
	if err := w.wait(); err != nil {
		_ = w.fail(err)
	}
	if w.err == nil && w.left > 0 {
		_ = w.fail(ErrBlobSize)
	}
	if w.err != nil {
		return Upload{}, "", w.err
	}
	return w.upload, hex.EncodeToString(w.sum.Sum(nil)), nil
}

// Keep says that a unit has taken the upload, or may still do so; Close then
// drops nothing.
func (w *BlobWriter) Keep() { w.kept = true }

// Close waits for what is under way and drops what was staged, unless Keep was
// called. It does so even when the writer's context has ended; what cannot be
// dropped now the store drops after StagedTTL. Errors: those of Blobs.Discard.
func (w *BlobWriter) Close() error {
	_ = w.wait()
	w.Buffers.giveBack(w.chunk)
	w.chunk = nil
	_ = w.fail(errClosed)
	if w.kept || w.index == 0 {
		return nil
	}
	w.kept = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), CallTimeout)
	defer cancel()
	return w.blobs.Discard(ctx, w.ref, w.upload)
}

var errClosed = fault.New(fault.Internal, "").Because(errors.New("store: the blob was closed"))
