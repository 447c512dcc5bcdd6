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

// someFloats returns reproducible finite floats of all sizes.
func someFloats(count int) []float64 {
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
	for _, v := range someFloats(2000) {
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
