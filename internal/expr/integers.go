package expr

import "math/big"

// integerFunction makes a function of integers; it refuses floats, even those
// without a fraction, as Python does. Where f has no value it returns nil.
func integerFunction(f func(args []*big.Int) *big.Int) body {
	return func(name string, args []Number) (Number, *failure) {
		var integers []*big.Int
		for _, a := range args {
			if a.isFloat {
				return Number{}, failf(typeError, "%s needs integers, but got %s", name, a)
			}
			integers = append(integers, big.NewInt(a.i))
		}
		v := f(integers)
		if v == nil {
			return Number{}, failf(valueError, "%s is not defined for %s", name, args[0])
		}
		return integer("the result of "+name, v)
	}
}

// gcd is the greatest common divisor.
func gcd(args []*big.Int) *big.Int {
	g := new(big.Int)
	for _, a := range args {
		g.GCD(nil, nil, g, a)
	}
	return g
}

// lcm is the least common multiple; of anything and 0 it is 0.
func lcm(args []*big.Int) *big.Int {
	l := big.NewInt(1)
	for _, a := range args {
		if a.Sign() == 0 {
			return a
		}
		l.Mul(l, new(big.Int).Quo(a, gcd([]*big.Int{l, a})))
	}
	return l.Abs(l)
}

// factorial is the product of the integers from 1 to its argument.
func factorial(args []*big.Int) *big.Int {
	n := args[0].Int64()
	if n < 0 {
		return nil
	}
	return new(big.Int).MulRange(1, min(n, 21)) // 21! is beyond 64 bits
}

// isqrt is the largest integer whose square is at most the argument.
func isqrt(args []*big.Int) *big.Int {
	if args[0].Sign() < 0 {
		return nil
	}
	return new(big.Int).Sqrt(args[0])
}
