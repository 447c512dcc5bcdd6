package value

import (
	"math"
	"strconv"
	"strings"
)

// maxNumber is how many characters a number may have. It is far more than a
// float64 can tell apart.
const maxNumber = 1024

// What is wrong with a number; the end of the sentence "Expected …".
const (
	longNumber    = "a number of at most 1024 characters" // maxNumber
	wideNumber    = "a number within the range of a 64-bit float"
	wideSingle    = "a number within the range of a 32-bit float"
	wideInteger   = "an integer of at most 64 bits"
	wideInteger32 = "an integer of at most 32 bits"
	wideByte      = "an integer from 0 to 255"
)

// literal is the text of a JSON number.
type literal string

// whole tells whether the number is written as an integer: with neither a
// fraction nor an exponent.
func (l literal) whole() bool { return !strings.ContainsAny(string(l), ".eE") }

// complaint says what is wrong with the number whatever it is meant for, "" if
// nothing is.
func (l literal) complaint() string {
	const surelyFinite = 300 // digits
	if len(l) > maxNumber {
		return longNumber
	}
	if len(l) < surelyFinite && l.whole() {
		return ""
	}
	if _, ok := l.float(64); !ok {
		return wideNumber
	}
	return ""
}

// float returns the float of so many bits that is nearest to the number; ok is
// false if that is none.
func (l literal) float(bits int) (f float64, ok bool) {
	f, err := strconv.ParseFloat(string(l), bits)
	return f, err == nil
}

// integer returns the number if it is an integer of 64 bits, however it is
// written: 12e2 and 1200.0 are 1200. It computes with the digits, so it is
// exact, and exponents cost nothing.
func (l literal) integer() (i int64, integral, fits bool) {
	if l.whole() {
		i, err := strconv.ParseInt(string(l), 10, 64)
		return i, true, err == nil
	}
	rest, negative := strings.CutPrefix(string(l), "-")
	mantissa, exponent := rest, ""
	if e := strings.IndexAny(rest, "eE"); e >= 0 {
		mantissa, exponent = rest[:e], rest[e+1:]
	}
	before, after, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(before+after, "0")
	if digits == "" {
		return 0, true, true
	}
	// The number is 0.digits · 10^point.
	point := clampedExponent(exponent) + len(before) - (len(before) + len(after) - len(digits))
	digits = strings.TrimRight(digits, "0")
	const widest = 19 // digits of the largest int64
	switch {
	case len(digits) > point:
		return 0, false, false
	case point > widest:
		return 0, true, false
	}
	digits += strings.Repeat("0", point-len(digits))
	if negative {
		digits = "-" + digits
	}
	i, err := strconv.ParseInt(digits, 10, 64)
	return i, true, err == nil
}

// clampedExponent reads an exponent. No number has so many characters that it
// could make up for one beyond the clamp.
func clampedExponent(text string) int {
	const most = 1 << 20
	if text == "" {
		return 0
	}
	e, err := strconv.Atoi(text)
	if err != nil && strings.HasPrefix(text, "-") {
		return -most
	}
	if err != nil {
		return most
	}
	return min(max(e, -most), most)
}

// floatText writes a finite float so that it is read back as the same float,
// bit for bit, and as no integer.
func floatText(out []byte, f float64, bits int) []byte {
	start := len(out)
	out = strconv.AppendFloat(out, f, 'g', -1, bits)
	for _, c := range out[start:] {
		if c == '.' || c == 'e' {
			return out
		}
	}
	return append(out, '.', '0')
}

// special returns the float that a string stands for where special floats are
// allowed.
func special(s string) (f float64, ok bool) {
	switch s {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	default:
		return 0, false
	}
}

// specialText is the inverse of special, as JSON; "" for a finite float.
func specialText(f float64) string {
	switch {
	case math.IsNaN(f):
		return `"NaN"`
	case math.IsInf(f, 1):
		return `"Infinity"`
	case math.IsInf(f, -1):
		return `"-Infinity"`
	default:
		return ""
	}
}
