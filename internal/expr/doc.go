// Package expr evaluates arithmetic expressions such as 2**10 + sqrt(2) / 3.
//
// [Eval] reads one expression and computes its value with the semantics of
// Python: the same precedence and associativity, the same floor division and
// remainder, integers that stay integers, and floats that print with the
// fewest digits that read back as the same value. [Binary] and [Sqrt] offer
// the same arithmetic for operands that are already numbers, [ParseNumber]
// reads such operands from JSON.
//
// It departs from Python on purpose in these points:
//
//   - Integers have 64 bits. A result or an intermediate result beyond them is
//     an error; it neither wraps around nor silently becomes a float.
//   - A float result that is not finite is an error, so there are no infinities
//     and no NaN. The root of a negative number is an error, never complex.
//   - A newline is white space everywhere; literals are decimal.
//   - min, max and sum take their values as arguments, at least one. The sum
//     is taken from left to right, as a chain of + would.
//   - Powers of floats and transcendental functions are those of Go's package
//     math. Their last digits may differ from Python's, whose C library is
//     another, and from one processor architecture to the next.
//
// Time and memory are bounded by [MaxLength], [MaxDepth] and [MaxNodes]: every
// operation takes tens of microseconds at most, however large its operands.
//
// Everything here is a pure function and safe for concurrent use. The package
// is not for variables, strings, comparisons or assignments, and not for
// arbitrary precision.
package expr
