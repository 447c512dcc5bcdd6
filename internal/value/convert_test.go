package value_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"toolpit/internal/fault"
	"toolpit/internal/value"
)

// said writes violations as lines: pointer, code, detail.
func said(found []fault.Violation) []string {
	var lines []string
	for _, v := range found {
		lines = append(lines, strings.TrimSpace(v.Pointer+" "+string(v.Code)+" "+v.Detail))
	}
	return lines
}

// wellFormed checks what is true of all violations.
func wellFormed(t *testing.T, found []fault.Violation) {
	t.Helper()
	if found != nil && len(found) == 0 || len(found) > value.MaxViolations {
		t.Fatalf("%d violations", len(found))
	}
	for _, v := range found {
		switch {
		case v.Pointer != "" && v.Pointer[0] != '/' || len(v.Pointer) > 512:
			t.Fatalf("the pointer %q", v.Pointer)
		case v.Code == "" || !strings.HasSuffix(v.Detail, ".") && !strings.HasSuffix(v.Detail, "?") || !utf8.ValidString(v.Detail):
			t.Fatalf("the violation %+v", v)
		case len(v.Detail) > 3000:
			t.Fatalf("a detail of %d bytes", len(v.Detail))
		}
	}
}

func TestConvert(t *testing.T) {
	for _, tc := range []struct {
		typ      value.Type
		in, want string
	}{
		{value.Boolean, "true", "true"},
		{value.Boolean, "1", "true"},
		{value.Boolean, "0", "false"},
		{value.Boolean, `"true"`, "true"},
		{value.Boolean, ` "false" `, "false"},
		{value.Integer, "12", "12"},
		{value.Integer, "-0", "0"},
		{value.Integer, "12.0", "12"},
		{value.Integer, "-1.20e1", "-12"},
		{value.Integer, "1200e-2", "12"},
		{value.Integer, "0.00e999999999999999999999", "0"},
		{value.Integer, "0.0012e4", "12"},
		{value.Integer, "9223372036854775807.000", "9223372036854775807"},
		{value.Integer, "-922337203685477580.8e1", "-9223372036854775808"},
		{value.Integer, "0." + strings.Repeat("0", 500) + "7e501", "7"},
		{value.Float, "1", "1.0"},
		{value.Float, "-0.0", "-0.0"},
		{value.Float, "5e-324", "5e-324"},
		{value.Float, "0.1", "0.1"},
		{value.Float, "1e-999", "0.0"},
		{value.Float, "9007199254740993", "9.007199254740992e+15"}, // the nearest there is
		{value.String, `"\u00e9\n"`, `"é\n"`},
		{value.String, `""`, `""`},
		{value.Choice, `"a"`, `"a"`},
		{value.List, ` [ 1.50, 1e2, null, {"a" : [ ]} ] `, `[1.50,1e2,null,{"a":[]}]`},
		{value.Map, `{"b": 1, "a": "\u0061"}`, `{"b":1,"a":"\u0061"}`},
		{value.IntegerList, "[]", "[]"},
		{value.IntegerList, "[1, 2.0, 3e0, 9223372036854775807]", "[1,2,3,9223372036854775807]"},
		{value.FloatList, "[1, 2.50, 1e300]", "[1.0,2.5,1e+300]"},
		{value.StringList, `["a", "\u0062", ""]`, `["a","b",""]`},
		{value.Embedding, "[]", "[]"},
		{value.Embedding, "[1, 0.25]", "[1.0,0.25]"},
	} {
		v, found := value.Convert(tc.typ, []byte(tc.in))
		if found != nil || v.Type() != tc.typ || v.JSON() != tc.want {
			t.Errorf("Convert(%s, %s) = %s %s, %v; want %s", tc.typ, tc.in, v.Type(), v.JSON(), found, tc.want)
		}
	}
}

