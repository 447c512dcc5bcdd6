package expr

import "math"

// The elementary functions are those of package math. This file mends the few
// that lose digits, or all of them, where another of its functions does not.

// power returns a**b; a negative a has whole powers only.
func power(a, b float64) float64 {
	v, l := math.Pow(a, b), log(math.Abs(a))
	switch {
	case math.Abs(b) > 64 && math.Abs(l) < 0.5:
		// Pow multiplies, and every multiplication rounds (golang/go#25270):
		// of 1.000000001**1e9 the 9th digit would be wrong. Of these powers
		// only those of 1 are exact, here as well.
		return math.Copysign(math.Exp(b*l), v)
	case 0 < a && a < smallestNormal && b != math.Trunc(b):
		return math.Exp(b * l) // Pow takes the logarithm that log mends
	}
	return v
}

const smallestNormal = 0x1p-1022

// log is math.Log, but right for subnormal numbers on amd64, too
// (golang/go#56600), and NaN for 0.
func log(x float64) float64 {
	switch {
	case x <= 0:
		return math.NaN()
	case x < smallestNormal:
		return math.Log(x*0x1p52) - 52*math.Ln2
	}
	return math.Log(x)
}

// log2 is math.Log2, but next to 1, where that takes the difference of two
// numbers near 1.
func log2(x float64) float64 {
	if 0 < x && x <= 0.5 || x >= 2 {
		return math.Log2(x)
	}
	return log(x) / math.Ln2
}

// log10 is math.Log10, but with our log and exact for all powers of 10.
func log10(x float64) float64 {
	v := log(x) / math.Ln10
	if whole := math.Round(v); x >= smallestNormal && math.Pow10(int(whole)) == x {
		return whole
	}
	return v
}

// asin and acos measure the angle of a point on the circle: math.Asin and
// math.Acos lose up to half of the digits next to 1 and -1.
func asin(x float64) float64 { return math.Atan2(x, cofactor(x)) }
func acos(x float64) float64 { return math.Atan2(cofactor(x), x) }

// cofactor returns the square root of 1 - x*x, the sine for a cosine.
func cofactor(x float64) float64 { return math.Sqrt((1 - x) * (1 + x)) }

// hyperbolic mends math.Sinh and math.Cosh where they are half of an exp that
// is too large while its half is not.
func hyperbolic(f func(float64) float64) func(float64) float64 {
	return func(x float64) float64 {
		v := f(x)
		if math.IsInf(v, 0) {
			root := math.Exp(math.Abs(x) / 2)
			return math.Copysign(root/2*root, v)
		}
		return v
	}
}
