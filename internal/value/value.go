package value

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Value is one typed value. The zero Value has no type and is not valid.
type Value struct {
	typ  Type
	text string // compact JSON
}

// ErrNotFinite refuses NaN and the infinities, which JSON cannot carry as
// numbers.
var ErrNotFinite = errors.New("a float must be finite")

// Bool returns b as a value.
func Bool(b bool) Value { return Value{Boolean, strconv.FormatBool(b)} }

// Int returns i as a value.
func Int(i int64) Value { return Value{Integer, strconv.FormatInt(i, 10)} }

// Float64 returns f as a value, or ErrNotFinite.
func Float64(f float64) (Value, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}, ErrNotFinite
	}
	return Value{Float, string(floatText(nil, f, 64))}, nil
}

// Text returns s as a value. Invalid UTF-8 becomes U+FFFD.
func Text(s string) Value {
	quoted, _ := jsontext.AppendQuote(nil, s) // its only error is invalid UTF-8, and it has replaced that
	return Value{String, string(quoted)}
}

// Stored rebuilds a value from what [Value.Type] and [Value.JSON] said when it
// was stored. It trusts its input.
func Stored(t Type, text string) Value { return Value{t, text} }

// Type returns the value's type, 0 for the zero Value.
func (v Value) Type() Type { return v.typ }

// JSON returns the value as compact JSON.
func (v Value) JSON() string { return v.text }

// MarshalJSON returns the value as compact JSON.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.typ == 0 {
		return nil, errors.New("value: the zero Value has no JSON")
	}
	return []byte(v.text), nil
}

// Int64 returns the value of an integer; ok is false for every other type.
func (v Value) Int64() (i int64, ok bool) {
	if v.typ != Integer {
		return 0, false
	}
	i, err := strconv.ParseInt(v.text, 10, 64)
	return i, err == nil
}

// Number returns the value of an integer or a float, which may be NaN or
// infinite where constraints allow it; ok is false for every other type.
func (v Value) Number() (f float64, ok bool) {
	if v.typ != Integer && v.typ != Float {
		return 0, false
	}
	if name, quoted := strings.CutPrefix(v.text, `"`); quoted {
		return special(strings.TrimSuffix(name, `"`))
	}
	f, err := strconv.ParseFloat(v.text, 64)
	return f, err == nil
}

// Floats returns the numbers of an embedding, a float_list or an integer_list;
// ok is false for every other type.
func (v Value) Floats() (numbers []float64, ok bool) {
	if v.typ != Embedding && v.typ != FloatList && v.typ != IntegerList {
		return nil, false
	}
	inside := strings.Trim(v.text, "[]")
	if inside == "" {
		return []float64{}, true
	}
	numbers = make([]float64, 0, strings.Count(inside, ",")+1)
	for item := range strings.SplitSeq(inside, ",") {
		f, ok := Stored(Float, item).Number()
		if !ok {
			return nil, false
		}
		numbers = append(numbers, f)
	}
	return numbers, true
}