func TestConvertRefuses(t *testing.T) {
	const noBoolean = `Expected true, false, 1, 0, "true" or "false", got `
	deep := strings.Repeat("[", value.MaxDepth+1) + strings.Repeat("]", value.MaxDepth+1)
	for _, tc := range []struct {
		typ  value.Type
		in   string
		want []string
	}{
		{value.Boolean, `"True"`, []string{"TYPE_MISMATCH " + noBoolean + `"True".`}},
		{value.Boolean, "1.0", []string{"TYPE_MISMATCH " + noBoolean + "1.0."}},
		{value.Boolean, "2", []string{"TYPE_MISMATCH " + noBoolean + "2."}},
		{value.Boolean, "null", []string{"TYPE_MISMATCH " + noBoolean + "null."}},
		{value.Boolean, "[true]", []string{"TYPE_MISMATCH " + noBoolean + "an array."}},
		{value.Integer, "1.5", []string{"TYPE_MISMATCH Expected an integer, got a number with a fraction."}},
		{value.Integer, "1e-1", []string{"TYPE_MISMATCH Expected an integer, got a number with a fraction."}},
		{value.Integer, "1e-99999999999999999999", []string{"TYPE_MISMATCH Expected an integer, got a number with a fraction."}},
		{value.Integer, "1e999999999999999999999", []string{"CONSTRAINT_VIOLATION Expected an integer of at most 64 bits, got 1e999999999999999999999."}},
		{value.Integer, "9223372036854775808", []string{"CONSTRAINT_VIOLATION Expected an integer of at most 64 bits, got 9223372036854775808."}},
		{value.Integer, "9223372036854775808.0", []string{"CONSTRAINT_VIOLATION Expected an integer of at most 64 bits, got 9223372036854775808.0."}},
		{value.Integer, strings.Repeat("1", 1025), []string{"CONSTRAINT_VIOLATION Expected a number of at most 1024 characters, got 1025."}},
		{value.Integer, `"1"`, []string{"TYPE_MISMATCH Expected an integer, got a string."}},
		{value.Integer, "true", []string{"TYPE_MISMATCH Expected an integer, got a boolean."}},
		{value.Float, "1e400", []string{"CONSTRAINT_VIOLATION Expected a number within the range of a 64-bit float, got 1e400."}},
		{value.Float, `"NaN"`, []string{`CONSTRAINT_VIOLATION Expected a finite number, got "NaN"; the constraint allow_special is not set.`}},
		{value.Float, `"1"`, []string{"TYPE_MISMATCH Expected a number, got a string."}},
		{value.Float, "null", []string{"TYPE_MISMATCH Expected a number, got null."}},
		{value.String, "true", []string{"TYPE_MISMATCH Expected a string, got a boolean."}},
		{value.String, `"\ud800"`, []string{"INVALID_REQUEST The value is not valid JSON."}},
		{value.Choice, "null", []string{"TYPE_MISMATCH Expected a string, got null."}},
		{value.List, "{}", []string{"TYPE_MISMATCH Expected an array, got an object."}},
		{value.List, "[1,1e400]", []string{"/1 CONSTRAINT_VIOLATION Expected a number within the range of a 64-bit float."}},
		{value.List, deep, []string{"INVALID_REQUEST The value is nested more than 64 levels deep."}},
		{value.Map, "[]", []string{"TYPE_MISMATCH Expected an object, got an array."}},
		{value.Map, `{"a/b~":[1e400]}`, []string{"/a~1b~0/0 CONSTRAINT_VIOLATION Expected a number within the range of a 64-bit float."}},
		{value.Map, `{"a":{"b":1,"b":1}}`, []string{"INVALID_REQUEST An object in the value has the same name twice."}},
		{value.Map, `{"a":1} 2`, []string{"INVALID_REQUEST There is something after the value."}},
		{value.IntegerList, `[1,"a",2.5,[3],9e99]`, []string{
			"/1 TYPE_MISMATCH Expected an integer, got a string.",
			"/2 TYPE_MISMATCH Expected an integer, got a number with a fraction.",
			"/3 TYPE_MISMATCH Expected an integer, got an array.",
			"/4 CONSTRAINT_VIOLATION Expected an integer of at most 64 bits, got 9e99.",
		}},
		{value.IntegerList, `"[1]"`, []string{"TYPE_MISMATCH Expected an array, got a string."}},
		{value.IntegerList, "[1", []string{"INVALID_REQUEST The value is not valid JSON."}},
		{value.FloatList, `["NaN",true]`, []string{
			`/0 CONSTRAINT_VIOLATION Expected a finite number, got "NaN"; the constraint allow_special is not set.`,
			"/1 TYPE_MISMATCH Expected a number, got a boolean.",
		}},
		{value.StringList, `["a",null]`, []string{"/1 TYPE_MISMATCH Expected a string, got null."}},
		{value.Embedding, `[1,"NaN",{}]`, []string{
			"/1 TYPE_MISMATCH Expected a number, got a string.",
			"/2 TYPE_MISMATCH Expected a number, got an object.",
		}},
		{value.Tensor, `{"shape":[1],"data":[1]}`, []string{"TYPE_MISMATCH Expected the shape and the data of a tensor, got an object."}},
		{value.Tensor, `{"shape":[2],"data":[1]}`, []string{"/data CONSTRAINT_VIOLATION Expected 2 elements for the shape [2], got 1."}},
		{value.Tensor, `{"a":1}`, []string{"TYPE_MISMATCH Expected the shape and the data of a tensor, got an object."}},
		{0, "1", []string{"INVALID_REQUEST There is no such type."}},
	} {
		v, found := value.Convert(tc.typ, []byte(tc.in))
		wellFormed(t, found)
		if diff := cmp.Diff(tc.want, said(found)); diff != "" || v.Type() != 0 {
			t.Errorf("Convert(%s, %.80s) = %s (-want +got):\n%s", tc.typ, tc.in, v.JSON(), diff)
		}
	}
}

