package expr_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/expr"
	"toolpit/internal/fault"
)

// failed is what a caller sees of a failure.
type failed struct {
	Class    string
	Position int // -1: none
	Detail   string
}

// failure takes an error of this package apart and checks what all share.
func failure(t *testing.T, source string, err error) failed {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("%q: the error is %v, not a *fault.Error", source, err)
	}
	if f.Code != fault.ConstraintViolation || len(f.Violations) != 0 {
		t.Errorf("%q: code %s and violations %v", source, f.Code, f.Violations)
	}
	got := failed{f.Facts.ErrorType, -1, f.Detail}
	if f.Facts.Position != nil {
		got.Position = *f.Facts.Position
	}
	return got
}

func TestEvalErrors(t *testing.T) {
	for _, c := range errorCases() {
		n, err := expr.Eval(c.source)
		if err == nil {
			t.Errorf("Eval(%q) = %s, want %s", c.source, n, c.want.Detail)
			continue
		}
		if diff := cmp.Diff(c.want, failure(t, c.source, err)); diff != "" {
			t.Errorf("Eval(%q) (-want +got):\n%s", c.source, diff)
		}
		if n != (expr.Number{}) {
			t.Errorf("Eval(%q) returns %s with its error", c.source, n)
		}
	}
}

func TestSuggestions(t *testing.T) {
	for source, want := range map[string][]string{
		"sqr(2)":                      {"sqrt"},
		"PI":                          {"pi"},
		"ln(2)":                       {"log"},
		"arctan2(1, 2)":               {"atan2"},
		"xyzzy":                       nil,
		strings.Repeat("sqrt", 200):   nil,
		"1 + Sin(2)":                  {"sin"},
		"maximum(1, 2)":               {"max"},
		"loga(2)":                     {"log", "log2"},
		"lo10(2)":                     {"log10"},
		"factorail(3)":                {"factorial"},
		"q":                           nil,
		"degree(1)":                   {"degrees"},
		"truncate(2.5) + undefined":   {"trunc"},
		"tau + undefined + truncated": nil,
	} {
		_, err := expr.Eval(source)
		f := fault.From(err)
		if f == nil || f.Facts.ErrorType != "NameError" {
			t.Errorf("Eval(%q): %v, want a NameError", source, err)
			continue
		}
		if diff := cmp.Diff(want, f.Facts.Suggestions); diff != "" {
			t.Errorf("Eval(%q) suggests (-want +got):\n%s", source, diff)
		}
		if len(f.Detail) > 200 {
			t.Errorf("Eval(%q): a detail of %d bytes", source, len(f.Detail))
		}
	}
}

func TestBinary(t *testing.T) {
	for _, c := range []struct {
		operation, a, b, want string
	}{
		{"add", "1", "2", "3"},
		{"subtract", "1", "2.5", "-1.5"},
		{"multiply", "3", "-4", "-12"},
		{"divide", "1", "4", "0.25"},
		{"power", "2", "10", "1024"},
		{"power", "2", "-1", "0.5"},
		{"modulo", "-7", "3", "2"},
		{"floor_divide", "-7", "2", "-4"},
	} {
		got, err := expr.Binary(c.operation, number(t, c.a), number(t, c.b))
		if err != nil || got.String() != c.want {
			t.Errorf("%s(%s, %s) = %v, %v, want %s", c.operation, c.a, c.b, got, err, c.want)
		}
	}
	for _, c := range []struct {
		operation, a, b string
		want            failed
	}{
		{"divide", "1", "0", failed{"ZeroDivisionError", -1, "division by zero"}},
		{"modulo", "1", "0.0", failed{"ZeroDivisionError", -1, "division by zero"}},
		{"add", "9223372036854775807", "1", failed{"OverflowError", -1, "the result of + is beyond 64-bit integers"}},
		{"devide", "1", "2", failed{"ValueError", -1, `unknown operation "devide"; did you mean divide?`}},
		{"", "1", "2", failed{"ValueError", -1, `unknown operation ""`}},
	} {
		_, err := expr.Binary(c.operation, number(t, c.a), number(t, c.b))
		if diff := cmp.Diff(c.want, failure(t, c.operation, err)); diff != "" {
			t.Errorf("%s(%s, %s) (-want +got):\n%s", c.operation, c.a, c.b, diff)
		}
	}
	for _, operation := range expr.Operations() {
		if _, err := expr.Binary(operation, expr.NewInt(6), expr.NewInt(3)); err != nil {
			t.Errorf("%s: %v", operation, err)
		}
	}
}

func TestSqrtAndNewFloat(t *testing.T) {
	if n, err := expr.Sqrt(expr.NewInt(9)); err != nil || n.String() != "3.0" {
		t.Errorf("Sqrt(9) = %v, %v", n, err)
	}
	_, err := expr.Sqrt(expr.NewInt(-1))
	want := failed{"ValueError", -1, "sqrt is not defined for -1"}
	if diff := cmp.Diff(want, failure(t, "Sqrt(-1)", err)); diff != "" {
		t.Errorf("Sqrt(-1) (-want +got):\n%s", diff)
	}
	if n, err := expr.NewFloat(2); err != nil || n.String() != "2.0" {
		t.Errorf("NewFloat(2) = %v, %v", n, err)
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if _, err := expr.NewFloat(v); !errors.Is(err, fault.ConstraintViolation) {
			t.Errorf("NewFloat(%v): %v", v, err)
		}
	}
}

func number(t *testing.T, text string) expr.Number {
	t.Helper()
	n, err := expr.ParseNumber(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
