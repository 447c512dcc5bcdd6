package value

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
)

// TensorData is a tensor with its elements, as it is read from JSON. It is no
// [Value] yet: a value names the bytes by their digest.
type TensorData struct {
	Dtype Dtype
	Shape []int64
	Bytes []byte // row-major, little-endian
}

// ConvertTensor reads {"shape", "data", "dtype"?} without constraints.
func ConvertTensor(raw []byte) (TensorData, []fault.Violation) {
	return Constraints{typ: Tensor}.ConvertTensor(raw)
}

// ConvertTensor reads {"shape", "data", "dtype"?} and judges shape, type and
// elements at the same time. The data are nested like the shape, or a flat
// list in row-major order; of a tensor without dimensions they may be the
// element alone. Elements of f64 and f32 are numbers, "NaN", "Infinity" and
// "-Infinity"; of i64, i32 and u8 numbers without a fraction; of bool JSON's
// booleans. Without a dtype it is that of the constraints, else bool where all
// elements are booleans, i64 where all numbers are written as integers, and
// f64 in all other cases.
//
// Memory is in proportion to the text, whatever the shape says.
func (c Constraints) ConvertTensor(raw []byte) (TensorData, []fault.Violation) {
	e := &elementReader{limits: c.limits}
	shape, data, ok := e.parts(raw)
	if !ok {
		return TensorData{}, e.found
	}
	if e.dtype == 0 && c.limits != nil {
		e.dtype = c.limits.dtype
	}
	if e.dtype == 0 {
		e.dtype = dtypeOf(data)
	}
	for _, v := range c.CheckTensor(e.dtype, shape) {
		e.add(v.Pointer, v.Code, v.Detail)
	}
	if n, ok := Elements(shape); ok {
		e.read(data, shape, n)
	}
	if e.found != nil {
		return TensorData{}, e.found
	}
	return TensorData{Dtype: e.dtype, Shape: shape, Bytes: e.out}, nil
}

// elementReader reads the elements of a tensor and writes their bytes.
type elementReader struct {
	findings
	dec    *jsontext.Decoder
	dtype  Dtype
	limits *limits
	out    []byte
}

// parts finds the members of a tensor and reads the small ones.
func (e *elementReader) parts(raw []byte) (shape []int64, data jsontext.Value, ok bool) {
	all, err := members(raw)
	if err != nil {
		e.jsonError(err, "an object with shape and data", raw)
		return nil, nil, false
	}
	names := []string{"shape", "data"}
	for _, m := range all {
		switch m.name {
		case "shape":
			shape, _ = e.lengths("/shape", m.text, 0)
		case "data":
			data = m.text
		case "dtype":
			e.named(m.text)
		default:
			e.add("/"+escaped(m.name), fault.UnknownParameter, "There is no member "+shown(m.name)+"; there is shape, data and dtype.")
		}
		names = slices.DeleteFunc(names, func(name string) bool { return name == m.name })
	}
	for _, name := range names {
		e.missing(name)
	}
	return shape, data, e.found == nil
}

// named reads the dtype.
func (e *elementReader) named(text jsontext.Value) {
	if text.Kind() != jsontext.KindString {
		e.mismatch("/dtype", "a string", KindName(text.Kind()))
		return
	}
	name := unquoted(text)
	if e.dtype, _ = DtypeOf(name); e.dtype == 0 {
		e.violates("/dtype", "Expected f64, f32, i64, i32, u8 or bool, got %s.", shown(name))
	}
}

// dtypeOf is the dtype of data that come without one.
func dtypeOf(data jsontext.Value) Dtype {
	var booleans, integers, others bool
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	for !others {
		kind := dec.PeekKind()
		if kind != jsontext.KindNumber {
			if _, err := dec.ReadToken(); err != nil {
				break
			}
			booleans = booleans || kind == jsontext.KindTrue || kind == jsontext.KindFalse
			others = kind == jsontext.KindString
			continue
		}
		text, err := dec.ReadValue()
		if err != nil {
			break
		}
		integers = true
		others = !literal(text).whole()
	}
	switch {
	case others:
		return F64
	case integers:
		return I64
	case booleans:
		return B8
	default:
		return F64
	}
}

// read reads the data, of which there must be n elements.
func (e *elementReader) read(data jsontext.Value, shape []int64, n int64) {
	most := int64(len(data)/2 + 1) // an element takes a character and a comma
	e.out = make([]byte, 0, min(n, most)*e.dtype.Size())
	e.dec = jsontext.NewDecoder(bytes.NewBuffer(data))
	if data.Kind() != jsontext.KindBeginArray && len(shape) == 0 {
		e.element()
		return
	}
	if len(shape) > 1 && nested(data) {
		e.nested(shape)
		return
	}
	if got := e.items(e.element); got >= 0 && got != n {
		e.violates("/data", "Expected %d elements for the shape %s, got %d.", n, shapeText(shape), got)
	}
}