func TestConvertTakesTheGreatestDepth(t *testing.T) {
	deep := strings.Repeat("[", value.MaxDepth) + strings.Repeat("]", value.MaxDepth)
	if v, found := value.Convert(value.List, []byte(deep)); found != nil || v.JSON() != deep {
		t.Errorf("%d levels: %v", value.MaxDepth, found)
	}
}

func TestViolationsAreBounded(t *testing.T) {
	many := "[" + strings.Repeat(`"x",`, 100_000) + `"x"]`
	if _, found := value.Convert(value.IntegerList, []byte(many)); len(found) != value.MaxViolations {
		t.Errorf("%d violations, want %d", len(found), value.MaxViolations)
	}
	name := strings.Repeat("n", 100_000)
	long := `{"` + name + `":[` + strings.Repeat("1e999,", 1000) + "1]}"
	_, found := value.Convert(value.Map, []byte(long))
	wellFormed(t, found)
	if len(found) != 1 || found[0].Pointer != "" {
		t.Errorf("a long pointer gives %d violations", len(found))
	}
}

func TestTheTextGrowsOnlySoMuch(t *testing.T) {
	for typ, item := range map[value.Type]string{value.IntegerList: "1e18", value.FloatList: "9e5", value.Embedding: "9e5", value.StringList: `""`} {
		in := "[" + strings.Repeat(item+",", 10_000) + item + "]"
		v, found := value.Convert(typ, []byte(in))
		if found != nil || len(v.JSON()) > 5*len(in) {
			t.Errorf("%d bytes became %d, %v", len(in), len(v.JSON()), found)
		}
	}
}

// Integers are what exact fractions say they are.
func TestIntegersAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,21})(\.[0-9]{1,22})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		exact, _ := new(big.Rat).SetString(text)
		v, found := value.Convert(value.Integer, []byte(text))
		want := exact.IsInt() && exact.Num().IsInt64()
		if (found == nil) != want || want && v.JSON() != exact.Num().String() {
			t.Fatalf("%s became %s, %v; it is %s", text, v.JSON(), said(found), exact)
		}
		if fraction := found != nil && found[0].Code == fault.TypeMismatch; fraction == exact.IsInt() {
			t.Fatalf("%s is refused with %v", text, said(found))
		}
	})
}

