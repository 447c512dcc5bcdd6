package expr_test

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/expr"
	"toolpit/internal/fault"
)

// valueCase is an expression and its value as Python's repr writes it.
type valueCase struct{ source, want string }

func TestEvalAgreesWithPython(t *testing.T) {
	for _, c := range slices.Concat(operatorCases(), functionCases()) {
		got, err := expr.Eval(c.source)
		if err != nil {
			t.Errorf("Eval(%q) fails: %v, want %s", c.source, err, c.want)
			continue
		}
		if got.String() != c.want {
			t.Errorf("Eval(%q) = %s, want %s", c.source, got, c.want)
		}
	}
}

// TestEvalIsNextToPython allows transcendental functions another last digit.
func TestEvalIsNextToPython(t *testing.T) {
	const most = 4
	for _, c := range elementaryCases() {
		if got, want := floats(t, c); ulps(got, want) > most {
			t.Errorf("Eval(%q) = %v, want %v: %d units in the last place", c.source, got, want, ulps(got, want))
		}
	}
	for _, c := range lossyCases() {
		if got, want := floats(t, c); math.Abs(got/want-1) > 1e-13 {
			t.Errorf("Eval(%q) = %v, want %v", c.source, got, want)
		}
	}
}

// floats returns the value of an expression, which must be a float, and the
// wanted one.
func floats(t *testing.T, c valueCase) (got, want float64) {
	t.Helper()
	n, err := expr.Eval(c.source)
	if _, isInt := n.Int(); err != nil || isInt {
		t.Errorf("Eval(%q) = %v, %v, want %s", c.source, n, err, c.want)
	}
	want, err = strconv.ParseFloat(c.want, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n.Float(), want
}

// ulps returns how many floats further b is than a.
func ulps(a, b float64) int64 {
	return max(place(a)-place(b), place(b)-place(a))
}

// place numbers all floats in ascending order, from 0 for both zeros.
func place(v float64) int64 {
	if v < 0 {
		return -int64(math.Float64bits(-v))
	}
	return int64(math.Float64bits(math.Abs(v)))
}

// TestExactWherePythonIsNot holds the cases in which package math has the exact
// value and CPython 3.11 with glibc 2.36 has not.
func TestExactWherePythonIsNot(t *testing.T) {
	for _, c := range []valueCase{
		{"cbrt(27)", "3.0"},
		{"cbrt(1000)", "10.0"},
		{"cbrt(-0.125)", "-0.5"},
	} {
		if got, err := expr.Eval(c.source); err != nil || got.String() != c.want {
			t.Errorf("Eval(%q) = %v, %v, want %s", c.source, got, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	names := slices.Concat(expr.Constants(), expr.Functions())
	slices.Sort(names)
	if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
		t.Errorf("a name occurs twice: %q", names)
	}
	for _, f := range expr.Functions() {
		// Every function takes one or two numbers; 1 is in every domain.
		_, err := expr.Eval(f + "(1)")
		if err != nil {
			_, err = expr.Eval(f + "(1, 1)")
		}
		if err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestLimits(t *testing.T) {
	sumOf := func(parts int) string { return "1" + strings.Repeat("+1", (parts-1)/2) }
	for _, c := range []struct {
		what, source string
		position     int // -1: fine
	}{
		{"longest", strings.Repeat(" ", expr.MaxLength-1) + "1", -1},
		{"too long", strings.Repeat(" ", expr.MaxLength) + "1", expr.MaxLength},
		{"deepest parentheses", strings.Repeat("(", 64) + "1" + strings.Repeat(")", 64), -1},
		{"too many parentheses", strings.Repeat("(", 65) + "1" + strings.Repeat(")", 65), 65},
		{"deepest signs", strings.Repeat("-", 64) + "1", -1},
		{"too many signs", strings.Repeat("-", 65) + "1", 65},
		{"deepest powers", "1" + strings.Repeat("**1", 64), -1},
		{"too many powers", "1" + strings.Repeat("**1", 65), 1 + 64*3 + 2},
		{"deepest calls", strings.Repeat("abs(", 64) + "1" + strings.Repeat(")", 64), -1},
		{"too many calls", strings.Repeat("abs(", 65) + "1" + strings.Repeat(")", 65), 65 * 4},
		{"side by side", strings.Repeat("(1)+", 100) + "1", -1},
		{"most parts", sumOf(511), -1},
		{"too many parts", sumOf(513), 512},
		{"most arguments", "sum(" + strings.Repeat("1,", 500) + ")", -1},
	} {
		_, err := expr.Eval(c.source)
		if c.position < 0 {
			if err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
			continue
		}
		if f := fault.From(err); f == nil || f.Facts.ErrorType != "SyntaxError" || *f.Facts.Position != c.position {
			t.Errorf("%s: %v, want a SyntaxError at position %d", c.what, err, c.position)
		}
	}
}

func TestNumberForms(t *testing.T) {
	type forms struct {
		Int   int64
		IsInt bool
		Float float64
		Text  string
		JSON  string
	}
	for source, want := range map[string]forms{
		"7":                    {7, true, 7, "7", "7"},
		"-9223372036854775808": {-1 << 63, true, -0x1p63, "-9223372036854775808", "-9223372036854775808"},
		"9007199254740993":     {9007199254740993, true, 9007199254740992, "9007199254740993", "9007199254740993"},
		"2.0":                  {0, false, 2, "2.0", "2.0"},
		"1e16":                 {0, false, 1e16, "1e+16", "1e+16"},
		"-1e-7":                {0, false, -1e-7, "-1e-07", "-1e-07"},
	} {
		n, err := expr.Eval(source)
		if err != nil {
			t.Fatal(err)
		}
		var got forms
		got.Int, got.IsInt = n.Int()
		got.Float, got.Text = n.Float(), n.String()
		b, err := json.Marshal(map[string]any{"n": n})
		if err != nil {
			t.Fatal(err)
		}
		got.JSON = strings.TrimSuffix(strings.TrimPrefix(string(b), `{"n":`), "}")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", source, diff)
		}
	}
}

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "12": "12", "-12": "-12",
		"9223372036854775807": "9223372036854775807", "-9223372036854775808": "-9223372036854775808",
		"1.0": "1.0", "-0.0": "-0.0", "1e3": "1000.0", "1E+3": "1000.0", "1.5e-7": "1.5e-07",
		"0.1": "0.1", "1e-400": "0.0", "10": "10", "0e0": "0.0",
	} {
		n, err := expr.ParseNumber(text)
		if err != nil || n.String() != want {
			t.Errorf("ParseNumber(%q) = %v, %v, want %s", text, n, err, want)
		}
	}
	for text, want := range map[string]failed{
		"":                     {"SyntaxError", 0, "this is not a JSON number at position 0"},
		"-":                    {"SyntaxError", 1, "this is not a JSON number at position 1"},
		"+1":                   {"SyntaxError", 0, "this is not a JSON number at position 0"},
		" 1":                   {"SyntaxError", 0, "this is not a JSON number at position 0"},
		"01":                   {"SyntaxError", 1, "this is not a JSON number at position 1"},
		"1.":                   {"SyntaxError", 2, "this is not a JSON number at position 2"},
		".5":                   {"SyntaxError", 0, "this is not a JSON number at position 0"},
		"1.e5":                 {"SyntaxError", 2, "this is not a JSON number at position 2"},
		"1e":                   {"SyntaxError", 2, "this is not a JSON number at position 2"},
		"1e+":                  {"SyntaxError", 3, "this is not a JSON number at position 3"},
		"1_0":                  {"SyntaxError", 1, "this is not a JSON number at position 1"},
		"NaN":                  {"SyntaxError", 0, "this is not a JSON number at position 0"},
		"1 ":                   {"SyntaxError", 1, "this is not a JSON number at position 1"},
		"9223372036854775808":  {"OverflowError", 0, "the number is beyond 64-bit integers at position 0"},
		"-9223372036854775809": {"OverflowError", 0, "the number is beyond 64-bit integers at position 0"},
		"99999999999999999999": {"OverflowError", 0, "the number is beyond 64-bit integers at position 0"},
		"1e400":                {"OverflowError", 0, "the number is too large for a 64-bit float at position 0"},
	} {
		_, err := expr.ParseNumber(text)
		if diff := cmp.Diff(want, failure(t, text, err)); diff != "" {
			t.Errorf("ParseNumber(%q) (-want +got):\n%s", text, diff)
		}
	}
	if _, err := expr.ParseNumber(strings.Repeat("1", expr.MaxLength+1)); *fault.From(err).Facts.Position != expr.MaxLength {
		t.Errorf("a long number: %v", err)
	}
}

// TestQuotientIsExact compares integer division with rational arithmetic.
func TestQuotientIsExact(t *testing.T) {
	for _, p := range integerPairs(2000) {
		if p[1] == 0 {
			continue
		}
		want, _ := new(big.Rat).SetFrac64(p[0], p[1]).Float64()
		got, err := expr.Binary("divide", expr.NewInt(p[0]), expr.NewInt(p[1]))
		if err != nil || got.Float() != want {
			t.Errorf("%d / %d = %v, %v, want %v", p[0], p[1], got, err, want)
		}
	}
}
