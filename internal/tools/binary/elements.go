package binary

import (
	"encoding/binary"
	"errors"
	"io"
	"math"

	"toolpit/internal/value"
)

// elements is the bytes of a tensor that are made as they are read,
// little-endian and without end. It is for one goroutine.
type elements struct {
	dtype  value.Dtype
	floats func() float64      // next element of f64 and f32
	ints   func() int64        // next element of the other types
	check  *value.ElementCheck // judges the elements; nil for none

	floatBlock [512]float64
	intBlock   [512]int64
}

// errRefused ends the reading when check has found something.
var errRefused = errors.New("binary: the elements are refused")

// Read fills p with whole elements. Errors: errRefused, and io.ErrShortBuffer
// when there is no room for one.
func (e *elements) Read(p []byte) (n int, err error) {
	size := int(e.dtype.Size())
	if len(p) < size {
		return 0, io.ErrShortBuffer
	}
	for len(p)-n >= size {
		count := min((len(p)-n)/size, len(e.intBlock))
		if !e.next(count) {
			return n, errRefused
		}
		e.put(p[n:], count)
		n += count * size
	}
	return n, nil
}

// next makes elements and judges them.
func (e *elements) next(count int) (good bool) {
	if e.floats != nil {
		for i := range count {
			e.floatBlock[i] = e.floats()
		}
		if e.check != nil {
			e.check.Floats(e.floatBlock[:count])
		}
	} else {
		for i := range count {
			e.intBlock[i] = e.ints()
		}
		if e.check != nil {
			e.check.Ints(e.intBlock[:count])
		}
	}
	return e.check == nil || len(e.check.Violations()) == 0
}

// put writes the elements that were made.
func (e *elements) put(p []byte, count int) {
	switch e.dtype {
	case value.F64:
		for i, f := range e.floatBlock[:count] {
			binary.LittleEndian.PutUint64(p[8*i:], math.Float64bits(f))
		}
	case value.F32:
		for i, f := range e.floatBlock[:count] {
			binary.LittleEndian.PutUint32(p[4*i:], math.Float32bits(float32(f)))
		}
	case value.I64:
		for i, n := range e.intBlock[:count] {
			binary.LittleEndian.PutUint64(p[8*i:], uint64(n))
		}
	case value.I32:
		for i, n := range e.intBlock[:count] {
			binary.LittleEndian.PutUint32(p[4*i:], uint32(n))
		}
	default:
		for i, n := range e.intBlock[:count] {
			p[i] = byte(n)
		}
	}
}
