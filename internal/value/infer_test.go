package value_test

import (
	"testing"

	"toolpit/internal/value"
)

func TestInferFindsTypesAndKeepsNumbersExact(t *testing.T) {
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
		{`"\u0061\/"`, value.String, `"a/"`},
		{"[1, 2 ,[]]", value.List, "[1,2,[]]"},
		{"[]", value.List, "[]"},
		{"[null]", value.List, "[null]"},
		{"[true,false]", value.List, "[true,false]"},
		{`[1,"a"]`, value.List, `[1,"a"]`},
		{`["a",1]`, value.List, `["a",1]`},
		{"[1, -2,9223372036854775807]", value.IntegerList, "[1,-2,9223372036854775807]"},
		{"[-9223372036854775808, 0.5]", value.FloatList, "[-9.223372036854776e+18,0.5]"},
		{"[1,2.5]", value.FloatList, "[1.0,2.5]"},
		{"[1.0]", value.FloatList, "[1.0]"},
		{"[0.5,9007199254740992]", value.FloatList, "[0.5,9.007199254740992e+15]"},
		{"[0.5,9007199254740993]", value.List, "[0.5,9007199254740993]"}, // no double has that value
		{"[9007199254740993,0.5]", value.List, "[9007199254740993,0.5]"},
		{"[18446744073709551616]", value.List, "[18446744073709551616]"},
		{`["a", "\u0062"]`, value.StringList, `["a","b"]`},
		{`{ "b":1,"a":12345678901234567890 }`, value.Map, `{"b":1,"a":12345678901234567890}`},
		{`{"shape":[1]}`, value.Map, `{"shape":[1]}`},
		{`{"data":[1],"dtype":"u8"}`, value.Map, `{"data":[1],"dtype":"u8"}`},
		{`{"shape":[1],"data":[1],"name":"x"}`, value.Map, `{"shape":[1],"data":[1],"name":"x"}`},
	} {
		v, tensor, found := value.Infer([]byte(tc.in))
		if found != nil || tensor != nil || v.Type() != tc.typ || v.JSON() != tc.want {
			t.Errorf("Infer(%s) = %s %s, %v, %v; want %s %s", tc.in, v.Type(), v.JSON(), tensor, found, tc.typ, tc.want)
		}
	}
}

func TestInferReadsTensors(t *testing.T) {
	for in, dtype := range map[string]value.Dtype{
		`{"shape":[2,1],"data":[[1],[2]]}`:             value.I64,
		`{"data":[1,2.5],"shape":[2]}`:                 value.F64,
		`{"data":[true],"shape":[1]}`:                  value.B8,
		`{"shape":[2],"data":[1,2],"dtype":"u8"}`:      value.U8,
		`{"shape":[0],"data":[]}`:                      value.F64,
		`{"shape":[],"data":1}`:                        value.I64,
		`{"shape":[1],"data":["NaN"]}`:                 value.F64,
		`{"dtype":"f32","shape":[2],"data":[1,"NaN"]}`: value.F32,
	} {
		v, tensor, found := value.Infer([]byte(in))
		if found != nil || tensor == nil || tensor.Dtype != dtype || v.Type() != 0 {
			t.Errorf("Infer(%s) = %v, %+v, %v", in, v, tensor, found)
		}
	}
}

func TestInferRefuses(t *testing.T) {
	for _, tc := range []struct{ in, code, detail string }{
		{"null", "TYPE_MISMATCH", "Expected a value, got null, which has no type."},
		{"", "INVALID_REQUEST", "The value is not valid JSON."},
		{"nul", "INVALID_REQUEST", "The value is not valid JSON."},
		{"null null", "INVALID_REQUEST", "There is something after the value."},
		{`{"a":1,"a":2}`, "INVALID_REQUEST", "An object in the value has the same name twice."},
		{`{"shape":[1],"data":1,"data":2}`, "INVALID_REQUEST", "An object in the value has the same name twice."},
		{"\"\xff\"", "INVALID_REQUEST", "The value is not valid JSON."},
		{"[1,]", "INVALID_REQUEST", "The value is not valid JSON."},
		{"1 2", "INVALID_REQUEST", "There is something after the value."},
		{`"a`, "INVALID_REQUEST", "The value is not valid JSON."},
		{"9223372036854775808", "CONSTRAINT_VIOLATION", "Expected an integer of at most 64 bits, got 9223372036854775808."},
		{"1e400", "CONSTRAINT_VIOLATION", "Expected a number within the range of a 64-bit float, got 1e400."},
		{`{"shape":[2],"data":[1]}`, "CONSTRAINT_VIOLATION", "Expected 2 elements for the shape [2], got 1."},
		{`{"shape":"round","data":1}`, "TYPE_MISMATCH", "Expected an array of lengths, got a string."},
	} {
		v, tensor, found := value.Infer([]byte(tc.in))
		if len(found) != 1 || string(found[0].Code) != tc.code || found[0].Detail != tc.detail || v.Type() != 0 || tensor != nil {
			t.Errorf("Infer(%q) = %s %s, %v", tc.in, v.Type(), v.JSON(), found)
		}
	}
}

func FuzzInfer(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,"x",null,true]}`, "[1,2]", "[1.5,1]", `["a"]`, `{"shape":[2,1],"data":[[1],[2]]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, tensor, found := value.Infer(raw)
		wellFormed(t, found)
		if found != nil {
			return
		}
		if tensor != nil {
			size, ok := value.Size(tensor.Dtype, tensor.Shape)
			if !ok || size != int64(len(tensor.Bytes)) {
				t.Fatalf("%q gives %d bytes for %v of %s", raw, len(tensor.Bytes), tensor.Shape, tensor.Dtype)
			}
			return
		}
		if again, _, found := value.Infer([]byte(v.JSON())); found != nil || again != v {
			t.Fatalf("%q became %s, which infers to %v, %v", raw, v.JSON(), again, found)
		}
		if again, found := value.Convert(v.Type(), []byte(v.JSON())); found != nil || again != v {
			t.Fatalf("%q became %s, which converts to %v, %v", raw, v.JSON(), again, found)
		}
	})
}
