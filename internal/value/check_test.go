package value_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/value"
)

func constraints(t *testing.T, typ value.Type, raw string) value.Constraints {
	t.Helper()
	c, found := value.ParseConstraints(typ, []byte(raw))
	if found != nil {
		t.Fatalf("%s: %v", raw, said(found))
	}
	return c
}

func TestConvertUnderConstraints(t *testing.T) {
	for _, tc := range []struct {
		typ         value.Type
		constraints string
		in          string
		value       string   // "" where it is refused
		want        []string // violations
	}{
		{value.Boolean, `{"strict":true}`, "true", "true", nil},
		{value.Boolean, `{"strict":true}`, "1", "", []string{"TYPE_MISMATCH Expected true or false, got 1."}},
		{value.Boolean, `{"strict":false}`, "1", "true", nil},
		{value.Integer, `{"min":1,"max":2}`, "2.0", "2", nil},
		{value.Integer, `{"min":1,"max":2}`, "0", "", []string{"CONSTRAINT_VIOLATION Expected at least 1, got 0."}},
		{value.Integer, `{"max":9007199254740992}`, "9007199254740993", "", []string{"CONSTRAINT_VIOLATION Expected at most 9007199254740992, got 9007199254740993."}},
		{value.Float, `{"min":0.5}`, "0.25", "", []string{"CONSTRAINT_VIOLATION Expected at least 0.5, got 0.25."}},
		{value.Float, `{"allow_special":true}`, `"NaN"`, `"NaN"`, nil},
		{value.Float, `{"allow_special":true,"min":1}`, `"Infinity"`, `"Infinity"`, nil},
		{value.Float, `{"allow_special":true,"min":1}`, `"-Infinity"`, "", []string{"CONSTRAINT_VIOLATION Expected at least 1, got -Infinity."}},
		{value.Float, `{"allow_special":true,"max":1}`, `"Infinity"`, "", []string{"CONSTRAINT_VIOLATION Expected at most 1, got Infinity."}},
		{value.Float, `{"allow_special":true,"max":1}`, `"NaN"`, "", []string{"CONSTRAINT_VIOLATION Expected at most 1, got NaN."}},
		{value.Float, `{"allow_special":true,"min":0,"max":1}`, `"NaN"`, "", []string{"CONSTRAINT_VIOLATION Expected at least 0, got NaN."}},
		{value.Float, `{"allow_special":true}`, `"nan"`, "", []string{"TYPE_MISMATCH Expected a number, got a string."}},
		{value.String, `{"min_length":2,"max_length":3}`, `"äöü"`, `"äöü"`, nil}, // characters, not bytes
		{value.String, `{"min_length":4,"pattern":"^a","enum":["aaaa"]}`, `"b"`, "", []string{
			"CONSTRAINT_VIOLATION Expected at least 4 characters, got 1.",
			`CONSTRAINT_VIOLATION Expected text that matches ^a, got "b".`,
			`CONSTRAINT_VIOLATION Expected "aaaa", got "b".`,
		}},
		{value.String, `{"pattern":"b"}`, `"abc"`, `"abc"`, nil}, // anywhere
		{value.Choice, `{"choices":["small","large"]}`, `"large"`, `"large"`, nil},
		{value.Choice, `{"choices":["small","large"]}`, `"smal"`, "", []string{`CONSTRAINT_VIOLATION Expected "small" or "large", got "smal"; did you mean "small"?`}},
		{value.List, `{"max_items":2,"max_depth":2}`, "[[],[[]],1]", "", []string{
			"CONSTRAINT_VIOLATION Expected at most 2 items, got 3.",
			"CONSTRAINT_VIOLATION Expected at most 2 levels of arrays and objects, got 3.",
		}},
		{value.List, `{"item_type":"integer"}`, `[1,1.0,1.5,"1",[2],true]`, "", []string{
			"/2 TYPE_MISMATCH Expected an integer, got 1.5.",
			"/3 TYPE_MISMATCH Expected an integer, got a string.",
			"/4 TYPE_MISMATCH Expected an integer, got an array.",
			"/5 TYPE_MISMATCH Expected an integer, got a boolean.",
		}},
		{value.List, `{"item_type":"boolean"}`, "[true,false]", "[true,false]", nil},
		{value.List, `{"item_type":"list"}`, "[[1],[]]", "[[1],[]]", nil},
		{value.Map, `{"item_type":"map"}`, `{"a":{"b":1},"c":null}`, "", []string{"/c TYPE_MISMATCH Expected an object, got null."}},
		{value.Map, `{"item_type":"string"}`, `{"a":"b"}`, `{"a":"b"}`, nil},
		{value.Map, `{"item_type":"float"}`, `{"a":1,"b":"x"}`, "", []string{"/b TYPE_MISMATCH Expected a number, got a string."}},
		{value.Map, `{"required":["a","x/y"],"max_items":2}`, `{"b":{"a":1},"c":2,"d":3}`, "", []string{
			`/a CONSTRAINT_VIOLATION The member "a" is missing.`,
			`/x~1y CONSTRAINT_VIOLATION The member "x/y" is missing.`,
			"CONSTRAINT_VIOLATION Expected at most 2 items, got 3.",
		}},
		{value.IntegerList, `{"items":{"min":1},"unique":true,"max_length":4}`, `[1,0,"x",2.0,2]`, "", []string{
			"/1 CONSTRAINT_VIOLATION Expected at least 1, got 0.",
			"/2 TYPE_MISMATCH Expected an integer, got a string.",
			"/4 CONSTRAINT_VIOLATION Expected no two equal items, but the items 3 and 4 are.",
			"CONSTRAINT_VIOLATION Expected at most 4 items, got 5.",
		}},
		{value.FloatList, `{"items":{"allow_special":true},"unique":true}`, `["NaN",0,-0.0,"NaN"]`, "", []string{
			"/2 CONSTRAINT_VIOLATION Expected no two equal items, but the items 1 and 2 are.",
			"/3 CONSTRAINT_VIOLATION Expected no two equal items, but the items 0 and 3 are.",
		}},
		{value.StringList, `{"items":{"pattern":"^a"},"unique":true,"min_length":3}`, `["a","\u0061"]`, "", []string{
			"/1 CONSTRAINT_VIOLATION Expected no two equal items, but the items 0 and 1 are.",
			"CONSTRAINT_VIOLATION Expected at least 3 items, got 2.",
		}},
		{value.Embedding, `{"dimensions":3,"max":1}`, "[1,2]", "", []string{
			"CONSTRAINT_VIOLATION Expected 3 numbers, got 2.",
			"/1 CONSTRAINT_VIOLATION Expected at most 1, got 2.",
		}},
		{value.Embedding, `{"normalized":true}`, "[0.6,0.8]", "[0.6,0.8]", nil},
		{value.Embedding, `{"normalized":true}`, "[3,4]", "", []string{"CONSTRAINT_VIOLATION Expected a norm of 1, got 5."}},
		{value.Embedding, `{"normalize":true,"max":1}`, "[3,4]", "[0.6,0.8]", nil},
		{value.Embedding, `{"normalize":true}`, "[1e300,-1e300]", "[0.7071067811865475,-0.7071067811865475]", nil},
		{value.Embedding, `{"normalize":true}`, "[5e-324]", "[1.0]", nil},
		{value.Embedding, `{"normalize":true}`, "[0,-0.0]", "", []string{"CONSTRAINT_VIOLATION Expected a norm of 1, got 0."}},
		{value.Embedding, `{"normalize":true}`, "[]", "", []string{"CONSTRAINT_VIOLATION Expected a norm of 1, got 0."}},
		{value.Embedding, `{"dtype":"f32","max":0.1}`, "[0.1,0.1000000001]", "[0.1,0.1]", nil},
		{value.Embedding, `{"dtype":"f32"}`, "[1e39]", "", []string{"/0 CONSTRAINT_VIOLATION Expected a number within the range of a 32-bit float, got 1e39."}},
		{value.Embedding, `{"dtype":"f32","normalize":true}`, "[1,1,1]", "[0.57735026,0.57735026,0.57735026]", nil},
	} {
		c := constraints(t, tc.typ, tc.constraints)
		v, found := c.Convert([]byte(tc.in))
		wellFormed(t, found)
		if diff := cmp.Diff(tc.want, said(found)); diff != "" || v.JSON() != tc.value {
			t.Errorf("%s %s makes %s to %s, want %s (-want +got):\n%s", tc.typ, tc.constraints, tc.in, v.JSON(), tc.value, diff)
		}
		if found == nil && c.Check(v) != nil {
			t.Errorf("%s %s makes %s to %s, which violates them: %v", tc.typ, tc.constraints, tc.in, v.JSON(), said(c.Check(v)))
		}
	}
}

