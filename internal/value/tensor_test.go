package value_test

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/value"
)

var digest = strings.Repeat("0f", 32)

func TestElementsCountsWithoutOverflow(t *testing.T) {
	for _, tc := range []struct {
		shape []int64
		n     int64
		ok    bool
	}{
		{nil, 1, true},
		{[]int64{}, 1, true},
		{[]int64{3, 4}, 12, true},
		{[]int64{3, 0, 4}, 0, true},
		{[]int64{math.MaxInt64}, math.MaxInt64, true},
		{[]int64{1 << 32, 1 << 31}, 0, false},
		{[]int64{1 << 32, 1 << 32}, 0, false}, // 0 in 64 bits
		{[]int64{0, 1 << 32, 1 << 32}, 0, false},
		{[]int64{-1, -1}, 0, false},
		{[]int64{1, 1, 1, 1, 1, 1, 1, 1}, 1, true},
		{[]int64{1, 1, 1, 1, 1, 1, 1, 1, 1}, 0, false},
	} {
		if n, ok := value.Elements(tc.shape); n != tc.n || ok != tc.ok {
			t.Errorf("Elements(%v) = %d, %v; want %d, %v", tc.shape, n, ok, tc.n, tc.ok)
		}
	}
	if n, ok := value.Size(value.I32, []int64{3, 4}); n != 48 || !ok {
		t.Errorf("Size = %d, %v", n, ok)
	}
	if _, ok := value.Size(value.F64, []int64{1 << 61}); ok {
		t.Error("a size of 2^64 bytes fits")
	}
	if _, ok := value.Size(0, nil); ok {
		t.Error("no dtype has a size")
	}
}

func TestDescriptorIsTheValueOfATensor(t *testing.T) {
	for _, d := range []value.Descriptor{
		{value.F64, []int64{2, 3}, value.RowMajor, 48, digest},
		{value.B8, []int64{}, value.ColumnMajor, 1, digest},
		{value.U8, []int64{0, 5}, value.RowMajor, 0, digest},
	} {
		v, err := d.Value()
		if err != nil || v.Type() != value.Tensor {
			t.Fatalf("%+v: %v", d, err)
		}
		if got, ok := v.Descriptor(); !ok || !cmp.Equal(got, d) {
			t.Errorf("%s reads back as %+v", v.JSON(), got)
		}
	}
	v, _ := value.Descriptor{value.F64, []int64{2, 3}, value.RowMajor, 48, digest}.Value()
	if want := `{"dtype":"f64","shape":[2,3],"order":"C","bytes":48,"digest":"` + digest + `"}`; v.JSON() != want {
		t.Errorf("%s, want %s", v.JSON(), want)
	}
	if _, ok := value.Text("a").Descriptor(); ok {
		t.Error("a string has a descriptor")
	}
	for _, d := range []value.Descriptor{
		{},
		{0, []int64{1}, value.RowMajor, 8, digest},
		{value.F64, []int64{1}, 'A', 8, digest},
		{value.F64, []int64{1}, value.RowMajor, 9, digest},
		{value.F64, []int64{-1}, value.RowMajor, 8, digest},
		{value.F64, []int64{1}, value.RowMajor, 8, strings.ToUpper(digest)},
		{value.F64, []int64{1}, value.RowMajor, 8, digest[2:]},
	} {
		if v, err := d.Value(); err == nil {
			t.Errorf("%+v became %s", d, v.JSON())
		}
	}
}

