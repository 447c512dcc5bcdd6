package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var blobRef = store.Ref{Owner: "o", ID: "s"}

// shelf keeps the chunks of one upload and shows them under any digest.
type shelf struct {
	mu        sync.Mutex
	chunks    map[int64][]byte
	uploads   map[store.Upload]bool
	discarded int
	asked     []int64       // chunks that were read
	flying    int           // calls at this moment
	most      int           // at the same time, ever
	held      chan struct{} // when set, a call to Stage waits until it can be read
	fail      map[int64]error
}

func (s *shelf) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flying++
	s.most = max(s.most, s.flying)
}

func (s *shelf) Stage(ctx context.Context, _ store.Ref, u store.Upload, index int64, chunk []byte) error {
	s.enter()
	if s.held != nil {
		select {
		case <-s.held:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flying--
	if err := errors.Join(ctx.Err(), s.fail[index]); err != nil {
		return err
	}
	if s.chunks == nil {
		s.chunks, s.uploads = map[int64][]byte{}, map[store.Upload]bool{}
	}
	s.chunks[index] = bytes.Clone(chunk)
	s.uploads[u] = true
	return nil
}

func (s *shelf) Discard(ctx context.Context, _ store.Ref, u store.Upload) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.discarded++
	s.chunks = nil
	return ctx.Err()
}

func (s *shelf) Chunk(ctx context.Context, _ store.Ref, _ string, part store.Part, room []byte) ([]byte, error) {
	s.enter()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flying--
	s.asked = append(s.asked, part.Index)
	if err := errors.Join(ctx.Err(), s.fail[part.Index]); err != nil {
		return nil, err
	}
	chunk := s.chunks[part.Index]
	return append(room[:0], chunk[part.Offset:min(part.Offset+part.Length, int64(len(chunk)))]...), nil
}

func (s *shelf) content() []byte {
	var all []byte
	for i := range int64(len(s.chunks)) {
		all = append(all, s.chunks[i]...)
	}
	return all
}

func bytesOf(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>11)
	}
	return b
}

// blobSizes are around where chunks end.
var blobSizes = []int{0, 1, 4096, store.ChunkSize - 1, store.ChunkSize, store.ChunkSize + 1, 2 * store.ChunkSize, 5*store.ChunkSize + 77}

func TestBlobsAreStagedInChunks(t *testing.T) {
	for _, size := range blobSizes {
		content := bytesOf(size)
		for name, write := range map[string]func(*store.BlobWriter) error{
			"at once": func(w *store.BlobWriter) error { _, err := w.Write(content); return err },
			"read":    func(w *store.BlobWriter) error { _, err := w.ReadFrom(bytes.NewReader(content)); return err },
			"in halfs": func(w *store.BlobWriter) error {
				_, err := w.ReadFrom(iotest.HalfReader(bytes.NewReader(content)))
				return err
			},
			"with its end": func(w *store.BlobWriter) error {
				_, err := w.ReadFrom(iotest.DataErrReader(bytes.NewReader(content)))
				return err
			},
			"in odd pieces": func(w *store.BlobWriter) error {
				for piece := range slices.Chunk(content, 100_003) {
					if _, err := w.Write(piece); err != nil {
						return err
					}
				}
				return nil
			},
		} {
			s := &shelf{}
			w := store.NewBlobWriter(t.Context(), s, blobRef, int64(size))
			w.Buffers = &store.Buffers{}
			inspected := 0
			w.Inspect = func(chunk []byte) error { inspected += len(chunk); return nil }
			if err := write(w); err != nil {
				t.Fatalf("%d %s: %v", size, name, err)
			}
			u, digest, err := w.Finish()
			if err != nil {
				t.Fatalf("%d %s: %v", size, name, err)
			}
			w.Keep()
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(content)
			if digest != hex.EncodeToString(sum[:]) {
				t.Errorf("%d %s: the digest is %s", size, name, digest)
			}
			if !bytes.Equal(s.content(), content) || int64(len(s.chunks)) != store.Chunks(int64(size)) || inspected != size {
				t.Errorf("%d %s: %d bytes in %d chunks, %d inspected", size, name, len(s.content()), len(s.chunks), inspected)
			}
			if size > 0 && (!s.uploads[u] || len(s.uploads) != 1) || u.Bytes != int64(size) || len(u.ID) < 26 {
				t.Errorf("%d %s: the upload is %+v, staged was %v", size, name, u, s.uploads)
			}
			if s.discarded != 0 || s.most > 1 {
				t.Errorf("%d %s: discarded %d times, %d calls at once", size, name, s.discarded, s.most)
			}
		}
	}
}

