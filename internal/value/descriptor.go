package value

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
)

// MaxRank is how many dimensions a tensor may have.
const MaxRank = 8

// Order is how the elements of a tensor follow each other in its bytes.
type Order byte

// The orders.
const (
	RowMajor    Order = 'C' // the last index runs fastest
	ColumnMajor Order = 'F' // the first index runs fastest
)

// String returns "C" or "F".
func (o Order) String() string { return string(rune(o)) }

// Descriptor says everything about a tensor but its elements. It is what a
// [Value] of type [Tensor] consists of; the bytes are elsewhere, under the
// digest.
type Descriptor struct {
	Dtype  Dtype
	Shape  []int64 // up to MaxRank lengths; none for a single element
	Order  Order
	Bytes  int64  // the size of Dtype times the elements
	Digest string // SHA-256 of the bytes, in lower-case hexadecimal
}

// Elements returns how many elements a tensor of a shape has; ok is false for
// a shape that no tensor can have. A length of 0 excuses no overflow: there
// is no way to compute offsets in such a shape.
func Elements(shape []int64) (n int64, ok bool) {
	if len(shape) > MaxRank {
		return 0, false
	}
	product, empty := uint64(1), false
	for _, length := range shape {
		if length < 0 {
			return 0, false
		}
		if length == 0 {
			empty = true
			continue
		}
		high, low := bits.Mul64(product, uint64(length))
		if high != 0 || low > math.MaxInt64 {
			return 0, false
		}
		product = low
	}
	if empty {
		return 0, true
	}
	return int64(product), true
}

// Size returns how many bytes a tensor has; ok is false for a shape that no
// tensor of that type can have.
func Size(d Dtype, shape []int64) (n int64, ok bool) {
	n, ok = Elements(shape)
	if !ok || d.Size() == 0 || n > math.MaxInt64/d.Size() {
		return 0, false
	}
	return n * d.Size(), true
}

// errDescriptor refuses descriptors that contradict themselves.
var errDescriptor = errors.New("value: the descriptor contradicts itself")

// Value returns the descriptor as a value. It refuses one with an unknown type
// or order, an impossible shape, another size than that of the shape, or a
// digest that is none.
func (d Descriptor) Value() (Value, error) {
	var f findings
	if f.descriptor(d); f.found != nil {
		return Value{}, fmt.Errorf("%w: %s", errDescriptor, f.found[0].Detail)
	}
	text := `{"dtype":"` + d.Dtype.String() + `","shape":` + shapeText(d.Shape) + `,"order":"` + d.Order.String() +
		`","bytes":` + strconv.FormatInt(d.Bytes, 10) + `,"digest":"` + d.Digest + `"}`
	return Value{Tensor, text}, nil
}

// Descriptor returns the descriptor of a tensor; ok is false for every other
// type.
func (v Value) Descriptor() (d Descriptor, ok bool) {
	if v.typ != Tensor {
		return Descriptor{}, false
	}
	d, found := ReadDescriptor([]byte(v.text))
	return d, found == nil
}

// ReadDescriptor reads what [Descriptor.Value] has written. It cannot know
// whether the bytes are anywhere, so it is for stored records and for files
// that bring the bytes along, and not for what a client says a value is.
func ReadDescriptor(raw []byte) (Descriptor, []fault.Violation) {
	var f findings
	all, err := members(raw)
	if err != nil {
		f.jsonError(err, "an object that describes a tensor", raw)
		return Descriptor{}, f.found
	}
	d := Descriptor{}
	names := []string{"dtype", "shape", "order", "bytes", "digest"}
	for _, m := range all {
		if !slices.Contains(names, m.name) {
			f.add("/"+escaped(m.name), fault.UnknownParameter, "There is no member "+shown(m.name)+"; there is "+listed(names, "and")+".")
			continue
		}
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == m.name })
		f.member(&d, m)
	}
	for _, name := range names {
		f.missing(name)
	}
	if f.found == nil {
		f.descriptor(d)
	}
	if f.found != nil {
		return Descriptor{}, f.found
	}
	return d, nil
}

// member reads one member of a descriptor.
func (f *findings) member(d *Descriptor, m member) {
	kind, at := m.text.Kind(), "/"+m.name
	switch m.name {
	case "shape":
		d.Shape, _ = f.lengths(at, m.text, 0)
		return
	case "bytes":
		var ok bool
		if d.Bytes, ok = integral(kind, m.text); !ok {
			f.noInteger(at, kind, m.text)
		}
		return
	}
	if kind != jsontext.KindString {
		f.mismatch(at, "a string", KindName(kind))
		return
	}
	switch s := unquoted(m.text); m.name {
	case "dtype":
		d.Dtype, _ = DtypeOf(s) // descriptor refuses 0
	case "order":
		if len(s) == 1 {
			d.Order = Order(s[0])
		}
	default:
		d.Digest = s
	}
}

// descriptor judges a descriptor.
func (f *findings) descriptor(d Descriptor) {
	if d.Dtype.Size() == 0 {
		f.violates("/dtype", "Expected f64, f32, i64, i32, u8 or bool.")
	}
	if d.Order != RowMajor && d.Order != ColumnMajor {
		f.violates("/order", "Expected C or F.")
	}
	if sum, err := hex.DecodeString(d.Digest); err != nil || len(sum) != 32 || hex.EncodeToString(sum) != d.Digest {
		f.violates("/digest", "Expected 64 hexadecimal digits in lower case.")
	}
	if f.found != nil {
		return
	}
	size, ok := Size(d.Dtype, d.Shape)
	switch {
	case !ok:
		f.violates("/shape", "Expected at most %d lengths that 64 bits can multiply, none of them negative, got %s.", MaxRank, shapeText(d.Shape))
	case size != d.Bytes:
		f.violates("/bytes", "Expected %d for the shape %s of %s, got %d.", size, shapeText(d.Shape), d.Dtype, d.Bytes)
	}
}

// shapeText writes a shape as JSON.
func shapeText(shape []int64) string {
	out := []byte{'['}
	for i, n := range shape {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, n, 10)
	}
	return string(append(out, ']'))
}
