package expr_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"toolpit/internal/expr"
	"toolpit/internal/fault"
)

// FuzzEval checks what holds for every input: no panic, a finite value or an
// error that says where, and a value that reads back as itself.
func FuzzEval(f *testing.F) {
	for _, c := range slices.Concat(operatorCases(), functionCases(), elementaryCases(), lossyCases()) {
		f.Add(c.source)
	}
	for _, c := range errorCases() {
		f.Add(c.source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		n, err := expr.Eval(source)
		if err != nil {
			checkError(t, source, err)
			return
		}
		if v := n.Float(); math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("Eval(%q) = %v is not finite", source, v)
		}
		again, err := expr.Eval(n.String())
		if err != nil || again.String() != n.String() {
			t.Errorf("Eval(%q) = %s, which evaluates to %v, %v", source, n, again, err)
		}
	})
}

func checkError(t *testing.T, source string, err error) {
	var e *fault.Error
	if !errors.As(err, &e) || e.Code != fault.ConstraintViolation {
		t.Fatalf("Eval(%q): %v is not a constraint violation", source, err)
	}
	if p := e.Facts.Position; p == nil || *p < 0 || *p > len(source) {
		t.Errorf("Eval(%q): the position of %v is not in the expression", source, err)
	}
	switch e.Facts.ErrorType {
	case "SyntaxError", "NameError", "ZeroDivisionError", "OverflowError", "ValueError", "TypeError":
	default:
		t.Errorf("Eval(%q): the class of %v is %q", source, err, e.Facts.ErrorType)
	}
	if e.Detail == "" || len(e.Detail) > 200 || strings.ContainsAny(e.Detail, "\n\x00") {
		t.Errorf("Eval(%q): the detail is %q", source, e.Detail)
	}
}

// BenchmarkWorst measures the most expensive expressions known. Each must stay
// far below 10 ms and 1 MiB.
func BenchmarkWorst(b *testing.B) {
	fill := func(part string) string {
		most := min((expr.MaxLength-1)/len(part), (expr.MaxNodes-1)/3)
		return strings.Repeat(part, most) + "1"
	}
	for name, source := range map[string]string{
		"remainder": fill("3e307%7e-324+"),
		"sine":      fill("sin(9)+"),
		"bigSine":   fill("sin(9e307)+"),
		"arcsine":   fill("asin(.9)+"),
		"power":     fill("9.1**.7+"),
		"subnormal": fill(".1**307.9+"),
		"round":     fill("round(9e305,-306)+"),
		"hyperbola": fill("sinh(9)+"),
		"names":     strings.Repeat("(", 60) + strings.Repeat("x", 900),
		"sum":       "sum(" + strings.Repeat("1,", 500) + ")",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = expr.Eval(source)
			}
		})
	}
}
