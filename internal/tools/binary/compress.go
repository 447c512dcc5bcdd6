package binary

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// compression is how far two formats compress some data.
type compression struct {
	Gzip compressed `json:"gzip"`
	Zstd compressed `json:"zstd"`
}

type compressed struct {
	Bytes    int     `json:"bytes"`
	Ratio    float64 `json:"ratio" jsonschema_description:"Size of the data over that of the compressed data."`
	Verified bool    `json:"verified" jsonschema_description:"It was decompressed again, and was the same."`
}

// compress compresses data and reads them back. Memory is in proportion to
// data.
func compress(data []byte) (*compression, error) {
	small, err := gzipped(data)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	smaller, err := zstandard(data)
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &compression{Gzip: small, Zstd: smaller}, nil
}

func gzipped(data []byte) (compressed, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		return compressed{}, err
	}
	if err := w.Close(); err != nil {
		return compressed{}, err
	}
	size := b.Len()
	r, err := gzip.NewReader(&b)
	if err != nil {
		return compressed{}, err
	}
	back, err := io.ReadAll(io.LimitReader(r, int64(len(data))+1))
	if err != nil {
		return compressed{}, err
	}
	return outcome(data, back, size), r.Close()
}

func zstandard(data []byte) (compressed, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(zstd.MinWindowSize<<8))
	if err != nil {
		return compressed{}, err
	}
	small := w.EncodeAll(data, nil)
	if err := w.Close(); err != nil {
		return compressed{}, err
	}
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return compressed{}, err
	}
	defer r.Close()
	back, err := r.DecodeAll(small, nil)
	if err != nil {
		return compressed{}, err
	}
	return outcome(data, back, len(small)), nil
}

func outcome(data, back []byte, size int) compressed {
	return compressed{Bytes: size, Ratio: float64(len(data)) / float64(size), Verified: bytes.Equal(data, back)}
}
