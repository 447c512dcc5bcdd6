package expr

import (
	"math"
	"math/big"
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
	switch {
	case places.isFloat:
		return Number{}, failf(typeError, "%s needs an integer number of places, but got %s", name, places)
	case x.isFloat:
		v, _ := toPlaces(new(big.Rat).SetFloat64(x.f), places.i).Float64()
		return float(what, math.Copysign(v, x.f))
	case places.i >= 0:
		return x, nil
	}
	return integer(what, toPlaces(new(big.Rat).SetInt64(x.i), places.i).Num())
}

// toPlaces rounds x to decimal places, ties to even. It needs the exact value:
// round(2.675, 2) is 2.67 because 2.675 is a little less than it looks, but
// 2.675 times 100 as a float is exactly 267.5.
func toPlaces(x *big.Rat, places int64) *big.Rat {
	// No float has more than 17 digits that matter, the first of them at most
	// 324 places from the point.
	places = max(-340, min(places, 340))
	ten := big.NewInt(10)
	unit := new(big.Rat).SetInt(ten.Exp(ten, big.NewInt(max(places, -places)), nil))
	if places > 0 {
		unit.Inv(unit)
	}
	x.Quo(x, unit)
	q, r := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
	if tie := r.Abs(r).Lsh(r, 1).Cmp(x.Denom()); tie > 0 || tie == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(int64(x.Sign())))
	}
	return unit.Mul(unit, x.SetInt(q))
}
