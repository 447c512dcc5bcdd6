package value_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"toolpit/internal/value"
)

func TestParseConstraintsWritesThemInOneWay(t *testing.T) {
	for _, tc := range []struct {
		typ      value.Type
		in, want string
	}{
		{value.Integer, "", "{}"},
		{value.Integer, " { } ", "{}"},
		{value.Boolean, `{"strict":true}`, `{"strict":true}`},
		{value.Integer, `{ "min": -9223372036854775808, "max": 9223372036854775807}`, `{"max":9223372036854775807,"min":-9223372036854775808}`},
		{value.Integer, `{"max":1e3}`, `{"max":1000}`},
		{value.Float, `{"min":-0.0,"max":1.50,"allow_special":false}`, `{"allow_special":false,"max":1.5,"min":0}`},
		{value.Float, `{"max":1e300}`, `{"max":1e+300}`},
		{value.String, `{"pattern":"^\u0061+$","min_length":1,"max_length":3,"enum":["aa","a"]}`, `{"enum":["aa","a"],"max_length":3,"min_length":1,"pattern":"^a+$"}`},
		{value.Choice, `{"choices":["b",""]}`, `{"choices":["b",""]}`},
		{value.List, `{"max_depth":2,"max_items":0,"item_type":"float"}`, `{"item_type":"float","max_depth":2,"max_items":0}`},
		{value.Map, `{"required":["b","a"],"max_items":2}`, `{"max_items":2,"required":["b","a"]}`},
		{value.IntegerList, `{"unique":true,"items":{"min":1.0}}`, `{"items":{"min":1},"unique":true}`},
		{value.FloatList, `{"items":{}}`, `{"items":{}}`},
		{value.StringList, `{"items":{"enum":["a"]},"min_length":1}`, `{"items":{"enum":["a"]},"min_length":1}`},
		{value.Embedding, `{"dimensions":3,"normalize":true,"dtype":"f32","min":-1}`, `{"dimensions":3,"dtype":"f32","min":-1,"normalize":true}`},
		{value.Tensor, `{"shape":[-1,2.0],"dtype":"u8","max_elements":1e9}`, `{"dtype":"u8","max_elements":1000000000,"shape":[-1,2]}`},
		{value.Tensor, `{"shape":[]}`, `{"shape":[]}`},
	} {
		c, found := value.ParseConstraints(tc.typ, []byte(tc.in))
		if found != nil || c.JSON() != tc.want || c.Type() != tc.typ {
			t.Errorf("the constraints %s of %s are %s, %v; want %s", tc.in, tc.typ, c.JSON(), said(found), tc.want)
		}
		if again, found := value.ParseConstraints(tc.typ, []byte(c.JSON())); found != nil || again.JSON() != c.JSON() {
			t.Errorf("%s does not read back as itself: %s, %v", c.JSON(), again.JSON(), said(found))
		}
	}
}

