package server

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"toolpit/internal/fault"
	"toolpit/internal/value"
)

// elementCheck looks at the elements of a tensor chunk by chunk: at bools, of
// which a byte is 0 or 1, and at all others where min or max bound them.
type elementCheck struct {
	dtype  value.Dtype
	bounds *value.ElementCheck // nil for none
	next   int64               // element
	floats [512]float64
	ints   [512]int64
}

// newElementCheck returns nil when nobody has to look.
func newElementCheck(d value.Dtype, c value.Constraints) *elementCheck {
	bounds := c.Elements()
	if bounds == nil && d != value.B8 {
		return nil
	}
	return &elementCheck{dtype: d, bounds: bounds}
}

// chunk judges whole elements. Errors: ConstraintViolation.
func (e *elementCheck) chunk(b []byte) error {
	if e.dtype == value.B8 {
		if i := bytes.IndexFunc(b, notBool); i >= 0 {
			return badTensor([]fault.Violation{{
				Pointer: "/data/" + strconv.FormatInt(e.next+int64(i), 10), Code: fault.ConstraintViolation,
				Detail: fmt.Sprintf("Expected the byte 0 or 1, got %d.", b[i]),
			}})
		}
	}
	e.next += int64(len(b)) / e.dtype.Size()
	if e.bounds == nil {
		return nil
	}
	step := len(e.ints) * int(e.dtype.Size())
	for more := true; more && len(b) > 0; {
		part := b[:min(step, len(b))]
		b = b[len(part):]
		more = e.part(part)
	}
	if found := e.bounds.Violations(); found != nil {
		return badTensor(found)
	}
	return nil
}

// notBool is given the bytes of a chunk one by one where they are below 0x80;
// what is above is none either, as a rune of any kind.
func notBool(r rune) bool { return r > 1 }

// part judges no more elements than there is room for.
func (e *elementCheck) part(b []byte) (more bool) {
	n := len(b) / int(e.dtype.Size())
	switch e.dtype {
	case value.F64:
		for i := range n {
			e.floats[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		}
	case value.F32:
		for i := range n {
			e.floats[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
		}
	case value.I64:
		for i := range n {
			e.ints[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
		}
	case value.I32:
		for i := range n {
			e.ints[i] = int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
		}
	default:
		for i := range n {
			e.ints[i] = int64(b[i])
		}
	}
	if e.dtype == value.F64 || e.dtype == value.F32 {
		return e.bounds.Floats(e.floats[:n])
	}
	return e.bounds.Ints(e.ints[:n])
}
