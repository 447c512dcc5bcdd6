package expr

import (
	"math"
	"math/big"
	"slices"

	"toolpit/internal/near"
)

// operator is a binary operator; opAdd and opSubtract are signs as well.
type operator uint8

const (
	opAdd operator = iota
	opSubtract
	opMultiply
	opDivide
	opPower
	opModulo
	opFloorDivide
)

// String returns the operator as it is written.
func (op operator) String() string {
	return [...]string{"+", "-", "*", "/", "**", "%", "//"}[op]
}

// Operations lists the names [Binary] takes, in the order of the operators.
func Operations() []string {
	return []string{"add", "subtract", "multiply", "divide", "power", "modulo", "floor_divide"}
}

// Binary computes one named operation, with the arithmetic of [Eval]: add,
// subtract, multiply, divide, power, modulo or floor_divide. It fails with
// [fault.ConstraintViolation] when the operation is unknown or has no value;
// its Facts then hold the class of the error as those of Eval do, but no
// position.
func Binary(operation string, a, b Number) (Number, error) {
	i := slices.Index(Operations(), operation)
	if i < 0 {
		return result(Number{}, failf(valueError, "unknown operation %s", quote(operation)).
			suggesting(near.Names(operation, Operations(), maxSuggestions)))
	}
	return result(operator(i).apply(a, b))
}

// apply computes a op b.
func (op operator) apply(a, b Number) (Number, *failure) {
	what, x, y := "the result of "+op.String(), a.Float(), b.Float()
	switch {
	case y == 0 && (op == opDivide || op == opModulo || op == opFloorDivide):
		return Number{}, failf(zeroDivisionError, "division by zero")
	case op == opPower && x == 0 && y < 0:
		return Number{}, failf(zeroDivisionError, "division by zero").hinting("zero has no negative power")
	case op == opPower && x < 0 && y != math.Trunc(y):
		return Number{}, failf(valueError, "a negative number has no fractional power")
	case a.isFloat || b.isFloat || op == opPower && y < 0:
		return float(what, op.floats(x, y))
	case op == opDivide:
		return float(what, quotient(a.i, b.i))
	}
	return integer(what, op.integers(a.i, b.i))
}

// floats computes a op b where it has a value.
func (op operator) floats(a, b float64) float64 {
	switch op {
	case opAdd:
		return a + b
	case opSubtract:
		return a - b
	case opMultiply:
		return a * b
	case opDivide:
		return a / b
	case opPower:
		return power(a, b)
	case opModulo:
		_, r := floorDivide(a, b)
		return r
	default:
		q, _ := floorDivide(a, b)
		return q
	}
}

// integers computes a op b exactly where the value is an integer; it is one
// for every operator but /.
func (op operator) integers(a, b int64) *big.Int {
	x, y, v := big.NewInt(a), big.NewInt(b), new(big.Int)
	switch op {
	case opAdd:
		return v.Add(x, y)
	case opSubtract:
		return v.Sub(x, y)
	case opMultiply:
		return v.Mul(x, y)
	case opPower:
		// The powers of 0, 1 and -1 depend on whether the exponent is 0, even
		// or odd, those of all others are beyond 64 bits from the 64th on.
		return v.Exp(x, big.NewInt(min(b, 64+b%2)), nil)
	}
	v.QuoRem(x, y, x) // x becomes the remainder
	if x.Sign()*y.Sign() < 0 {
		v.Sub(v, big.NewInt(1))
		x.Add(x, y)
	}
	if op == opModulo {
		return x
	}
	return v
}

// quotient returns a / b correctly rounded; b is not 0. Converting the
// operands first would round three times.
func quotient(a, b int64) float64 {
	if a == 0 {
		return 0 / float64(b) // with the sign of b
	}
	v, _ := big.NewRat(a, b).Float64()
	return v
}

// floorDivide returns floor(a/b) and a - floor(a/b)*b; b is not 0. A remainder
// of zero has the sign of b. Flooring the rounded quotient would be off by one
// where the rounding reached the next integer, as in 1 // 0.1, so the division
// is taken behind the remainder.
func floorDivide(a, b float64) (quotient, remainder float64) {
	r := math.Mod(a, b)
	q := (a - r) / b // whole but for rounding
	switch {
	case r == 0:
		r = math.Copysign(0, b)
	case (r < 0) != (b < 0):
		q--
		r += b
	}
	if q == 0 {
		return math.Copysign(0, a/b), r
	}
	whole := math.Floor(q)
	if q-whole > 0.5 {
		whole++
	}
	return whole, r
}

// negate returns -n.
func negate(n Number) (Number, *failure) {
	if n.isFloat {
		return float("the result of -", -n.f)
	}
	return integer("the result of -", new(big.Int).Neg(big.NewInt(n.i)))
}