func TestParseConstraintsRefuses(t *testing.T) {
	for _, tc := range []struct {
		typ  value.Type
		in   string
		want []string
	}{
		{value.Integer, `{"mni":1,"pattern":"a"}`, []string{
			`/mni UNKNOWN_PARAMETER There is no constraint "mni" of the type integer; did you mean "min"?`,
			`/pattern UNKNOWN_PARAMETER There is no constraint "pattern" of the type integer; there is max and min.`,
		}},
		{value.Integer, `{"min":1.5,"max":null}`, []string{
			"/max TYPE_MISMATCH Expected an integer, got null.",
			"/min TYPE_MISMATCH Expected an integer, got a number with a fraction.",
		}},
		{value.Integer, `{"min":2,"max":1}`, []string{"/min CONSTRAINT_VIOLATION Expected at most max, 1, got 2."}},
		{value.Integer, `{"min":9223372036854775808}`, []string{"/min CONSTRAINT_VIOLATION Expected an integer of at most 64 bits, got 9223372036854775808."}},
		{value.Integer, `{"min":1,"min":1}`, []string{"INVALID_REQUEST An object in the constraints has the same name twice."}},
		{value.Integer, `{"min":1} {}`, []string{"INVALID_REQUEST The constraints are not valid JSON."}},
		{value.Integer, ` [1]`, []string{"TYPE_MISMATCH Expected an object of constraints, got an array."}},
		{value.Integer, `{"min":1` + strings.Repeat(" ", value.MaxConstraints) + "}", []string{"CONSTRAINT_VIOLATION Expected constraints of at most 4096 bytes, got 4105."}},
		{value.Boolean, `{"strict":1}`, []string{"/strict TYPE_MISMATCH Expected a boolean, got a number."}},
		{value.Float, `{"min":"NaN","max":1e999}`, []string{
			"/max CONSTRAINT_VIOLATION Expected a number within the range of a 64-bit float, got 1e999.",
			"/min TYPE_MISMATCH Expected a number, got a string.",
		}},
		{value.Float, `{"min":1.5,"max":1}`, []string{"/min CONSTRAINT_VIOLATION Expected at most max, 1, got 1.5."}},
		{value.String, `{"min_length":-1,"max_length":1e10}`, []string{
			"/max_length CONSTRAINT_VIOLATION Expected at most 2147483647, got 10000000000.",
			"/min_length CONSTRAINT_VIOLATION Expected at least 0, got -1.",
		}},
		{value.String, `{"min_length":3,"max_length":2}`, []string{"/min_length CONSTRAINT_VIOLATION Expected at most max_length, 2, got 3."}},
		{value.String, `{"pattern":"a["}`, []string{`/pattern CONSTRAINT_VIOLATION Expected a regular expression (RE2), got "a[": missing closing ].`}},
		{value.String, `{"pattern":"(?=a)"}`, []string{`/pattern CONSTRAINT_VIOLATION Expected a regular expression (RE2), got "(?=a)": invalid or unsupported Perl syntax.`}},
		{value.String, `{"pattern":"(a{500}){2}"}`, []string{`/pattern CONSTRAINT_VIOLATION Expected a regular expression (RE2), got "(a{500}){2}": its repetitions are too many.`}},
		{value.String, `{"pattern":"` + strings.Repeat("a", 257) + `"}`, []string{
			`/pattern CONSTRAINT_VIOLATION Expected a regular expression (RE2), got "` + strings.Repeat("a", 40) + `"…: it has more than 256 bytes.`,
		}},
		{value.String, `{"enum":[]}`, []string{"/enum CONSTRAINT_VIOLATION Expected at least 1 item, got none."}},
		{value.String, `{"enum":["a",1,"a"]}`, []string{
			"/enum/1 TYPE_MISMATCH Expected a string, got a number.",
			"/enum/2 CONSTRAINT_VIOLATION Expected no two equal items, but the items 0 and 2 are.",
		}},
		{value.String, `{"enum":["ab","c"],"max_length":1,"pattern":"^[a-b]+$"}`, []string{
			"/enum/0 CONSTRAINT_VIOLATION Expected at most 1 characters, got 2.",
			`/enum/1 CONSTRAINT_VIOLATION Expected text that matches ^[a-b]+$, got "c".`,
		}},
		{value.Choice, "", []string{`/choices MISSING_PARAMETER The constraint "choices" is missing; a choice is one of them.`}},
		{value.Choice, `{"choices":"a"}`, []string{"/choices TYPE_MISMATCH Expected an array of strings, got a string."}},
		{value.Choice, `{"choices":[` + strings.Repeat(`"a",`, 256) + `"a"]}`, nil},
		{value.List, `{"item_type":"tensor","max_depth":0}`, []string{
			`/item_type CONSTRAINT_VIOLATION Expected boolean, integer, float, string, list or map, got "tensor".`,
			"/max_depth CONSTRAINT_VIOLATION Expected at least 1, got 0.",
		}},
		{value.List, `{"max_depth":65}`, []string{"/max_depth CONSTRAINT_VIOLATION Expected at most 64, got 65."}},
		{value.Map, `{"required":["a","b"],"max_items":1}`, []string{"/required CONSTRAINT_VIOLATION Expected at most max_items, 1, names, got 2."}},
		{value.IntegerList, `{"items":{"min":2,"max":1},"unique":0}`, []string{
			"/items/min CONSTRAINT_VIOLATION Expected at most max, 1, got 2.",
			"/unique TYPE_MISMATCH Expected a boolean, got a number.",
		}},
		{value.StringList, `{"items":{"pattern":"(","ma":1}}`, []string{
			`/items/ma UNKNOWN_PARAMETER There is no constraint "ma" of the type string; there is enum, max_length, min_length and pattern.`,
			`/items/pattern CONSTRAINT_VIOLATION Expected a regular expression (RE2), got "(": missing closing ).`,
		}},
		{value.FloatList, `{"items":[]}`, []string{"/items TYPE_MISMATCH Expected an object of constraints, got an array."}},
		{value.Embedding, `{"dtype":"i64","dimensions":0,"normalize":true}`, []string{`/dtype CONSTRAINT_VIOLATION Expected f64 or f32, got "i64".`}},
		{value.Embedding, `{"dimensions":0,"normalized":true}`, []string{"/dimensions CONSTRAINT_VIOLATION Expected at least 1 where the norm must be 1, got 0."}},
		{value.Tensor, `{"dtype":"f16","shape":[-2,1.5,"a"]}`, []string{
			`/dtype CONSTRAINT_VIOLATION Expected f64, f32, i64, i32, u8 or bool, got "f16".`,
			"/shape/0 CONSTRAINT_VIOLATION Expected at least -1, got -2.",
			"/shape/1 TYPE_MISMATCH Expected an integer, got a number with a fraction.",
			"/shape/2 TYPE_MISMATCH Expected an integer, got a string.",
		}},
		{value.Tensor, `{"shape":[1,1,1,1,1,1,1,1,1]}`, []string{"/shape CONSTRAINT_VIOLATION Expected at most 8 dimensions, got more."}},
		{value.Tensor, `{"shape":[4294967296,4294967296]}`, []string{"/shape CONSTRAINT_VIOLATION Expected fewer elements than 64 bits can count."}},
		{value.Tensor, `{"shape":[3,3],"max_elements":8}`, []string{"/shape CONSTRAINT_VIOLATION Expected at most max_elements, 8, elements, got 9."}},
		{0, "{}", []string{"INVALID_REQUEST There is no such type."}},
	} {
		c, found := value.ParseConstraints(tc.typ, []byte(tc.in))
		wellFormed(t, found)
		if tc.want == nil { // too many to list
			if len(found) == 0 {
				t.Errorf("the constraints %.80s of %s are taken", tc.in, tc.typ)
			}
			continue
		}
		if diff := cmp.Diff(tc.want, said(found)); diff != "" || c.Type() != 0 {
			t.Errorf("the constraints %.80s of %s (-want +got):\n%s", tc.in, tc.typ, diff)
		}
	}
}

