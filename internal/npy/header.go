package npy

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// Bounds of what is read.
const (
	MaxHeader = 64 << 10 // bytes of the text that describes the array
	MaxRank   = 8        // axes
)

// Header is what an .npy file says of its elements.
type Header struct {
	Descr   string  // NumPy's name of their type: <f8 <f4 <i8 <i4 |u1 |b1
	Shape   []int64 // none for a single element
	Fortran bool    // the first index changes fastest
}

// ItemSize returns how many bytes an element of the type has; ok is false for
// types that are not taken.
func ItemSize(descr string) (size int, ok bool) {
	switch descr {
	case "<f8", "<i8":
		return 8, true
	case "<f4", "<i4":
		return 4, true
	case "|u1", "|b1":
		return 1, true
	default:
		return 0, false
	}
}

// Bytes returns how many bytes the elements have. The header must be one that
// [NewReader] gave or [Header.Append] took.
func (h Header) Bytes() int64 {
	n, _ := h.size()
	return n
}

// RowMajor tells whether the last index changes fastest. With no more than one
// axis along which there is anything to go, both orders are the same.
func (h Header) RowMajor() bool {
	if !h.Fortran {
		return true
	}
	long := 0
	for _, n := range h.Shape {
		if n == 0 {
			return true
		}
		if n > 1 {
			long++
		}
	}
	return long < 2
}

// size multiplies; ok is false when the product does not fit. As in NumPy, an
// axis of length 0 excuses nothing.
func (h Header) size() (n int64, ok bool) {
	size, _ := ItemSize(h.Descr)
	n = int64(size)
	empty := false
	for _, length := range h.Shape {
		if length == 0 {
			empty = true
			continue
		}
		if n > math.MaxInt64/length {
			return 0, false
		}
		n *= length
	}
	if empty {
		n = 0
	}
	return n, true
}

// check refuses a header of which there is no array. Errors: *UnsupportedError,
// *MalformedError.
func (h Header) check() error {
	if _, ok := ItemSize(h.Descr); !ok {
		return unsupportedType(h.Descr)
	}
	if len(h.Shape) > MaxRank {
		return unsupportedRank()
	}
	for _, length := range h.Shape {
		if length < 0 {
			return malformed("an axis has the length %d", length)
		}
	}
	if _, ok := h.size(); !ok {
		return malformed("the shape has more bytes than can be counted")
	}
	return nil
}

const magic = "\x93NUMPY"

// HeaderSize is how many bytes [Header.Append] appends. NumPy lets elements begin
// at a multiple of 64; with no more than 8 axes and as many elements as can be
// counted, the text always ends between the first and the second.
const HeaderSize = 128

// Append appends the header as np.save writes it, in version 1.0. The elements
// follow it. Errors: *UnsupportedError, *MalformedError.
func (h Header) Append(b []byte) ([]byte, error) {
	if err := h.check(); err != nil {
		return b, err
	}
	end := len(b) + HeaderSize - 1
	b = append(append(b, magic...), 1, 0, byte(HeaderSize-len(magic)-4), 0)
	b = h.appendText(b)
	b = append(b, bytes.Repeat([]byte{' '}, end-len(b))...)
	return append(b, '\n'), nil
}

// appendText appends the dictionary as Python prints it.
func (h Header) appendText(b []byte) []byte {
	order := "False"
	if h.Fortran {
		order = "True"
	}
	b = fmt.Appendf(b, "{'descr': '%s', 'fortran_order': %s, 'shape': (", h.Descr, order)
	for i, length := range h.Shape {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendInt(b, length, 10)
	}
	if len(h.Shape) == 1 {
		b = append(b, ',')
	}
	return append(b, "), }"...)
}