func TestBlobsOfAnotherSizeAreDropped(t *testing.T) {
	const said = 2*store.ChunkSize + 5
	for name, try := range map[string]func(w *store.BlobWriter) error{
		"too short": func(w *store.BlobWriter) error {
			if _, err := w.ReadFrom(bytes.NewReader(bytesOf(said - 1))); err != nil {
				return err
			}
			_, _, err := w.Finish()
			return err
		},
		"too long": func(w *store.BlobWriter) error {
			_, err := w.ReadFrom(bytes.NewReader(bytesOf(said + 1)))
			return err
		},
		"too long, written": func(w *store.BlobWriter) error {
			_, err := w.Write(bytesOf(said + 1))
			return err
		},
	} {
		s := &shelf{}
		w := store.NewBlobWriter(t.Context(), s, blobRef, said)
		if err := try(w); !errors.Is(err, store.ErrBlobSize) {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.Close(); err != nil || s.discarded != 1 || len(s.chunks) != 0 {
			t.Errorf("%s: %v, discarded %d times, %d chunks are left", name, err, s.discarded, len(s.chunks))
		}
		if err := w.Close(); err != nil || s.discarded != 1 {
			t.Errorf("%s: closed again: %v, discarded %d times", name, err, s.discarded)
		}
	}
}

func TestRefusedChunksEndAnUpload(t *testing.T) {
	content := bytesOf(4 * store.ChunkSize)
	full := fault.New(fault.SessionQuotaExceeded, "")
	s := &shelf{fail: map[int64]error{1: full}}
	w := store.NewBlobWriter(t.Context(), s, blobRef, int64(len(content)))
	n, err := w.ReadFrom(bytes.NewReader(content))
	if !errors.Is(err, fault.SessionQuotaExceeded) || n >= int64(len(content)) {
		t.Errorf("%d bytes were taken: %v", n, err)
	}
	if _, _, err := w.Finish(); !errors.Is(err, fault.SessionQuotaExceeded) {
		t.Errorf("Finish: %v", err)
	}
	if err := w.Close(); err != nil || s.discarded != 1 {
		t.Errorf("Close: %v", err)
	}

	odd := errors.New("odd")
	s = &shelf{}
	w = store.NewBlobWriter(t.Context(), s, blobRef, int64(len(content)))
	w.Inspect = func([]byte) error { return odd }
	if _, err := w.Write(content); !errors.Is(err, odd) {
		t.Errorf("Write: %v", err)
	}
	if err := w.Close(); err != nil || len(s.uploads) != 0 || s.discarded != 0 {
		t.Errorf("Close: %v, staged %v", err, s.uploads)
	}
}

// TestUploadsEndWithTheirContext cancels while a chunk is on its way. What was
// staged is dropped all the same.
func TestUploadsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &shelf{held: make(chan struct{})}
	w := store.NewBlobWriter(ctx, s, blobRef, 3*store.ChunkSize)
	if _, err := w.Write(bytesOf(store.ChunkSize)); err != nil { // returns while the chunk is held
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Write(bytesOf(store.ChunkSize)); !errors.Is(err, context.Canceled) {
		t.Errorf("Write: %v", err)
	}
	if err := w.Close(); err != nil || s.discarded != 1 {
		t.Errorf("Close: %v, discarded %d times", err, s.discarded)
	}
}

// shelve returns a store that has a blob.
func shelve(content []byte) *shelf {
	s := &shelf{chunks: map[int64][]byte{}}
	i := int64(0)
	for chunk := range slices.Chunk(content, store.ChunkSize) {
		s.chunks[i] = chunk
		i++
	}
	return s
}

func TestBlobsAreReadFromAnywhere(t *testing.T) {
	for _, size := range blobSizes {
		content := bytesOf(size)
		s := shelve(content)
		r := store.NewBlobReader(t.Context(), s, blobRef, "d", int64(size))
		if err := iotest.TestReader(r, content); err != nil {
			t.Errorf("%d: %v", size, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if s.most > 1 {
			t.Errorf("%d: %d calls at once", size, s.most)
		}
	}
}

// TestReadingAhead counts what is fetched: the chunk that was asked for, and
// the next.
func TestReadingAhead(t *testing.T) {
	content := bytesOf(6 * store.ChunkSize)
	s := shelve(content)
	r := store.NewBlobReader(t.Context(), s, blobRef, "d", int64(len(content)))
	if _, err := r.Seek(3*store.ChunkSize+1, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	var b [8]byte
	if _, err := io.ReadFull(r, b[:]); err != nil || !bytes.Equal(b[:], content[3*store.ChunkSize+1:][:8]) {
		t.Fatalf("%v: %v", b, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(s.asked); n < 1 || n > 2 || s.asked[0] != 3 {
		t.Errorf("chunks %v were asked for", s.asked)
	}
}

func TestChunksThatAreGone(t *testing.T) {
	content := bytesOf(3 * store.ChunkSize)
	s := shelve(content)
	s.fail = map[int64]error{2: store.NoBytes()}
	r := store.NewBlobReader(t.Context(), s, blobRef, "d", int64(len(content)))
	got, err := io.ReadAll(r)
	if !errors.Is(err, fault.VersionNotFound) || len(got) != 2*store.ChunkSize {
		t.Errorf("%d bytes: %v", len(got), err)
	}
	_ = r.Close()

	s = shelve(content)
	s.chunks[1] = s.chunks[1][1:]
	r = store.NewBlobReader(t.Context(), s, blobRef, "d", int64(len(content)))
	if _, err := io.ReadAll(r); !errors.Is(err, fault.Internal) {
		t.Errorf("a chunk that is too short: %v", err)
	}
	_ = r.Close()
}

func TestReadingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	content := bytesOf(3 * store.ChunkSize)
	r := store.NewBlobReader(ctx, shelve(content), blobRef, "d", int64(len(content)))
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, store.ChunkSize); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, r); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("read after the end: %v", err)
	}
}