func TestConstraintsThatGrowAreMeasuredAsTheyAreKept(t *testing.T) {
	var texts []string // of two characters each, six when quoted
	for i := range 200 {
		texts = append(texts, `"`+strconv.Itoa(1000+i)+`\u007f"`)
	}
	c, found := value.ParseConstraints(value.Choice, []byte(`{"choices":[`+strings.Join(texts, ",")+"]}"))
	if found != nil || len(c.JSON()) > value.MaxConstraints {
		t.Errorf("%d bytes, %v", len(c.JSON()), said(found))
	}
	shape := `{"max_elements":` + "1e18" + `,"shape":[1e18]` + strings.Repeat(" ", value.MaxConstraints-50) + "}"
	if c, found = value.ParseConstraints(value.Tensor, []byte(shape)); found != nil || len(c.JSON()) > 80 {
		t.Errorf("%s, %v", c.JSON(), said(found))
	}
}

func TestPatch(t *testing.T) {
	for _, tc := range []struct {
		typ               value.Type
		have, patch, want string
	}{
		{value.Integer, `{"min":1,"max":5}`, `{"max":null}`, `{"min":1}`},
		{value.Integer, `{"min":1}`, `{"max":5,"min":2}`, `{"max":5,"min":2}`},
		{value.Integer, `{"min":1}`, `{}`, `{"min":1}`},
		{value.Integer, `{"min":1}`, `{"max":null}`, `{"min":1}`},
		{value.Integer, `{"min":1}`, `{"min":null}`, `{}`},
		{value.StringList, `{"items":{"enum":["a"],"max_length":3}}`, `{"items":{"enum":null,"min_length":1}}`, `{"items":{"max_length":3,"min_length":1}}`},
		{value.StringList, `{}`, `{"items":{"enum":null,"min_length":1}}`, `{"items":{"min_length":1}}`},
		{value.StringList, `{"items":{"enum":["a"]}}`, `{"items":null}`, `{}`},
		{value.String, `{"enum":["a","b"]}`, `{"enum":["c"]}`, `{"enum":["c"]}`}, // arrays are replaced
	} {
		c, found := value.ParseConstraints(tc.typ, []byte(tc.have))
		if found != nil {
			t.Fatal(said(found))
		}
		if c, found = c.Patch([]byte(tc.patch)); found != nil || c.JSON() != tc.want {
			t.Errorf("%s patched with %s is %s, %v; want %s", tc.have, tc.patch, c.JSON(), said(found), tc.want)
		}
	}
}

