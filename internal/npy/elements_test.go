package npy_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"toolpit/internal/npy"
)

func descrs() []string { return []string{"<f8", "<f4", "<i8", "<i4", "|u1", "|b1"} }

// TestElementsComeBackFromJSON draws arrays of finite elements, and checks that
// no bit changes on the way to JSON and back, in one piece or in several.
func TestElementsComeBackFromJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		descr := rapid.SampledFrom(descrs()).Draw(t, "descr")
		size, _ := npy.ItemSize(descr)
		elements := rapid.SliceOfN(rapid.Byte(), 0, 20*size).Draw(t, "elements")
		elements = elements[:len(elements)/size*size]
		if descr == "|b1" {
			for i := range elements {
				elements[i] &= 1
			}
		}
		if npy.IndexNotFinite(descr, elements) >= 0 {
			t.Skip("not finite")
		}
		cut := rapid.IntRange(0, len(elements)/size).Draw(t, "cut")
		text, err := npy.AppendJSON([]byte{'['}, descr, elements[:cut*size], 0)
		if err != nil {
			t.Fatal(err)
		}
		if text, err = npy.AppendJSON(text, descr, elements[cut*size:], int64(cut)); err != nil {
			t.Fatal(err)
		}
		back, err := npy.AppendElements(nil, descr, append(text, ']'))
		if err != nil || !bytes.Equal(back, elements) {
			t.Errorf("%s %x: %s], %v, %x", descr, elements, text, err, back)
		}
	})
}

func TestNotFinite(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		eight := binary.LittleEndian.AppendUint64(make([]byte, 16), math.Float64bits(v))
		four := binary.LittleEndian.AppendUint32(make([]byte, 8), math.Float32bits(float32(v)))
		for descr, elements := range map[string][]byte{"<f8": eight, "<f4": four} {
			elements = append(elements, elements...) // there is another: the first is named
			if got := npy.IndexNotFinite(descr, elements); got != 2 {
				t.Errorf("%s %v: first at %d", descr, v, got)
			}
			text, err := npy.AppendJSON([]byte("["), descr, elements, 0)
			if err != nil || !strings.HasPrefix(string(text), `[0,0,"`) {
				t.Errorf("%s %v: %s, %v", descr, v, text, err)
			}
			back, err := npy.AppendElements(nil, descr, append(text, ']'))
			if err != nil || len(back) != len(elements) || npy.IndexNotFinite(descr, back) != 2 ||
				!math.IsNaN(v) && !bytes.Equal(back, elements) {
				t.Errorf("%s %v: %x comes back as %x, %v", descr, v, elements, back, err)
			}
		}
		if got := npy.IndexNotFinite("<i8", eight); got != -1 {
			t.Errorf("an integer is not finite, at %d", got)
		}
	}
}

func TestElementsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		descr, array string
		index        int64 // of the first that is refused
		ok           bool
	}{
		{"<f8", `[1, 2.5, -0, 1e-400]`, 0, true},
		{"<f8", `[]`, 0, true},
		{"<f8", `[1, 1e400]`, 1, false},
		{"<f8", `["NaN", "Infinity", "-Infinity"]`, 0, true},
		{"<f4", `["nan"]`, 0, false},
		{"<f8", `["1"]`, 0, false},
		{"<f8", `[0, "Inf"]`, 1, false},
		{"<i8", `["NaN"]`, 0, false},
		{"<f8", `[1, [2]]`, 1, false},
		{"<f8", `[1, null]`, 1, false},
		{"<f8", `[1`, 1, false},
		{"<f8", `[1, NaN]`, 1, false},
		{"<f8", `[1] 2`, 1, false},
		{"<f8", `{"a": 1}`, 0, false},
		{"<f8", ``, 0, false},
		{"<f4", `[3.4028235e38]`, 0, true},
		{"<f4", `[0, 3.5e38]`, 1, false},
		{"<i8", `[9223372036854775807, -9223372036854775808, 1e3, 2.0]`, 0, true},
		{"<i8", `[0, 9223372036854775808]`, 1, false},
		{"<i8", `[1.5]`, 0, false},
		{"<i8", `[1e16]`, 0, false},
		{"<i8", `[1e999999999]`, 0, false},
		{"<i4", `[-2147483648]`, 0, true},
		{"<i4", `[2147483648]`, 0, false},
		{"|u1", `[0, 255]`, 0, true},
		{"|u1", `[0, -1]`, 1, false},
		{"|u1", `[0, 0, 256]`, 2, false},
		{"|u1", `[true]`, 0, false},
		{"|b1", `[true, false]`, 0, true},
		{"|b1", `[true, 1]`, 1, false},
	} {
		_, err := npy.AppendElements(nil, c.descr, []byte(c.array))
		if c.ok {
			if err != nil {
				t.Errorf("%s %s: %v", c.descr, c.array, err)
			}
			continue
		}
		if e := (*npy.ElementError)(nil); !errors.As(err, &e) || e.Index != c.index || strings.Contains(e.Detail, "\n") {
			t.Errorf("%s %s: %v, want element %d refused", c.descr, c.array, err, c.index)
		}
	}
}

func TestTypesThatAreNotTaken(t *testing.T) {
	for _, descr := range []string{"", "f8", ">f8", "|O", "<U1"} {
		if _, err := npy.AppendJSON(nil, descr, nil, 0); kind(err) != "unsupported" {
			t.Errorf("AppendJSON of %q: %v", descr, err)
		}
		if _, err := npy.AppendElements(nil, descr, []byte("[]")); kind(err) != "unsupported" {
			t.Errorf("AppendElements of %q: %v", descr, err)
		}
		if _, err := (npy.Header{Descr: descr}).Append(nil); kind(err) != "unsupported" {
			t.Errorf("Append of %q: %v", descr, err)
		}
	}
}

func TestRowMajor(t *testing.T) {
	for _, c := range []struct {
		h    npy.Header
		want bool
	}{
		{npy.Header{Shape: []int64{2, 3}}, true},
		{npy.Header{Shape: []int64{2, 3}, Fortran: true}, false},
		{npy.Header{Shape: []int64{1, 3, 1}, Fortran: true}, true},
		{npy.Header{Shape: []int64{2, 0, 3}, Fortran: true}, true},
		{npy.Header{Fortran: true}, true},
	} {
		if got := c.h.RowMajor(); got != c.want {
			t.Errorf("RowMajor of %+v is %t", c.h, got)
		}
	}
}
