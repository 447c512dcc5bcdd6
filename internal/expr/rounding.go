package expr

import (
	"math"
	"math/big"
	"strconv"
)

// wholeFunction makes a function that turns a float into an integer.
func wholeFunction(f func(float64) float64) body {
	return func(name string, args []Number) (Number, *failure) {
		if !args[0].isFloat {
			return args[0], nil
		}
		v, _ := big.NewFloat(f(args[0].f)).Int(nil)
		return integer("the result of "+name, v)
	}
}

// round is Python's round: ties go to the even neighbour. With one argument it
// returns an integer, with two a number of the first one's kind, rounded to so
// many decimal places; a negative number of places rounds to tens, hundreds...
func round(name string, args []Number) (Number, *failure) {
	if len(args) == 1 {
		return wholeFunction(math.RoundToEven)(name, args)
	}
	what, x, places := "the result of "+name, args[0], args[1]
	// No float has 400 digits on either side of its point that matter.
	p := max(-400, min(places.i, 400))
	switch {
	case places.isFloat:
		return Number{}, failf(typeError, "%s needs an integer number of places, but got %s", name, places)
	case x.isFloat && p >= 0:
		// FormatFloat rounds the exact decimal value. Scaling with a power of
		// ten would round before the rounding: round(2.675, 2) is 2.67 because
		// 2.675 is a little less than it looks.
		v, _ := strconv.ParseFloat(strconv.FormatFloat(x.f, 'f', int(p), 64), 64)
		return float(what, v)
	case x.isFloat:
		tens, _ := new(big.Float).SetInt(toTens(new(big.Rat).SetFloat64(x.f), -p)).Float64()
		return float(what, math.Copysign(tens, x.f))
	case p >= 0:
		return x, nil
	}
	return integer(what, toTens(new(big.Rat).SetInt64(x.i), -p))
}

// toTens rounds x to a multiple of 10**places.
func toTens(x *big.Rat, places int64) *big.Int {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(places), nil)
	x.Quo(x, new(big.Rat).SetInt(unit))
	q, r := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
	if tie := r.Abs(r).Lsh(r, 1).Cmp(x.Denom()); tie > 0 || tie == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(int64(x.Sign())))
	}
	return q.Mul(q, unit)
}
