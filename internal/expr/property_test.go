package expr_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"toolpit/internal/expr"
)

// integerPairs returns reproducible pairs of integers of all sizes.
func integerPairs(count int) [][2]int64 {
	r := rand.New(rand.NewPCG(1, 2))
	pairs := make([][2]int64, count)
	for i := range pairs {
		for j := range pairs[i] {
			pairs[i][j] = int64(r.Uint64()) >> r.IntN(64)
		}
	}
	return pairs
}

// floats returns reproducible finite floats of all sizes.
func floats(count int) []float64 {
	r := rand.New(rand.NewPCG(3, 4))
	var values []float64
	for len(values) < count {
		if v := math.Float64frombits(r.Uint64()); !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, v)
		}
	}
	return values
}

// TestDivisionIdentity checks a == (a//b)*b + a%b, and that the remainder has
// the sign of b and is smaller than b.
func TestDivisionIdentity(t *testing.T) {
	for _, p := range integerPairs(3000) {
		a, b := p[0], p[1]
		if b == 0 || a == math.MinInt64 {
			continue
		}
		got, err := expr.Eval(fmt.Sprintf("(%d // %d) * %d + %d %% %d", a, b, b, a, b))
		if v, ok := got.Int(); err == nil && (!ok || v != a) {
			t.Errorf("%d and %d: the identity gives %v", a, b, got)
		}
		rest, err := expr.Eval(fmt.Sprintf("%d %% %d", a, b))
		r, ok := rest.Int()
		if err != nil || !ok || r != 0 && (r < 0) != (b < 0) || b > 0 && r >= b || b < 0 && r <= b {
			t.Errorf("%d %% %d = %v, %v", a, b, rest, err)
		}
	}
}

// TestNumbersReadBack checks that what String writes is the same number for
// Eval and ParseNumber.
func TestNumbersReadBack(t *testing.T) {
	var numbers []expr.Number
	for _, p := range integerPairs(1000) {
		numbers = append(numbers, expr.NewInt(p[0]), expr.NewInt(p[1]))
	}
	for _, v := range floats(2000) {
		n, err := expr.NewFloat(v)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	for _, n := range numbers {
		for name, read := range map[string]func(string) (expr.Number, error){
			"Eval": expr.Eval, "ParseNumber": expr.ParseNumber,
		} {
			if got, err := read(n.String()); err != nil || got != n {
				t.Errorf("%s(%q) = %v, %v", name, n, got, err)
			}
		}
	}
}

// TestElementaryFunctionsAgreeWithTheLibrary bounds the distance to package
// math, which uses other methods: a slip in a series or a constant shows.
func TestElementaryFunctionsAgreeWithTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	library := map[string]func(float64) float64{
		"exp": math.Exp, "log": math.Log, "log2": math.Log2, "log10": math.Log10, "cbrt": math.Cbrt,
		"sin": math.Sin, "cos": math.Cos, "tan": math.Tan,
		"asin": math.Asin, "acos": math.Acos, "atan": math.Atan,
		"sinh": math.Sinh, "cosh": math.Cosh, "tanh": math.Tanh,
	}
	for name, f := range library {
		for range 500 {
			x := r.Float64()
			if name[0] != 'a' {
				x *= math.Ldexp(1, r.IntN(9))
			}
			want := f(x)
			got, err := expr.Eval(fmt.Sprintf("%s(%v)", name, x))
			if err != nil || math.Abs(got.Float()-want) > 1e-13*max(1, math.Abs(want), x*want*want) {
				t.Errorf("%s(%v) = %v, %v, want about %v", name, x, got, err, want)
			}
		}
	}
}
