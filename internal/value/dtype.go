package value

import "fmt"

// Dtype is the type of a tensor's elements. Its number is never stored;
// [Dtype.String] is.
type Dtype uint8

// The element types. In bytes they are little-endian; a B8 is the byte 0 or 1.
const (
	F64 Dtype = iota + 1
	F32
	I64
	I32
	U8
	B8 // called bool

	lastDtype = B8
)

var _ fmt.Stringer = F64

// DtypeOf returns the element type that clients call name.
func DtypeOf(name string) (Dtype, bool) {
	for d := F64; d <= lastDtype; d++ {
		if d.String() == name {
			return d, true
		}
	}
	return 0, false
}

// String returns the name as clients write it.
func (d Dtype) String() string {
	switch d {
	case F64:
		return "f64"
	case F32:
		return "f32"
	case I64:
		return "i64"
	case I32:
		return "i32"
	case U8:
		return "u8"
	case B8:
		return "bool"
	default:
		return "unknown"
	}
}

// Size returns how many bytes an element takes.
func (d Dtype) Size() int64 {
	switch d {
	case F64, I64:
		return 8
	case F32, I32:
		return 4
	case U8, B8:
		return 1
	default:
		return 0
	}
}

// floats tells whether the elements are floating-point numbers.
func (d Dtype) floats() bool { return d == F64 || d == F32 }
