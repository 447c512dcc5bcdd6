package server

import (
	"errors"
	"io"
	"iter"
	"net/http"

	"toolpit/internal/fault"
	"toolpit/internal/npy"
	"toolpit/internal/slicing"
	"toolpit/internal/store"
)

// elementSender sends the elements of a part, chunk by chunk.
type elementSender struct {
	out    *sink
	chunks *store.ChunkReader
	chunk  []byte
	at     int64 // where it begins in the tensor
}

// first fetches the first chunk, if there is any.
func (e *elementSender) first() (err error) {
	if err = e.next(); errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (e *elementSender) next() (err error) {
	e.chunk, e.at, err = e.chunks.Next()
	return err
}

// straight sends ranges that follow one another.
func (e *elementSender) straight(ranges iter.Seq[slicing.Range]) error {
	last := int64(-1)
	for p := range slicing.Pieces(ranges, store.ChunkSize) {
		if p.Chunk != last && last >= 0 {
			if err := e.next(); err != nil {
				return err
			}
		}
		last = p.Chunk
		from := p.Chunk*store.ChunkSize + p.Offset - e.at
		if err := e.out.write(e.chunk[from : from+p.Length]); err != nil {
			return err
		}
	}
	return nil
}

// turned sends ranges that are all over the tensor.
func (e *elementSender) turned(size int64, ranges iter.Seq[slicing.Range]) error {
	all := append(make([]byte, 0, size), e.chunk...)
	for int64(len(all)) < size {
		if err := e.next(); err != nil {
			return err
		}
		all = append(all, e.chunk...)
	}
	for r := range ranges {
		if err := e.out.write(all[r.Offset : r.Offset+r.Length]); err != nil {
			return err
		}
	}
	return nil
}

// sink takes elements and writes them in their form.
type sink struct {
	w      http.ResponseWriter
	buffer []byte // what is too little to be written
	descr  string // for JSON; "" for bytes
	size   int
	next   int64 // number of the next element
}

const (
	sinkBuffer = 32 << 10
	jsonBlock  = 512 // elements, of at most 25 characters each
)

func newSink(p *tensorPart, w http.ResponseWriter) *sink {
	s := &sink{w: w}
	if p.form == jsonText {
		s.descr, s.size = descrOf(p.head.dtype), int(p.head.dtype.Size())
	}
	return s
}

// write takes bytes of elements; for JSON, of whole ones.
func (s *sink) write(b []byte) error {
	if s.descr == "" {
		if len(b) >= sinkBuffer {
			if err := s.flush(); err != nil {
				return err
			}
			_, err := s.w.Write(b)
			return err
		}
		s.buffer = append(s.buffer, b...)
		return s.flushAt(sinkBuffer)
	}
	for len(b) > 0 {
		part := b[:min(jsonBlock*s.size, len(b))]
		b = b[len(part):]
		var err error
		if s.buffer, err = npy.AppendJSON(s.buffer, s.descr, part, s.next); err != nil {
			return fault.New(fault.Internal, "").Because(err)
		}
		s.next += int64(len(part) / s.size)
		if err := s.flushAt(sinkBuffer); err != nil {
			return err
		}
	}
	return nil
}

func (s *sink) flushAt(n int) error {
	if len(s.buffer) < n {
		return nil
	}
	return s.flush()
}

func (s *sink) flush() error {
	if len(s.buffer) == 0 {
		return nil
	}
	_, err := s.w.Write(s.buffer)
	s.buffer = s.buffer[:0]
	return err
}

// end writes what is left.
func (s *sink) end() error {
	if s.descr != "" {
		s.buffer = append(s.buffer, "]}\n"...)
	}
	return s.flush()
}
