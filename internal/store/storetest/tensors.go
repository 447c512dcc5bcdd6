package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// tensor is a tensor of bytes with its value.
type tensor struct {
	bytes []byte
	value value.Value
}

// newTensor makes a tensor of so many random bytes; equal seeds have equal
// ones.
func newTensor(size int, seed uint64) tensor {
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	raw := make([]byte, size)
	_, _ = random.Read(raw) // never fails
	sum := sha256.Sum256(raw)
	v, err := value.Descriptor{
		Dtype: value.U8, Shape: []int64{int64(size)}, Order: value.RowMajor, Bytes: int64(size), Digest: hex.EncodeToString(sum[:]),
	}.Value()
	if err != nil {
		panic(err) // the descriptor is not one: a mistake in this function
	}
	return tensor{raw, v}
}

func (x tensor) digest() string {
	d, _ := x.value.Descriptor()
	return d.Digest
}

func (x tensor) chunk(index int64) []byte {
	return x.bytes[index*store.ChunkSize : min((index+1)*store.ChunkSize, int64(len(x.bytes)))]
}

func (x tensor) content(u store.Upload) store.Content {
	return store.Content{Value: x.value, Upload: &u}
}

// newUpload names an upload for a tensor.
func newUpload(x tensor) store.Upload {
	return store.Upload{ID: store.MintID()[len("ses_"):], Bytes: int64(len(x.bytes))}
}

// stage stages a tensor whole and returns what a variable is to be given.
func (s *subject) stage(t *testing.T, ref store.Ref, x tensor) store.Content {
	t.Helper()
	u := newUpload(x)
	wantNoError(t, s.insistOnStaging(t.Context(), ref, u, x))
	return x.content(u)
}

func (s *subject) insistOnStaging(ctx context.Context, ref store.Ref, u store.Upload, x tensor) error {
	for i := range store.Chunks(u.Bytes) {
		if _, err := retried(func() (struct{}, error) { return struct{}{}, s.Stage(ctx, ref, u, i, x.chunk(i)) }); err != nil {
			return err
		}
	}
	return nil
}

// putTensor stages a tensor and gives it to a variable.
func (s *subject) putTensor(t *testing.T, ref store.Ref, name string, x tensor) {
	t.Helper()
	s.apply(t, ref, store.PutContent(name, s.stage(t, ref, x)))
}

// wantBytes requires that a session has the bytes of a tensor.
func (s *subject) wantBytes(t *testing.T, ref store.Ref, x tensor) {
	t.Helper()
	got, err := s.bytesOf(t.Context(), ref, x.value)
	wantNoError(t, err)
	if !bytes.Equal(got, x.bytes) {
		t.Fatalf("the tensor of %d bytes has others, %d", len(x.bytes), len(got))
	}
}

// wantNoBytes requires that the bytes of a tensor are gone.
func (s *subject) wantNoBytes(t *testing.T, ref store.Ref, x tensor) {
	t.Helper()
	_, err := s.Chunk(t.Context(), ref, x.digest(), store.WholeChunk(int64(len(x.bytes)), 0), nil)
	wantCode(t, err, fault.VersionNotFound)
}

// bytesOf reads the bytes of a tensor.
func (s *subject) bytesOf(ctx context.Context, ref store.Ref, v value.Value) ([]byte, error) {
	d, _ := v.Descriptor()
	raw := make([]byte, 0, d.Bytes)
	for i := range store.Chunks(d.Bytes) {
		chunk, err := retried(func() ([]byte, error) { return s.Chunk(ctx, ref, d.Digest, store.WholeChunk(d.Bytes, i), nil) })
		if err != nil {
			return nil, err
		}
		raw = append(raw, chunk...)
	}
	return raw, nil
}

// watchTensor reads until ctx ends and reports bytes that are not those of the
// descriptor they were read for.
func (s *subject) watchTensor(ctx context.Context, ref store.Ref) error {
	for {
		snapshot, err := retried(func() (store.Snapshot, error) { return s.Read(ctx, ref, "a") })
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		v := snapshot.Variables["a"]
		d, ok := v.Value.Descriptor()
		if !ok {
			return fmt.Errorf("the tensor is %s", v.Value.JSON())
		}
		raw, err := s.bytesOf(ctx, ref, v.Value)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, fault.VersionNotFound):
			continue // overwritten meanwhile, and swept
		case err != nil:
			return err
		}
		if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != d.Digest {
			return fmt.Errorf("version %d has the bytes of another tensor", v.Version)
		}
	}
}