func TestFloatsReadsVectors(t *testing.T) {
	for in, typ := range map[string]value.Type{"[1,0.1,-0.0]": value.FloatList, "[1, 0.1,-0.0]": value.Embedding, "[]": value.Embedding, "[1,2]": value.IntegerList} {
		v, _ := value.Convert(typ, []byte(in))
		got, ok := v.Floats()
		var texts []string
		for _, f := range got {
			w, _ := value.Float64(f)
			texts = append(texts, w.JSON())
		}
		want := v.JSON()
		if typ == value.IntegerList {
			want = "[1.0,2.0]"
		}
		if joined := fmt.Sprintf("[%s]", strings.Join(texts, ",")); !ok || joined != want {
			t.Errorf("the numbers of %s are %s", v.JSON(), joined)
		}
	}
	if _, ok := value.Text("1").Floats(); ok {
		t.Error("a string has numbers")
	}
}

func TestDamagedValuesHaveNoNumbers(t *testing.T) {
	for _, text := range []string{"", `"`, `""`, `"Inf"`, "x", "["} {
		if f, ok := value.Stored(value.Float, text).Number(); ok {
			t.Errorf("%q is the number %v", text, f)
		}
		if f, ok := value.Stored(value.Embedding, text+"x").Floats(); ok {
			t.Errorf("%q has the numbers %v", text, f)
		}
	}
}

func TestMarshalJSON(t *testing.T) {
	c, _ := value.ParseConstraints(value.Integer, []byte(`{"min": 1}`))
	got, err := json.Marshal(map[string]any{"c": c, "v": value.Int(7)})
	if want := `{"c":{"min":1},"v":7}`; err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	if got, err := json.Marshal(value.Value{}); err == nil {
		t.Errorf("the zero Value is %s", got)
	}
}

// BenchmarkConvert reads bodies of a mebibyte.
func BenchmarkConvert(b *testing.B) {
	for typ, item := range map[value.Type]string{
		value.List: `[1,"a"]`, value.Map: "", value.IntegerList: "1234567", value.FloatList: "0.1234567890123", value.StringList: `"some text"`, value.Embedding: "0.1234567890123",
	} {
		raw := []byte("[" + strings.Repeat(item+",", 1<<20/(len(item)+1)-1) + item + "]")
		if typ == value.Map {
			var s strings.Builder
			for i := 0; s.Len() < 1<<20; i++ {
				fmt.Fprintf(&s, `,"name%d":%d`, i, i)
			}
			raw = []byte("{" + s.String()[1:] + "}")
		}
		b.Run(typ.String(), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, found := value.Convert(typ, raw); found != nil {
					b.Fatal(said(found))
				}
			}
		})
	}
}

func FuzzConvert(f *testing.F) {
	for i := range len(value.Types()) {
		f.Add(byte(i), []byte(`[1,2.0,"a",{"b":[1e3,null,true]}]`))
		f.Add(byte(i), []byte("[12e-1, 0.1, -0]"))
		f.Add(byte(i), []byte(`"a\u0000\u00e9"`))
		f.Add(byte(i), []byte("-1.20e1"))
	}
	f.Fuzz(func(t *testing.T, which byte, raw []byte) {
		typ := value.Types()[int(which)%len(value.Types())]
		v, found := value.Convert(typ, raw)
		wellFormed(t, found)
		if found != nil {
			return
		}
		if again, found := value.Convert(typ, []byte(v.JSON())); found != nil || again != v {
			t.Fatalf("%q became the %s %s, which converts to %v, %v", raw, typ, v.JSON(), again, found)
		}
	})
}
