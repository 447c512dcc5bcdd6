package expr

import "math"

// The elementary functions are those of package math. This file holds the few
// that Python has with other rules, and those whose method in package math
// loses digits that another of its functions keeps.

// power returns a**b; a negative a has whole powers only.
func power(a, b float64) float64 {
	v, l := math.Pow(a, b), math.Log(math.Abs(a))
	if math.Abs(b) > 64 && math.Abs(l) < 0.5 {
		// Pow multiplies, and every multiplication rounds: 1.000000001**1e9
		// would have 8 correct digits. No power here is exact, so that nothing
		// is lost by the logarithm.
		return math.Copysign(math.Exp(b*l), v)
	}
	return v
}

// positive is f where a logarithm is defined.
func positive(f func(float64) float64) func(float64) float64 {
	return func(x float64) float64 {
		if x <= 0 {
			return math.NaN()
		}
		return f(x)
	}
}

// log2 is math.Log2, but next to 1, where that takes the difference of two
// numbers near 1.
func log2(x float64) float64 {
	if 0.5 < x && x < 2 {
		return math.Log(x) / math.Ln2
	}
	return math.Log2(x)
}

// log10 is math.Log10, but exact for all powers of 10.
func log10(x float64) float64 {
	v := math.Log10(x)
	if whole := math.Round(v); math.Pow10(int(whole)) == x {
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
