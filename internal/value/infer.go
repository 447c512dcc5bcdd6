package value

import (
	"bytes"
	"math/bits"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
)

// Infer reads raw as a value of the type it seems to be of, for callers who
// do not say: a boolean; an integer where a number has neither a fraction nor
// an exponent, else a float; a string; a list; a map. A list of integers only
// is an integer_list, one of numbers a float_list, one of strings a
// string_list. It stays a list when it is empty, when it is mixed, and when
// an integer in it would lose digits. An object with the members shape and
// data, and no others but dtype, is a tensor: then the value is the zero
// Value, and the tensor is read as by [ConvertTensor]. null has no type and is
// refused.
//
// The value's JSON infers to the same value.
func Infer(raw []byte) (Value, *TensorData, []fault.Violation) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	switch dec.PeekKind() {
	case jsontext.KindNull:
		_, found := Convert(Map, raw)
		if len(found) == 1 && found[0].Code == fault.TypeMismatch {
			found[0].Detail = "Expected a value, got null, which has no type."
		}
		return Value{}, nil, found
	case jsontext.KindTrue, jsontext.KindFalse:
		return inferred(Boolean, raw)
	case jsontext.KindString:
		return inferred(String, raw)
	case jsontext.KindNumber:
		text, err := dec.ReadValue()
		if err == nil && literal(text).whole() {
			return inferred(Integer, raw)
		}
		return inferred(Float, raw)
	case jsontext.KindBeginObject:
		if !tensorLike(dec) {
			return inferred(Map, raw)
		}
		t, found := ConvertTensor(raw)
		if found != nil {
			return Value{}, nil, found
		}
		return Value{}, &t, nil
	default:
		return inferred(listType(dec), raw)
	}
}

func inferred(t Type, raw []byte) (Value, *TensorData, []fault.Violation) {
	v, found := Convert(t, raw)
	return v, nil, found
}

// tensorLike reads an object until it knows whether it has the members of a
// tensor. What is wrong with the object is for the reader of its type to say.
func tensorLike(dec *jsontext.Decoder) bool {
	var shape, data bool
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != jsontext.KindEndObject {
		var name jsontext.Token
		if name, err = dec.ReadToken(); err != nil {
			return false
		}
		switch name.String() {
		case "shape":
			shape = true
		case "data":
			data = true
		case "dtype":
		default:
			return false
		}
		err = dec.SkipValue()
	}
	return err == nil && shape && data
}

// listType reads an array until it knows its type.
func listType(dec *jsontext.Decoder) Type {
	const exact = 53 // bits of an integer that a float64 holds
	var numbers, fractions, texts, long bool
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != jsontext.KindEndArray {
		kind := dec.PeekKind()
		if kind != jsontext.KindNumber && kind != jsontext.KindString {
			return List
		}
		var text jsontext.Value
		if text, err = dec.ReadValue(); err != nil {
			return List
		}
		if kind == jsontext.KindString {
			texts = true
		} else {
			numbers = true
			if number := literal(text); !number.whole() {
				fractions = true
			} else {
				i, _, fits := number.integer()
				if !fits {
					return List
				}
				size := uint64(max(i, -i)) // right for the least int64, too
				long = long || bits.Len64(size)-bits.TrailingZeros64(size) > exact
			}
		}
		if numbers && texts || fractions && long {
			return List
		}
	}
	switch {
	case err != nil:
		return List
	case texts:
		return StringList
	case fractions:
		return FloatList
	case numbers:
		return IntegerList
	default:
		return List
	}
}
