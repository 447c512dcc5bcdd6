package server

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"iter"
	"net/http"
	"strconv"

	"toolpit/internal/slicing"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// tensorPart is what is sent of a tensor: all of it, or a slice, in one form,
// and of that perhaps a range of bytes.
type tensorPart struct {
	exchange *exchange
	form     tensorForm
	whole    value.Descriptor // of the tensor
	head     tensorHead       // of the part
	box      slicing.Box
	sliced   bool // it is the answer to ?slice=
	etag     string
	ranges   iter.Seq[slicing.Range] // of the tensor's bytes that are the elements
	turned   bool                    // they are all over the tensor, which has to be in memory

	prefix []byte     // before the elements
	size   int64      // of the body; -1: it will show
	limits *byteRange // nil: all of the body
}

// tag names a tensor, or a part of it, in a form. The digest alone says nothing
// of how the elements are arranged, which is in every body but the bytes of the
// whole tensor; what is arranged otherwise is not the same.
func (p *tensorPart) tag() string {
	tag := p.whole.Digest
	if p.sliced || p.form != octetStream {
		key := fmt.Sprint(p.whole.Dtype, p.whole.Shape, p.whole.Order, p.head.order, p.box.Key())
		sum := sha256.Sum256([]byte(key))
		tag += "." + base64.RawURLEncoding.EncodeToString(sum[:9])
	}
	switch p.form {
	case npyFile:
		tag += ".npy"
	case jsonText:
		tag += ".json"
	}
	return quoted(tag)
}

// limit finds out how long the body is, and which range of it is wanted.
// Errors: RangeNotSatisfiable.
func (p *tensorPart) limit(x *exchange, h http.Header) (err error) {
	p.size = p.head.bytes
	switch p.form {
	case jsonText:
		p.size = -1
		p.prefix = p.opening()
		return nil
	case npyFile:
		if p.prefix, err = p.head.header().Append(nil); err != nil {
			return err
		}
		p.size += int64(len(p.prefix))
	}
	if x.request.Method == http.MethodHead {
		return nil
	}
	limits, ok, err := rangeOf(x.request.Header, p.size, p.etag)
	if err != nil {
		h.Set("Content-Range", "bytes */"+strconv.FormatInt(p.size, 10))
		return err
	}
	if ok {
		p.limits = &limits
	}
	return nil
}

// opening is the beginning of the JSON text.
func (p *tensorPart) opening() []byte {
	b := append([]byte(`{"dtype":"`), p.head.dtype.String()...)
	b = append(b, `","shape":[`...)
	b = append(b, shapeText(p.head.shape)...)
	return append(b, `],"data":[`...)
}

// memory is how many bytes sending the part takes.
func (p *tensorPart) memory() int64 {
	n := min(2*store.ChunkSize, p.whole.Bytes)
	if p.turned {
		n += p.whole.Bytes
	}
	return n
}

// describe sets the headers that 200, 206 and 304 have.
func (p *tensorPart) describe(h http.Header) {
	h.Set("ETag", p.etag)
	h.Set("Vary", "Accept")
	h.Set("Cache-Control", "private, no-cache")
	h["Server-Timing"] = p.exchange.timing[:]
	if p.form == octetStream {
		h.Set(dtypeHeader, p.head.dtype.String())
		h.Set(shapeHeader, shapeText(p.head.shape))
		h.Set(orderHeader, p.head.order.String())
	}
}

// begin sends the headers.
func (p *tensorPart) begin(w http.ResponseWriter) {
	h := w.Header()
	p.describe(h)
	h.Set("Content-Type", string(p.form))
	if p.size < 0 {
		h.Set("Accept-Ranges", "none")
		w.WriteHeader(http.StatusOK)
		return
	}
	h.Set("Accept-Ranges", "bytes")
	if p.limits != nil {
		h.Set("Content-Length", strconv.FormatInt(p.limits.end-p.limits.start, 10))
		h.Set("Content-Range", "bytes "+strconv.FormatInt(p.limits.start, 10)+"-"+strconv.FormatInt(p.limits.end-1, 10)+"/"+strconv.FormatInt(p.size, 10))
		w.WriteHeader(http.StatusPartialContent)
		return
	}
	h.Set("Content-Length", strconv.FormatInt(p.size, 10))
	if sum, err := hex.DecodeString(p.whole.Digest); err == nil && p.form == octetStream && !p.sliced {
		h.Set(contentDigestHeader, contentDigestOf(sum))
	}
	w.WriteHeader(http.StatusOK)
}

// send sends headers and body. The headers wait for the first chunk: until then
// anything can be refused. Errors: those of store.Blobs.Chunk.
func (p *tensorPart) send(ctx context.Context, blobs store.Blobs, buffers *store.Buffers, ref store.Ref, w http.ResponseWriter) error {
	prefix, ranges := p.clipped()
	wanted := ranges
	if p.turned {
		wanted = func(yield func(slicing.Range) bool) { yield(slicing.Range{Length: p.whole.Bytes}) }
	}
	chunks := store.ReadChunks(ctx, blobs, buffers, ref, p.whole.Digest, partsOf(wanted))
	defer chunks.Close()
	e := &elementSender{out: newSink(p, w), chunks: chunks}
	if err := e.first(); err != nil {
		return err
	}
	p.begin(w)
	e.out.buffer = append(e.out.buffer, prefix...)
	var err error
	if p.turned {
		err = e.turned(p.whole.Bytes, ranges)
	} else {
		err = e.straight(ranges)
	}
	if err == nil {
		err = e.out.end()
	}
	if err != nil {
		fail(w, p.exchange.request, err)
		panic(http.ErrAbortHandler) // half an answer must not look like a whole one
	}
	return nil
}

// clipped returns what the range of bytes leaves of prefix and elements.
func (p *tensorPart) clipped() ([]byte, iter.Seq[slicing.Range]) {
	if p.limits == nil {
		return p.prefix, p.ranges
	}
	n := int64(len(p.prefix))
	prefix := p.prefix[min(p.limits.start, n):min(p.limits.end, n)]
	return prefix, slicing.Clip(p.ranges, max(0, p.limits.start-n), max(0, p.limits.end-n))
}

// partsOf yields for each chunk that ascending ranges are in the part from the
// first to the last byte of it that is wanted.
func partsOf(ranges iter.Seq[slicing.Range]) iter.Seq[store.Part] {
	return func(yield func(store.Part) bool) {
		var part store.Part
		for p := range slicing.Pieces(ranges, store.ChunkSize) {
			if part.Length > 0 && p.Chunk != part.Index {
				if !yield(part) {
					return
				}
				part.Length = 0
			}
			if part.Length == 0 {
				part = store.Part{Index: p.Chunk, Offset: p.Offset}
			}
			part.Length = p.Offset + p.Length - part.Offset
		}
		if part.Length > 0 {
			yield(part)
		}
	}
}
