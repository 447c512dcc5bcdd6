package value_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"toolpit/internal/value"
)

func TestFromJSONInfersTypesAndKeepsTheText(t *testing.T) {
	for _, tc := range []struct {
		in   string
		typ  value.Type
		want string
	}{
		{"true", value.Boolean, "true"},
		{" false ", value.Boolean, "false"},
		{"9007199254740993", value.Integer, "9007199254740993"}, // 2^53+1: a double would lose it
		{"-9223372036854775808", value.Integer, "-9223372036854775808"},
		{"-0", value.Integer, "0"},
		{"1.50", value.Float, "1.5"},
		{"2.0", value.Float, "2.0"},
		{"1e3", value.Float, "1000.0"},
		{`"aé\u0000"`, value.String, `"aé\u0000"`},
		{"[1, 2 ,[]]", value.List, "[1,2,[]]"},
		{`{ "b":1,"a":12345678901234567890 }`, value.Map, `{"b":1,"a":12345678901234567890}`},
	} {
		v, err := value.FromJSON([]byte(tc.in))
		if err != nil || v.Type() != tc.typ || v.JSON() != tc.want {
			t.Errorf("FromJSON(%s) = %s %s, %v; want %s %s", tc.in, v.Type(), v.JSON(), err, tc.typ, tc.want)
		}
		if again, err := value.FromJSON([]byte(v.JSON())); err != nil || again != v {
			t.Errorf("%s does not read back as itself: %v, %v", v.JSON(), again, err)
		}
	}
}

func TestFromJSONRefuses(t *testing.T) {
	for _, in := range []string{
		"", "null", "nul", "9223372036854775808", "1e400", `{"a":1,"a":2}`, "\"\xff\"", "[1,]", "1 2", `"a`,
	} {
		if v, err := value.FromJSON([]byte(in)); err == nil {
			t.Errorf("FromJSON(%q) = %s %s, want an error", in, v.Type(), v.JSON())
		}
	}
}

func TestFloat64RefusesWhatJSONCannotCarry(t *testing.T) {
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if _, err := value.Float64(f); err == nil {
			t.Errorf("Float64(%v) is accepted", f)
		}
	}
	for _, f := range []float64{0, math.Copysign(0, -1), 5e-324, math.MaxFloat64, 0.1, 1e21} {
		v, err := value.Float64(f)
		got, ok := v.Number()
		if err != nil || !ok || math.Float64bits(got) != math.Float64bits(f) {
			t.Errorf("Float64(%v) gives %s, which reads back as %v", f, v.JSON(), got)
		}
	}
}

func TestTextIsAlwaysAJSONString(t *testing.T) {
	for _, s := range []string{"", "plain", "quote\" back\\slash", "nul\x00", "bad \xff utf-8", "line\u2028break", "<&>"} {
		v := value.Text(s)
		var back string
		if err := json.Unmarshal([]byte(v.JSON()), &back); err != nil || back != strings.ToValidUTF8(s, "\uFFFD") {
			t.Errorf("Text(%q) = %s, which reads back as %q, %v", s, v.JSON(), back, err)
		}
	}
}

func TestLettersNameTypes(t *testing.T) {
	seen := map[byte]bool{}
	for typ := value.Boolean; typ <= value.Map; typ++ {
		got, ok := value.TypeOfLetter(typ.Letter())
		if !ok || got != typ || seen[typ.Letter()] {
			t.Errorf("the letter %q of %s gives %s", typ.Letter(), typ, got)
		}
		seen[typ.Letter()] = true
	}
	if _, ok := value.TypeOfLetter('?'); ok {
		t.Error("an unknown letter has a type")
	}
}

func FuzzFromJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5,"x",null,true]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := value.FromJSON(raw)
		if err != nil {
			return
		}
		if again, err := value.FromJSON([]byte(v.JSON())); err != nil || again != v {
			t.Fatalf("%q became %s, which reads back as %v, %v", raw, v.JSON(), again, err)
		}
	})
}
