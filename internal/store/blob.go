package store

import (
	"context"
	"strings"
	"time"

	"toolpit/internal/fault"
)

// Bounds of blobs, the same for every back end.
const (
	ChunkSize = 1 << 20          // bytes of every chunk but the last
	StagedTTL = 15 * time.Minute // how long what was staged waits for its unit
)

// Upload names bytes that were staged chunk by chunk.
type Upload struct {
	ID    string // 128 random bits or more, as letters and digits
	Bytes int64
}

// Check refuses a chunk that cannot be one of the upload's. Errors:
// InvalidRequest.
func (u Upload) Check(index int64, size int) error {
	const maxID = 64
	switch {
	case u.ID == "" || len(u.ID) > maxID || strings.Trim(u.ID, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" || u.Bytes < 0:
		return fault.New(fault.InvalidRequest, "An upload needs a name of letters and digits and a size.")
	case index < 0 || index >= Chunks(u.Bytes):
		return fault.New(fault.InvalidRequest, "The upload has no chunk of that number.")
	case int64(size) != min(ChunkSize, u.Bytes-index*ChunkSize):
		return fault.New(fault.InvalidRequest, "The chunk does not have the size that is its own.")
	}
	return nil
}

// Chunks returns how many chunks so many bytes make.
func Chunks(bytes int64) int64 { return (bytes + ChunkSize - 1) / ChunkSize }

// Part is a stretch of a chunk, of one byte at least and ChunkSize at most.
type Part struct {
	Index          int64 // of the chunk, from 0
	Offset, Length int64 // in the chunk
}

// WholeChunk is a chunk of a blob of so many bytes.
func WholeChunk(bytes, index int64) Part {
	return Part{Index: index, Length: min(ChunkSize, bytes-index*ChunkSize)}
}

// Valid tells whether there can be such a part.
func (p Part) Valid() bool {
	return p.Index >= 0 && p.Offset >= 0 && p.Length > 0 && p.Offset < ChunkSize && p.Length <= ChunkSize-p.Offset
}

// Blobs is the role that keeps the bytes of tensors: immutable, under their
// SHA-256, shared by the sessions of a family. They come into being in two
// steps: chunks are staged under a name of their own, where nobody sees them,
// and then a unit (Content.Upload) makes them the bytes of a variable, all at
// once; with that the upload is used up, while a refused unit leaves it. They
// go when no variable and no history of a living session of the family names
// them any more, a minute later at the earliest, so that a reader can finish.
type Blobs interface {
	// Stage keeps a chunk, counted from 0: ChunkSize bytes, or fewer for the
	// last. Staging one again replaces it. Errors: SessionNotFound,
	// SessionExpired, SessionReadOnly, SessionQuotaExceeded (the upload alone
	// is beyond what is left), InvalidRequest (an ID that is none, or a chunk of
	// another size or place than the upload has).
	Stage(ctx context.Context, ref Ref, u Upload, index int64, chunk []byte) error
	// Discard drops what was staged, also when a unit that brought it was
	// refused.
	Discard(ctx context.Context, ref Ref, u Upload) error
	// Chunk returns a chunk, or a part of it, of the blob of that digest
	// (lower-case hexadecimal); fewer bytes where the chunk ends earlier. They
	// are in room where that has the capacity, whatever its length, and else in
	// memory of their own. Errors: VersionNotFound when the blob is gone, or
	// has no such chunk; what is in room then is nobody's.
	Chunk(ctx context.Context, ref Ref, digest string, part Part, room []byte) ([]byte, error)
}