func TestPatchRefuses(t *testing.T) {
	for _, tc := range []struct {
		typ         value.Type
		have, patch string
		want        []string
	}{
		{value.Integer, `{"min":3}`, `{"max":2}`, []string{"/min CONSTRAINT_VIOLATION Expected at most max, 2, got 3."}},
		{value.Integer, `{"min":3}`, `{"mni":null}`, []string{`/mni UNKNOWN_PARAMETER There is no constraint "mni" of the type integer; did you mean "min"?`}},
		{value.IntegerList, "", `{"items":{"mni":null}}`, []string{`/items/mni UNKNOWN_PARAMETER There is no constraint "mni" of the type integer; did you mean "min"?`}},
		{value.Integer, "", "[]", []string{"TYPE_MISMATCH Expected an object of constraints, got an array."}},
		{value.Integer, "", "null", []string{"TYPE_MISMATCH Expected an object of constraints, got null."}},
		{value.Integer, "", "", []string{"INVALID_REQUEST The constraints are not valid JSON."}},
		{value.Integer, "", `{"min":1,"min":2}`, []string{"INVALID_REQUEST An object in the constraints has the same name twice."}},
		{value.Integer, "", strings.Repeat(" ", 5000), []string{"CONSTRAINT_VIOLATION Expected constraints of at most 4096 bytes, got 5000."}},
		{value.Choice, `{"choices":["a"]}`, `{"choices":null}`, []string{`/choices MISSING_PARAMETER The constraint "choices" is missing; a choice is one of them.`}},
	} {
		c, found := value.ParseConstraints(tc.typ, []byte(tc.have))
		if found != nil {
			t.Fatal(said(found))
		}
		_, found = c.Patch([]byte(tc.patch))
		wellFormed(t, found)
		if diff := cmp.Diff(tc.want, said(found)); diff != "" {
			t.Errorf("%s patched with %.80s (-want +got):\n%s", tc.have, tc.patch, diff)
		}
	}
}

// A patch of what differs leads from any constraints to any others.
func TestPatchLeadsAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (string, value.Constraints) {
			var parts []string
			low := rapid.Int64().Draw(t, label)
			if rapid.Bool().Draw(t, label+" has min") {
				parts = append(parts, `"min":`+strconv.FormatInt(low, 10))
			} else {
				parts = append(parts, `"min":null`)
			}
			if rapid.Bool().Draw(t, label+" has max") {
				parts = append(parts, `"max":`+strconv.FormatInt(max(low, rapid.Int64().Draw(t, label)), 10))
			} else {
				parts = append(parts, `"max":null`)
			}
			patch := "{" + strings.Join(parts, ",") + "}"
			none, _ := value.ParseConstraints(value.Integer, nil)
			c, found := none.Patch([]byte(patch))
			if found != nil {
				t.Fatal(said(found))
			}
			return patch, c
		}
		_, from := draw("from")
		patch, to := draw("to")
		if got, found := from.Patch([]byte(patch)); found != nil || got.JSON() != to.JSON() {
			t.Fatalf("%s patched with %s is %s, %v; want %s", from.JSON(), patch, got.JSON(), said(found), to.JSON())
		}
	})
}

func FuzzConstraints(f *testing.F) {
	for i, seed := range []string{
		`{"strict":true}`, `{"min":1,"max":2}`, `{"min":1.5,"allow_special":true}`, `{"pattern":"a+","enum":["a"]}`,
		`{"max_depth":2,"item_type":"integer"}`, `{"required":["a"],"max_items":2}`, `{"choices":["a","b"]}`,
		`{"unique":true,"items":{"min":1}}`, `{"items":{"allow_special":true}}`, `{"items":{"enum":["a"]}}`,
		`{"normalize":true,"dtype":"f32"}`, `{"shape":[-1],"dtype":"u8","max":3}`,
	} {
		for _, v := range []string{"[1,2.5]", `["a","NaN"]`, `"a"`, "1.0", `{"shape":[1],"data":[7]}`} {
			f.Add(byte(i), []byte(seed), []byte(`{"min":null}`), []byte(v))
		}
	}
	f.Fuzz(func(t *testing.T, which byte, constraints, patch, raw []byte) {
		typ := value.Types()[int(which)%len(value.Types())]
		c, found := value.ParseConstraints(typ, constraints)
		wellFormed(t, found)
		if found != nil {
			return
		}
		if again, found := value.ParseConstraints(typ, []byte(c.JSON())); found != nil || again.JSON() != c.JSON() {
			t.Fatalf("%s reads back as %s, %v", c.JSON(), again.JSON(), said(found))
		}
		if same, found := c.Patch([]byte("{}")); found != nil || same.JSON() != c.JSON() {
			t.Fatalf("%s patched with nothing is %s, %v", c.JSON(), same.JSON(), said(found))
		}
		_, found = c.Patch(patch)
		wellFormed(t, found)
		if v, found := value.Convert(typ, raw); found == nil {
			wellFormed(t, c.Check(v))
		}
		_, found = c.ConvertTensor(raw)
		wellFormed(t, found)
		v, found := c.Convert(raw)
		wellFormed(t, found)
		if found != nil {
			return
		}
		if found := c.Check(v); found != nil {
			t.Fatalf("%s made %q to %s, which violates them: %v", c.JSON(), raw, v.JSON(), said(found))
		}
		if again, found := c.Convert([]byte(v.JSON())); found != nil || again != v {
			t.Fatalf("%s made %q to %s, and that to %s, %v", c.JSON(), raw, v.JSON(), again.JSON(), said(found))
		}
	})
}
