package expr

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"toolpit/internal/near"
)

// function is one function of the expression language.
type function struct {
	name     string
	min, max int // number of arguments
	call     body
}

// body computes a function; name is how its failures call it.
type body func(name string, args []Number) (Number, *failure)

const many = MaxNodes

// functions is never written to.
var functions = []function{
	{"abs", 1, 1, absolute},
	{"min", 1, many, func(_ string, args []Number) (Number, *failure) { return slices.MinFunc(args, compare), nil }},
	{"max", 1, many, func(_ string, args []Number) (Number, *failure) { return slices.MaxFunc(args, compare), nil }},
	{"sum", 1, many, sum},
	{"round", 1, 2, round},
	{"floor", 1, 1, wholeFunction(math.Floor)},
	{"ceil", 1, 1, wholeFunction(math.Ceil)},
	{"trunc", 1, 1, wholeFunction(math.Trunc)},
	{"int", 1, 1, wholeFunction(math.Trunc)},
	{"float", 1, 1, realFunction(func(x float64) float64 { return x })},
	{"pow", 2, 2, func(_ string, args []Number) (Number, *failure) { return opPower.apply(args[0], args[1]) }},
	{"sqrt", 1, 1, realFunction(math.Sqrt)},
	{"cbrt", 1, 1, realFunction(math.Cbrt)},
	{"hypot", 1, many, hypotenuse},
	{"exp", 1, 1, realFunction(math.Exp)},
	{"log", 1, 2, logarithm},
	{"log2", 1, 1, realFunction(log2)},
	{"log10", 1, 1, realFunction(log10)},
	{"sin", 1, 1, realFunction(math.Sin)},
	{"cos", 1, 1, realFunction(math.Cos)},
	{"tan", 1, 1, realFunction(math.Tan)},
	{"asin", 1, 1, realFunction(asin)},
	{"acos", 1, 1, realFunction(acos)},
	{"atan", 1, 1, realFunction(math.Atan)},
	{"atan2", 2, 2, angle},
	{"sinh", 1, 1, realFunction(hyperbolic(math.Sinh))},
	{"cosh", 1, 1, realFunction(hyperbolic(math.Cosh))},
	{"tanh", 1, 1, realFunction(math.Tanh)},
	{"degrees", 1, 1, realFunction(func(x float64) float64 { return x * (180 / math.Pi) })},
	{"radians", 1, 1, realFunction(func(x float64) float64 { return x * (math.Pi / 180) })},
	{"gcd", 1, many, integerFunction(gcd)},
	{"lcm", 1, many, integerFunction(lcm)},
	{"factorial", 1, 1, integerFunction(factorial)},
	{"isqrt", 1, 1, integerFunction(isqrt)},
}

// Functions lists the names of all functions, in the order in which the
// documentation shows them.
func Functions() []string {
	var names []string
	for _, f := range functions {
		names = append(names, f.name)
	}
	return names
}

func functionNamed(name string) (function, bool) {
	i := slices.IndexFunc(functions, func(f function) bool { return f.name == name })
	if i < 0 {
		return function{}, false
	}
	return functions[i], true
}

// Constants lists the names of all constants.
func Constants() []string { return []string{"pi", "e", "tau"} }

func constantNamed(name string) (Number, bool) {
	i := slices.Index(Constants(), name)
	if i < 0 {
		return Number{}, false
	}
	return Number{isFloat: true, f: [...]float64{math.Pi, math.E, 2 * math.Pi}[i]}, true
}

const maxSuggestions = 3

// namesNear suggests names for an unknown one: what we call the thing that
// other languages and textbooks give that name, or else what is spelt alike.
func namesNear(name string) []string {
	ours := map[string]string{
		"ln": "log", "lg": "log10", "ld": "log2", "lb": "log2",
		"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
		"root": "sqrt", "squareroot": "sqrt", "rad": "radians", "total": "sum",
	}[strings.ToLower(name)]
	if ours != "" {
		return []string{ours}
	}
	return near.Names(name, slices.Concat(Constants(), Functions()), maxSuggestions)
}

// checkCount refuses a wrong number of arguments.
func (f function) checkCount(count int) *failure {
	if f.min <= count && count <= f.max {
		return nil
	}
	want := fmt.Sprintf("%d arguments", f.min)
	switch {
	case f.max == 1:
		want = "1 argument"
	case f.max == many:
		want = "at least 1 argument"
	case f.max > f.min:
		want = fmt.Sprintf("%d or %d arguments", f.min, f.max)
	}
	return failf(typeError, "%s takes %s, but got %d", f.name, want, count)
}

// realFunction makes a function of one real number. Where f has no value it
// returns a NaN, where the value is too large an infinity.
func realFunction(f func(float64) float64) body {
	return func(name string, args []Number) (Number, *failure) {
		v := f(args[0].Float())
		if math.IsNaN(v) {
			return Number{}, failf(valueError, "%s is not defined for %s", name, args[0])
		}
		return float("the result of "+name, v)
	}
}

// Sqrt returns the square root of a as a float. It fails with
// [fault.ConstraintViolation] when a is negative.
func Sqrt(a Number) (Number, error) {
	return result(realFunction(math.Sqrt)("sqrt", []Number{a}))
}

// logarithm is log: the natural logarithm, or with two arguments the quotient
// of two, which is how Python defines it.
func logarithm(name string, args []Number) (Number, *failure) {
	natural := realFunction(log)
	n, f := natural(name, args[:1])
	if f != nil || len(args) == 1 {
		return n, f
	}
	base, f := natural(name, args[1:])
	if f != nil {
		return Number{}, f
	}
	if base.f == 0 {
		return Number{}, failf(zeroDivisionError, "division by zero").
			hinting("the base of a logarithm cannot be 1")
	}
	return float("the result of "+name, n.f/base.f)
}

// angle is atan2.
func angle(name string, args []Number) (Number, *failure) {
	return float("the result of "+name, math.Atan2(args[0].Float(), args[1].Float()))
}

// hypotenuse is hypot.
func hypotenuse(name string, args []Number) (Number, *failure) {
	length := 0.0
	for _, a := range args {
		length = math.Hypot(length, a.Float())
	}
	return float("the result of "+name, length)
}

// absolute is abs.
func absolute(name string, args []Number) (Number, *failure) {
	what, a := "the result of "+name, args[0]
	if a.isFloat {
		return float(what, math.Abs(a.f))
	}
	return integer(what, new(big.Int).Abs(big.NewInt(a.i)))
}

// sum adds from left to right. Integers add exactly until the first float, so
// that only their sum has to fit 64 bits.
func sum(name string, args []Number) (Number, *failure) {
	what, exact := "the result of "+name, new(big.Int)
	for i, a := range args {
		if a.isFloat {
			total, _ := new(big.Float).SetInt(exact).Float64()
			for _, a := range args[i:] {
				total += a.Float()
			}
			return float(what, total)
		}
		exact.Add(exact, big.NewInt(a.i))
	}
	return integer(what, exact)
}
