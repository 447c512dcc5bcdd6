package expr

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// Number is an exact 64-bit integer or a finite 64-bit float. The zero value
// is the integer 0.
type Number struct {
	isFloat bool
	i       int64
	f       float64
}

// NewInt returns the integer v.
func NewInt(v int64) Number { return Number{i: v} }

// NewFloat returns the float v. It fails with [fault.ConstraintViolation] when
// v is infinite or not a number.
func NewFloat(v float64) (Number, error) { return result(float("the number", v)) }

// jsonPrefix matches what a JSON number may begin with; a match that ends in a
// digit is one.
var jsonPrefix = regexp.MustCompile(`^-?(?:(?:0|[1-9][0-9]*)(?:\.(?:[0-9]+(?:[eE][+-]?[0-9]*)?)?|[eE][+-]?[0-9]*)?)?`)

// ParseNumber reads a JSON number literal of at most [MaxLength] bytes. A
// literal without fraction and exponent is an integer (-0 is the integer 0),
// any other is a float. It fails with [fault.ConstraintViolation] when text is
// not exactly one JSON number or when the number is beyond 64 bits; the
// position in the error is a byte offset in text.
func ParseNumber(text string) (Number, error) {
	if f := checkLength("number", text); f != nil {
		return result(Number{}, f)
	}
	if end := len(jsonPrefix.FindString(text)); end < len(text) || end == 0 || !isDigit(text[end-1]) {
		return result(Number{}, failf(syntaxError, "this is not a JSON number").at(end))
	}
	n, f := readNumber(text)
	return result(n, f.at(0))
}

// readNumber converts a decimal literal whose form has been checked.
func readNumber(literal string) (Number, *failure) {
	const what = "the number"
	if !isInteger(literal) {
		v, _ := strconv.ParseFloat(literal, 64) // infinite when out of range
		return float(what, v)
	}
	v, err := strconv.ParseInt(literal, 10, 64)
	if err != nil {
		return Number{}, beyond(what)
	}
	return NewInt(v), nil
}

func isInteger(literal string) bool { return !strings.ContainsAny(literal, ".eE") }

// Int returns the value and true when n is an integer, and 0 and false when it
// is a float, even one without a fraction.
func (n Number) Int() (int64, bool) { return n.i, !n.isFloat }

// Float returns the value as a float; an integer beyond 2**53 is rounded to
// the nearest one, ties to even.
func (n Number) Float() float64 {
	if n.isFloat {
		return n.f
	}
	return float64(n.i)
}

// String returns the number as Python's repr writes it: 5, 2.0, 1e+100. It
// reads back as exactly n, by [Eval] as well as by [ParseNumber].
func (n Number) String() string {
	if !n.isFloat {
		return strconv.FormatInt(n.i, 10)
	}
	// The fewest digits that read back; like Python with an exponent below
	// 1e-4 and from 1e16 on.
	scientific := strconv.FormatFloat(n.f, 'e', -1, 64)
	_, exponent, _ := strings.Cut(scientific, "e")
	if e, err := strconv.Atoi(exponent); err != nil || e < -4 || e >= 16 {
		return scientific
	}
	plain := strconv.FormatFloat(n.f, 'f', -1, 64)
	if !strings.Contains(plain, ".") {
		plain += ".0"
	}
	return plain
}

// MarshalJSON returns the number as a JSON number: an integer with all its
// digits, a float with a fraction or an exponent, so that 2.0 stays 2.0. It
// never fails.
func (n Number) MarshalJSON() ([]byte, error) { return []byte(n.String()), nil }

// float wraps v, or says why it is none of our numbers; what names the value
// in the failure.
func float(what string, v float64) (Number, *failure) {
	switch {
	case math.IsNaN(v):
		return Number{}, failf(valueError, "%s is not a number", what)
	case math.IsInf(v, 0):
		return Number{}, failf(overflowError, "%s is too large for a 64-bit float", what)
	}
	return Number{isFloat: true, f: v}, nil
}

// integer wraps v, or says that 64 bits cannot hold it.
func integer(what string, v *big.Int) (Number, *failure) {
	if !v.IsInt64() {
		return Number{}, beyond(what)
	}
	return NewInt(v.Int64()), nil
}

func beyond(what string) *failure {
	return failf(overflowError, "%s is beyond 64-bit integers", what)
}

// compare returns the sign of a - b. It is exact for an integer and a float,
// too, where converting the integer to a float could round it.
func compare(a, b Number) int { return a.exact().Cmp(b.exact()) }

func (n Number) exact() *big.Float {
	if n.isFloat {
		return big.NewFloat(n.f)
	}
	return new(big.Float).SetInt64(n.i)
}