func TestReadDescriptorRefuses(t *testing.T) {
	for in, want := range map[string][]string{
		"[]": {"TYPE_MISMATCH Expected an object that describes a tensor, got an array."},
		"{":  {"INVALID_REQUEST The value is not valid JSON."},
		`{"a":1,"dtype":"f64","shape":[1],"order":"C","bytes":8,"digest":7}`: {
			`/a UNKNOWN_PARAMETER There is no member "a"; there is dtype, shape, order, bytes and digest.`,
			"/digest TYPE_MISMATCH Expected a string, got a number.",
		},
		`{"dtype":"f64","shape":[-1],"order":"C","digest":"` + digest + `"}`: {
			"/shape/0 CONSTRAINT_VIOLATION Expected at least 0, got -1.",
			`/bytes MISSING_PARAMETER The member "bytes" is missing.`,
		},
		`{"dtype":"f16","shape":[1],"order":"c","bytes":8,"digest":"x"}`: {
			"/dtype CONSTRAINT_VIOLATION Expected f64, f32, i64, i32, u8 or bool.",
			"/order CONSTRAINT_VIOLATION Expected C or F.",
			"/digest CONSTRAINT_VIOLATION Expected 64 hexadecimal digits in lower case.",
		},
		`{"dtype":"f64","shape":[2,2],"order":"C","bytes":8,"digest":"` + digest + `"}`: {
			"/bytes CONSTRAINT_VIOLATION Expected 32 for the shape [2,2] of f64, got 8.",
		},
		`{"dtype":"f64","shape":[4294967296,4294967296],"order":"C","bytes":0,"digest":"` + digest + `"}`: {
			"/shape CONSTRAINT_VIOLATION Expected at most 8 lengths that 64 bits can multiply, none of them negative, got [4294967296,4294967296].",
		},
	} {
		_, found := value.ReadDescriptor([]byte(in))
		wellFormed(t, found)
		if diff := cmp.Diff(want, said(found)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

func TestConvertTensor(t *testing.T) {
	f64 := func(numbers ...float64) (b []byte) {
		for _, x := range numbers {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
		return b
	}
	for _, tc := range []struct {
		constraints, in string
		dtype           value.Dtype
		shape           []int64
		want            []byte
	}{
		{"", `{"shape":[2,2],"data":[[1,2.5],[-0.0,5e-324]]}`, value.F64, []int64{2, 2}, f64(1, 2.5, math.Copysign(0, -1), 5e-324)},
		{"", `{"shape":[2,2.0],"data":[1.0,2,3,4]}`, value.F64, []int64{2, 2}, f64(1, 2, 3, 4)},
		{"", `{"dtype":"f64","shape":[],"data":7}`, value.F64, []int64{}, f64(7)},
		{"", `{"dtype":"f64","shape":[],"data":[7]}`, value.F64, []int64{}, f64(7)},
		{"", `{"shape":[2,0],"data":[[],[]]}`, value.F64, []int64{2, 0}, nil},
		{"", `{"shape":[2,0],"data":[]}`, value.F64, []int64{2, 0}, nil},
		{"", `{"shape":[0,1000000000],"data":[]}`, value.F64, []int64{0, 1000000000}, nil},
		{"", `{"shape":[2],"data":["Infinity","-Infinity"]}`, value.F64, []int64{2}, f64(math.Inf(1), math.Inf(-1))},
		{"", `{"data":[1,9007199254740993],"shape":[2]}`, value.I64, []int64{2}, []byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x20, 0}},
		{"", `{"dtype":"i32","shape":[2],"data":[-1,2.0]}`, value.I32, []int64{2}, []byte{255, 255, 255, 255, 2, 0, 0, 0}},
		{"", `{"dtype":"u8","shape":[1,2],"data":[[0,255]]}`, value.U8, []int64{1, 2}, []byte{0, 255}},
		{"", `{"shape":[2],"data":[true,false]}`, value.B8, []int64{2}, []byte{1, 0}},
		{"", `{"dtype":"f32","shape":[1],"data":[0.1]}`, value.F32, []int64{1}, []byte{0xcd, 0xcc, 0xcc, 0x3d}},
		{`{"dtype":"u8"}`, `{"shape":[1],"data":[7]}`, value.U8, []int64{1}, []byte{7}},
		{`{"shape":[-1,2],"min":1,"max":4,"max_elements":4}`, `{"shape":[1,2],"data":[1,4]}`, value.I64, []int64{1, 2}, []byte{1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0}},
	} {
		got, found := constraints(t, value.Tensor, tc.constraints).ConvertTensor([]byte(tc.in))
		if found != nil || got.Dtype != tc.dtype || !cmp.Equal(got.Shape, tc.shape) || string(got.Bytes) != string(tc.want) {
			t.Errorf("%s gives %s %v %v, %v", tc.in, got.Dtype, got.Shape, got.Bytes, said(found))
		}
	}
}

func TestConvertTensorRefuses(t *testing.T) {
	for _, tc := range []struct {
		constraints, in string
		want            []string
	}{
		{"", "[1]", []string{"TYPE_MISMATCH Expected an object with shape and data, got an array."}},
		{"", `{"shape":[1],"data":[1],"data":[2]}`, []string{"INVALID_REQUEST An object in the value has the same name twice."}},
		{"", `{"dtype":"f16","order":"C"}`, []string{
			`/dtype CONSTRAINT_VIOLATION Expected f64, f32, i64, i32, u8 or bool, got "f16".`,
			`/order UNKNOWN_PARAMETER There is no member "order"; there is shape, data and dtype.`,
			`/shape MISSING_PARAMETER The member "shape" is missing.`,
			`/data MISSING_PARAMETER The member "data" is missing.`,
		}},
		{"", `{"shape":[2,-2],"data":[]}`, []string{"/shape/1 CONSTRAINT_VIOLATION Expected at least 0, got -2."}},
		{"", `{"shape":[4294967296,4294967296],"data":[]}`, []string{
			"/shape CONSTRAINT_VIOLATION Expected at most 8 lengths that 64 bits can multiply, none of them negative, got [4294967296,4294967296].",
		}},
		{"", `{"shape":[1000000000000],"data":[1]}`, []string{"/data CONSTRAINT_VIOLATION Expected 1000000000000 elements for the shape [1000000000000], got 1."}},
		{"", `{"shape":[2,2],"data":[[1,2],[3]]}`, []string{"/data/1 CONSTRAINT_VIOLATION Expected 2 items as the shape says, got 1."}},
		{"", `{"shape":[2,2],"data":[[1,2],[3,4],[5,6]]}`, []string{"/data CONSTRAINT_VIOLATION Expected 2 items as the shape says, got 3."}},
		{"", `{"shape":[2,2],"data":[[1,[2]],3]}`, []string{
			"/data/0/1 TYPE_MISMATCH Expected an integer, got an array.",
			"/data/1 TYPE_MISMATCH Expected an array, got a number.",
		}},
		{"", `{"shape":[2],"data":[[1],[2]]}`, []string{
			"/data/0 TYPE_MISMATCH Expected an integer, got an array.",
			"/data/1 TYPE_MISMATCH Expected an integer, got an array.",
		}},
		{"", `{"shape":[],"data":{}}`, []string{"/data TYPE_MISMATCH Expected a number, got an object."}},
		{"", `{"shape":[1],"data":5}`, []string{"/data TYPE_MISMATCH Expected an array, got a number."}},
		{"", `{"shape":[2],"data":[1,true]}`, []string{"/data/1 TYPE_MISMATCH Expected an integer, got a boolean."}},
		{"", `{"shape":[1],"data":["x"]}`, []string{`/data/0 TYPE_MISMATCH Expected a number, got "x".`}},
		{"", `{"dtype":"u8","shape":[3],"data":[256,-1,1.5]}`, []string{
			"/data/0 CONSTRAINT_VIOLATION Expected an integer from 0 to 255, got 256.",
			"/data/1 CONSTRAINT_VIOLATION Expected an integer from 0 to 255, got -1.",
			"/data/2 TYPE_MISMATCH Expected an integer, got a number with a fraction.",
		}},
		{"", `{"dtype":"i32","shape":[1],"data":[2147483648]}`, []string{"/data/0 CONSTRAINT_VIOLATION Expected an integer of at most 32 bits, got 2147483648."}},
		{"", `{"dtype":"f32","shape":[1],"data":[1e39]}`, []string{"/data/0 CONSTRAINT_VIOLATION Expected a number within the range of a 32-bit float, got 1e39."}},
		{"", `{"dtype":"bool","shape":[1],"data":[1]}`, []string{"/data/0 TYPE_MISMATCH Expected a boolean, got a number."}},
		{`{"dtype":"f64","shape":[-1,3],"max_elements":3,"max":2}`, `{"dtype":"f32","shape":[2,2],"data":[1,2,3,"NaN"]}`, []string{
			"/dtype CONSTRAINT_VIOLATION Expected f64, got f32.",
			"/shape CONSTRAINT_VIOLATION Expected the shape [-1,3], got [2,2].",
			"/shape CONSTRAINT_VIOLATION Expected at most 3 elements, got 4.",
			"/data/2 CONSTRAINT_VIOLATION Expected at most 2, got 3.",
			"/data/3 CONSTRAINT_VIOLATION Expected at most 2, got NaN.",
		}},
	} {
		_, found := constraints(t, value.Tensor, tc.constraints).ConvertTensor([]byte(tc.in))
		wellFormed(t, found)
		if diff := cmp.Diff(tc.want, said(found)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.in, diff)
		}
	}
}

func TestCheckSeesATensorsDescriptor(t *testing.T) {
	v, err := value.Descriptor{value.F64, []int64{2, 3}, value.RowMajor, 48, digest}.Value()
	if err != nil {
		t.Fatal(err)
	}
	c := constraints(t, value.Tensor, `{"dtype":"i32","shape":[2,-1],"max_elements":5}`)
	want := []string{"/dtype CONSTRAINT_VIOLATION Expected i32, got f64.", "/shape CONSTRAINT_VIOLATION Expected at most 5 elements, got 6."}
	if diff := cmp.Diff(want, said(c.Check(v))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestElementsAreJudgedAsTheyPass(t *testing.T) {
	if constraints(t, value.Tensor, `{"dtype":"f64"}`).Elements() != nil || constraints(t, value.Float, `{"min":1}`).Elements() != nil {
		t.Error("there is a check of elements that may be anything")
	}
	check := constraints(t, value.Tensor, `{"min":0,"max":1.5}`).Elements()
	if !check.Floats([]float64{0, 1.5, 2}) || !check.Floats([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}) || !check.Ints([]int64{1, 2, -1}) {
		t.Error("it has seen enough")
	}
	want := []string{
		"/data/2 CONSTRAINT_VIOLATION Expected at most 1.5, got 2.",
		"/data/3 CONSTRAINT_VIOLATION Expected at least 0, got NaN.",
		"/data/4 CONSTRAINT_VIOLATION Expected at most 1.5, got Infinity.",
		"/data/5 CONSTRAINT_VIOLATION Expected at least 0, got -Infinity.",
		"/data/7 CONSTRAINT_VIOLATION Expected at most 1.5, got 2.",
		"/data/8 CONSTRAINT_VIOLATION Expected at least 0, got -1.",
	}
	if diff := cmp.Diff(want, said(check.Violations())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if check.Floats(make([]float64, 1000)); len(check.Violations()) != len(want) {
		t.Error("good elements are refused")
	}
	bad := make([]float64, 1000)
	for i := range bad {
		bad[i] = 2
	}
	if check.Floats(bad) || len(check.Violations()) != value.MaxViolations {
		t.Errorf("%d violations", len(check.Violations()))
	}
}

func TestIntegersMeetFloatBoundsExactly(t *testing.T) {
	for _, tc := range []struct {
		constraints string
		n           int64
		ok          bool
	}{
		{`{"max":9007199254740992}`, 9007199254740993, false}, // equal as doubles
		{`{"max":9007199254740992}`, 9007199254740992, true},
		{`{"min":-9007199254740992}`, -9007199254740993, false},
		{`{"min":0.5}`, 0, false},
		{`{"min":0.5}`, 1, true},
		{`{"max":-0.5}`, 0, false},
		{`{"max":-0.5}`, -1, true},
		{`{"max":1e19}`, math.MaxInt64, true},
		{`{"min":1e19}`, math.MaxInt64, false},
		{`{"max":9223372036854775808}`, math.MaxInt64, true},
		{`{"min":-9223372036854775808}`, math.MinInt64, true},
		{`{"max":-9223372036854775808}`, math.MinInt64, true},
		{`{"max":-1e19}`, math.MinInt64, false},
		{`{"min":-1e19}`, math.MinInt64, true},
	} {
		check := constraints(t, value.Tensor, tc.constraints).Elements()
		check.Ints([]int64{tc.n})
		if ok := check.Violations() == nil; ok != tc.ok {
			t.Errorf("%d under %s: %v", tc.n, tc.constraints, said(check.Violations()))
		}
	}
}
