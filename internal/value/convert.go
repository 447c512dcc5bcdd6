package value

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
)

// Convert reads raw as a value of type t without constraints. It returns all
// that is wrong, up to [MaxViolations], with pointers from the value's root;
// the value is good when nothing is.
//
// What it takes, and what it makes of it:
//
//	boolean       true, false, 1, 0, "true", "false"; nothing else, and no other spelling
//	integer       numbers without a fraction (2, 2.0, 2e3) within 64 bits, exactly; no strings, no booleans
//	float         numbers; the nearest float64, which must be finite
//	string        strings; nothing is made a string
//	choice        strings
//	map, list     objects, arrays; compact, with numbers as they are written
//	integer_list  arrays whose items convert, each as above
//	float_list
//	string_list
//	embedding     arrays of numbers, as floats
//	tensor        nothing: see [ConvertTensor] and [ReadDescriptor]
//
// null is no value of any type. Text that is not JSON, has a name twice in an
// object or is nested more than [MaxDepth] levels deep is one violation with
// the code INVALID_REQUEST. A converted value converts to itself.
func Convert(t Type, raw []byte) (Value, []fault.Violation) {
	return Constraints{typ: t}.Convert(raw)
}

// Convert is like the function [Convert], and judges by the constraints at the
// same time. Some of them change what is taken: strict takes only JSON's
// booleans, allow_special takes "NaN", "Infinity" and "-Infinity", normalize
// scales a vector, dtype rounds its numbers to 32 bits.
func (c Constraints) Convert(raw []byte) (Value, []fault.Violation) {
	return c.read(newReader(raw), raw)
}

// Check returns all constraints that v violates, up to [MaxViolations]; the
// first violation is v's type when it is not that of the constraints. It
// judges and changes nothing: a vector that is not normalized violates
// normalize. Of a tensor it sees the descriptor; [Constraints.Elements] judges
// its elements.
func (c Constraints) Check(v Value) []fault.Violation {
	if v.typ != c.typ {
		var f findings
		f.add("", fault.TypeMismatch, "Expected a value of type "+c.typ.String()+", got one of type "+v.typ.String()+".")
		return f.found
	}
	if c.limits == nil {
		return nil
	}
	if c.typ == Tensor {
		d, found := ReadDescriptor([]byte(v.text))
		if found == nil {
			found = c.CheckTensor(d.Dtype, d.Shape)
		}
		return found
	}
	r := newReader([]byte(v.text))
	r.stored = true
	_, found := c.read(r, []byte(v.text))
	return found
}

func (c Constraints) read(r *reader, raw []byte) (Value, []fault.Violation) {
	switch c.typ {
	case Boolean, Integer, Float, String, Choice:
		r.scalar(c.typ, c.limits)
	case IntegerList, FloatList, StringList:
		r.list(c.typ.item(), c.limits)
	case Embedding:
		r.embedding(c.limits)
	case List:
		r.free(jsontext.KindBeginArray, raw, c.limits)
	case Map:
		r.free(jsontext.KindBeginObject, raw, c.limits)
	case Tensor:
		r.tensor(raw, c)
	default:
		r.unreadable("There is no such type.")
	}
	r.end()
	if r.found != nil {
		return Value{}, r.found
	}
	return Value{c.typ, string(r.out)}, nil
}

// tensor says what is wrong with a tensor's JSON; where that is nothing, what is
// wrong is that it is JSON, since a tensor's value names its bytes.
func (r *reader) tensor(raw []byte, c Constraints) {
	kind, _, ok := r.next()
	if !ok {
		return
	}
	if tensorLike(jsontext.NewDecoder(bytes.NewBuffer(raw))) {
		if _, found := c.ConvertTensor(raw); found != nil {
			r.found = append(r.found, found...)
			return
		}
	}
	r.mismatch("", "the shape and the data of a tensor", KindName(kind))
}