// What constraints say of a value that was there before them.
func TestCheck(t *testing.T) {
	special := constraints(t, value.Float, `{"allow_special":true}`)
	nan, _ := special.Convert([]byte(`"NaN"`))
	if f, ok := nan.Number(); !ok || f == f {
		t.Errorf("%s is the number %v", nan.JSON(), f)
	}
	for _, tc := range []struct {
		constraints value.Constraints
		value       value.Value
		want        []string
	}{
		{special, nan, nil},
		{constraints(t, value.Float, "{}"), nan, nil}, // without constraints there is nothing to check
		{constraints(t, value.Float, `{"min":0}`), nan, []string{`CONSTRAINT_VIOLATION Expected a finite number, got "NaN"; the constraint allow_special is not set.`}},
		{constraints(t, value.Integer, `{"max":1}`), value.Int(2), []string{"CONSTRAINT_VIOLATION Expected at most 1, got 2."}},
		{constraints(t, value.Boolean, `{"strict":true}`), value.Bool(true), nil},
		{constraints(t, value.Integer, "{}"), value.Text("a"), []string{"TYPE_MISMATCH Expected a value of type integer, got one of type string."}},
		{constraints(t, value.Embedding, `{"normalize":true}`), value.Stored(value.Embedding, "[3.0,4.0]"), []string{"CONSTRAINT_VIOLATION Expected a norm of 1, got 5."}},
		{constraints(t, value.Embedding, `{"dtype":"f32"}`), value.Stored(value.Embedding, "[0.1,0.123456789012]"), []string{"/1 CONSTRAINT_VIOLATION Expected a 32-bit float, got 0.123456789012."}},
		{constraints(t, value.Integer, `{"max":1}`), value.Stored(value.Integer, "damaged"), []string{"INVALID_REQUEST The value is not valid JSON."}},
	} {
		if diff := cmp.Diff(tc.want, said(tc.constraints.Check(tc.value))); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", tc.constraints.JSON(), tc.value.JSON(), diff)
		}
	}
}

func TestMatchingTakesBoundedTime(t *testing.T) {
	// Each x keeps every instruction of the pattern busy, and nothing matches
	// before the end.
	c := constraints(t, value.StringList, `{"items":{"pattern":"(?:x?){110}y"}}`)
	item := strings.Repeat("x", 1000) + "y"
	for _, n := range []int{100, 1000} {
		raw := "[" + strings.Repeat(`"`+item+`",`, n) + `"y"]`
		start := time.Now()
		_, found := c.Convert([]byte(raw))
		t.Logf("%d bytes against a heavy pattern: %v, %v", len(raw), time.Since(start), said(found))
		wellFormed(t, found)
		if tooMuch := len(found) == 1 && strings.Contains(found[0].Detail, "reasonable time"); tooMuch != (n == 1000) {
			t.Errorf("%d items: %v", n, said(found))
		}
	}
}
