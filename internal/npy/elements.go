package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendJSON appends elements as JSON numbers or, for b1, truths, with commas
// between them. index is the number of the first; unless it is 0, a comma goes
// before that one too, so that a long array can be written piece by piece.
// Floats are written as short as reads back to the same bits; those that have no
// JSON number are the strings "NaN", "Infinity" and "-Infinity". Errors:
// *UnsupportedError.
func AppendJSON(b []byte, descr string, elements []byte, index int64) ([]byte, error) {
	size, ok := ItemSize(descr)
	if !ok {
		return b, unsupportedType(descr)
	}
	for ; len(elements) >= size; elements = elements[size:] {
		if index > 0 {
			b = append(b, ',')
		}
		switch descr {
		case "<f8", "<f4":
			b = appendFloat(b, descr, elements)
		case "<i8":
			b = strconv.AppendInt(b, int64(binary.LittleEndian.Uint64(elements)), 10)
		case "<i4":
			b = strconv.AppendInt(b, int64(int32(binary.LittleEndian.Uint32(elements))), 10)
		case "|u1":
			b = strconv.AppendUint(b, uint64(elements[0]), 10)
		default:
			b = strconv.AppendBool(b, elements[0] != 0) // as NumPy takes any other byte
		}
		index++
	}
	return b, nil
}

// The floats that have no JSON number.
const (
	nan      = "NaN"
	infinity = "Infinity"
)

// appendFloat appends the first of some floats.
func appendFloat(b []byte, descr string, elements []byte) []byte {
	f, precision := float(descr, elements)
	switch {
	case math.IsNaN(f):
		return append(b, `"`+nan+`"`...)
	case math.IsInf(f, 1):
		return append(b, `"`+infinity+`"`...)
	case math.IsInf(f, -1):
		return append(b, `"-`+infinity+`"`...)
	default:
		return strconv.AppendFloat(b, f, 'g', -1, precision)
	}
}

// float reads the first of some floats.
func float(descr string, elements []byte) (f float64, precision int) {
	if descr == "<f8" {
		return math.Float64frombits(binary.LittleEndian.Uint64(elements)), 64
	}
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(elements))), 32
}

func notFinite(f float64) bool { return math.IsNaN(f) || math.IsInf(f, 0) }

// IndexNotFinite returns the number of the first element that is NaN or an
// infinity, or -1.
func IndexNotFinite(descr string, elements []byte) int64 {
	if descr != "<f8" && descr != "<f4" {
		return -1
	}
	size, _ := ItemSize(descr)
	for i := 0; i+size <= len(elements); i += size {
		if f, _ := float(descr, elements[i:]); notFinite(f) {
			return int64(i / size)
		}
	}
	return -1
}

// AppendElements appends the members of a JSON array as elements. Integers may
// be written with a fraction of zeros or an exponent up to 2^53; floats are
// rounded to their type, but not to an infinity, which has to be called by its
// name. Errors: *ElementError, *UnsupportedError.
func AppendElements(b []byte, descr string, array []byte) ([]byte, error) {
	if _, ok := ItemSize(descr); !ok {
		return b, unsupportedType(descr)
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(array))
	if t, err := dec.ReadToken(); err != nil || t.Kind() != jsontext.KindBeginArray {
		return b, &ElementError{0, "cannot be read: there is no array"}
	}
	for index := int64(0); ; index++ {
		t, err := dec.ReadToken()
		if err != nil {
			return b, &ElementError{index, "is not JSON"}
		}
		if t.Kind() == jsontext.KindEndArray {
			if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
				return b, &ElementError{index, "is outside the array"}
			}
			return b, nil
		}
		var wanted string
		if b, wanted = appendElement(b, descr, t); wanted != "" {
			return b, &ElementError{index, "is not " + wanted}
		}
	}
}

// appendElement appends one element, or says what was wanted instead.
func appendElement(b []byte, descr string, t jsontext.Token) (_ []byte, wanted string) {
	if descr == "|b1" {
		switch t.Kind() {
		case jsontext.KindTrue:
			return append(b, 1), ""
		case jsontext.KindFalse:
			return append(b, 0), ""
		default:
			return b, "true or false"
		}
	}
	text := ""
	switch {
	case t.Kind() == jsontext.KindNumber:
		text = t.String()
	case t.Kind() == jsontext.KindString && (descr == "<f8" || descr == "<f4"):
		if s := t.String(); s == nan || s == infinity || s == "-"+infinity {
			text = s
		}
	}
	switch descr {
	case "<f8":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return b, "a number of 64 bits"
		}
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(f)), ""
	case "<f4":
		f, err := strconv.ParseFloat(text, 32)
		if err != nil {
			return b, "a number of 32 bits"
		}
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(f))), ""
	case "<i8":
		i, ok := integer(text, math.MinInt64, math.MaxInt64)
		if !ok {
			return b, "an integer of 64 bits"
		}
		return binary.LittleEndian.AppendUint64(b, uint64(i)), ""
	case "<i4":
		i, ok := integer(text, math.MinInt32, math.MaxInt32)
		if !ok {
			return b, "an integer of 32 bits"
		}
		return binary.LittleEndian.AppendUint32(b, uint32(i)), ""
	default:
		i, ok := integer(text, 0, math.MaxUint8)
		if !ok {
			return b, "an integer from 0 to 255"
		}
		return append(b, byte(i)), ""
	}
}

// integer reads an integer within bounds.
func integer(text string, least, most int64) (int64, bool) {
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil && strings.ContainsAny(text, ".eE") {
		const exact = 1 << 53
		f, ferr := strconv.ParseFloat(text, 64)
		if ferr == nil && f == math.Trunc(f) && math.Abs(f) <= exact {
			i, err = int64(f), nil
		}
	}
	return i, err == nil && least <= i && i <= most
}