// nested tells whether the data are arrays in an array.
func nested(data jsontext.Value) bool {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	_, err := dec.ReadToken()
	return err == nil && dec.PeekKind() == jsontext.KindBeginArray
}

// nested reads an array that is nested like a shape.
func (e *elementReader) nested(shape []int64) {
	read := e.element
	if len(shape) > 1 {
		read = func() { e.nested(shape[1:]) }
	}
	if n := e.items(read); n >= 0 && n != shape[0] {
		e.violates(e.at(), "Expected %d items as the shape says, got %d.", shape[0], n)
	}
}

// items reads an array and returns how many items it has, -1 if that is
// nothing to talk about.
func (e *elementReader) items(read func()) int64 {
	if kind := e.dec.PeekKind(); kind != jsontext.KindBeginArray {
		if err := e.dec.SkipValue(); err != nil {
			e.unreadable("The value is not valid JSON.")
			return -1
		}
		e.mismatch(e.at(), "an array", KindName(kind))
		return -1
	}
	if _, err := e.dec.ReadToken(); err != nil {
		e.unreadable("The value is not valid JSON.")
		return -1
	}
	var n int64
	for ; e.dec.PeekKind() != jsontext.KindEndArray; n++ {
		if read(); e.over() {
			return -1
		}
	}
	if _, err := e.dec.ReadToken(); err != nil {
		e.unreadable("The value is not valid JSON.")
		return -1
	}
	return n
}

// at is the pointer to what was read last.
func (e *elementReader) at() string { return "/data" + string(e.dec.StackPointer()) }

// element reads one element.
func (e *elementReader) element() {
	kind := e.dec.PeekKind()
	var text []byte
	var err error
	if kind == jsontext.KindBeginArray || kind == jsontext.KindBeginObject {
		err = e.dec.SkipValue()
	} else {
		text, err = e.dec.ReadValue()
	}
	switch {
	case err != nil:
		e.unreadable("The value is not valid JSON.")
	case e.dtype == B8:
		e.boolean(kind)
	case e.dtype.floats():
		e.floating(kind, text)
	default:
		e.whole(kind, text)
	}
}

func (e *elementReader) boolean(kind jsontext.Kind) {
	if kind != jsontext.KindTrue && kind != jsontext.KindFalse {
		e.mismatch(e.at(), "a boolean", KindName(kind))
		return
	}
	var n byte
	if kind == jsontext.KindTrue {
		n = 1
	}
	e.bounded(int64(n))
	e.out = append(e.out, n)
}

func (e *elementReader) floating(kind jsontext.Kind, text []byte) {
	var x float64
	if kind == jsontext.KindString {
		name := unquoted(text)
		f, ok := special(name)
		if !ok {
			e.mismatch(e.at(), "a number", shown(name))
			return
		}
		x = f
	} else {
		bits := int(8 * e.dtype.Size())
		f, ok := finite(kind, text, bits)
		if !ok {
			e.noFloat(e.at(), kind, text, bits)
			return
		}
		x = f
	}
	if e.limits != nil && !e.limits.holds(x) {
		e.float(e.at(), x, e.limits)
	}
	if e.dtype == F32 {
		e.out = binary.LittleEndian.AppendUint32(e.out, math.Float32bits(float32(x)))
		return
	}
	e.out = binary.LittleEndian.AppendUint64(e.out, math.Float64bits(x))
}

func (e *elementReader) whole(kind jsontext.Kind, text []byte) {
	n, ok := integral(kind, text)
	if !ok {
		e.noInteger(e.at(), kind, text)
		return
	}
	switch {
	case e.dtype == I32 && (n < math.MinInt32 || n > math.MaxInt32):
		e.violates(e.at(), "Expected "+wideInteger32+", got %d.", n)
	case e.dtype == U8 && (n < 0 || n > math.MaxUint8):
		e.violates(e.at(), "Expected "+wideByte+", got %d.", n)
	}
	e.bounded(n)
	switch e.dtype {
	case I64:
		e.out = binary.LittleEndian.AppendUint64(e.out, uint64(n))
	case I32:
		e.out = binary.LittleEndian.AppendUint32(e.out, uint32(n))
	default:
		e.out = append(e.out, byte(n))
	}
}

// bounded judges an integer by the bounds.
func (e *elementReader) bounded(n int64) {
	if e.limits != nil && !e.limits.holdsInt(n) {
		e.findings.whole(e.at(), n, e.limits)
	}
}
