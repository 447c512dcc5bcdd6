package value_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"toolpit/internal/value"
)

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
