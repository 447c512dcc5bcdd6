package value

import (
	"errors"
	"fmt"
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

// ErrNotFinite refuses NaN and the infinities, which JSON cannot carry.
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
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0" // keeps it a float when it is read again
	}
	return Value{Float, text}, nil
}

// Text returns s as a value. Invalid UTF-8 becomes U+FFFD.
func Text(s string) Value {
	quoted, _ := jsontext.AppendQuote(nil, s) // its only error is invalid UTF-8, and it has replaced that
	return Value{String, string(quoted)}
}

// FromJSON reads one JSON text and infers its type: a number without fraction
// and exponent is an integer, other numbers are floats, an array is a list, an
// object is a map. null has no type and is refused, as are integers beyond 64
// bits, floats that are not finite, duplicate names and invalid UTF-8.
func FromJSON(raw []byte) (Value, error) {
	v := jsontext.Value(raw).Clone()
	if !v.IsValid() { // Compact alone lets duplicate names and invalid UTF-8 pass
		return Value{}, errors.New("not a JSON value, or one with duplicate names or invalid UTF-8")
	}
	if err := v.Compact(); err != nil {
		return Value{}, fmt.Errorf("not a JSON value: %w", err)
	}
	text := string(v)
	switch v.Kind() {
	case 't', 'f':
		return Value{Boolean, text}, nil
	case '"':
		return Value{String, text}, nil
	case '[':
		return Value{List, text}, nil
	case '{':
		return Value{Map, text}, nil
	case '0':
		return number(text)
	default:
		return Value{}, errors.New("null has no type")
	}
}

func number(text string) (Value, error) {
	if !strings.ContainsAny(text, ".eE") {
		i, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return Value{}, errors.New("an integer must fit into 64 bits")
		}
		return Int(i), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return Value{}, ErrNotFinite
	}
	return Float64(f)
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

// Number returns the value of an integer or a float; ok is false for every
// other type.
func (v Value) Number() (f float64, ok bool) {
	if v.typ != Integer && v.typ != Float {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.text, 64)
	return f, err == nil
}
