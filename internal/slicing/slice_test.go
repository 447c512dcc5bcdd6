package slicing_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/slicing"
)

func TestSlices(t *testing.T) {
	for _, c := range []struct {
		text  string
		of    []int64
		shape []int64 // of the part
		first int64   // its first element, of one byte each; -1: there is none
	}{
		{"0:10,:", []int64{20, 3}, []int64{10, 3}, 0},
		{"2:4", []int64{20, 3}, []int64{2, 3}, 6},
		{":,1:", []int64{20, 3}, []int64{20, 2}, 1},
		{"5", []int64{20, 3}, []int64{3}, 15},
		{"5,2", []int64{20, 3}, []int64{}, 17},
		{":,2", []int64{20, 3}, []int64{20}, 2},
		{"-1", []int64{20, 3}, []int64{3}, 57},
		{"-20", []int64{20, 3}, []int64{3}, 0},
		{"-3:", []int64{20}, []int64{3}, 17},
		{":-3", []int64{20}, []int64{17}, 0},
		{"-3:-1", []int64{20}, []int64{2}, 17},
		{"20:", []int64{20}, []int64{0}, -1},
		{"7:7", []int64{20}, []int64{0}, -1},
		{":", []int64{0, 3}, []int64{0, 3}, -1},
		{"1", []int64{2, 0}, []int64{0}, -1},
		{"0:00010", []int64{20}, []int64{10}, 0},
		{"0,0,0,0,0,0,0,1", []int64{2, 2, 2, 2, 2, 2, 2, 2}, []int64{}, 1},
	} {
		s, err := slicing.Parse(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		box, err := s.Within(c.of)
		if err != nil {
			t.Errorf("%q of %v: %v", c.text, c.of, err)
			continue
		}
		if d := cmp.Diff(c.shape, box.Shape); d != "" {
			t.Errorf("%q of %v (-want +got):\n%s", c.text, c.of, d)
		}
		first := int64(-1)
		for r := range box.Ranges(1, false) {
			first = r.Offset
			break
		}
		if first != c.first {
			t.Errorf("%q of %v begins at %d, want %d", c.text, c.of, first, c.first)
		}
	}
}

func TestSlicesOutOfRange(t *testing.T) {
	for _, c := range []struct {
		text   string
		of     []int64
		axis   int
		detail string
	}{
		{"20", []int64{20}, 0, "has the length 20, and 20 is outside"},
		{"-21", []int64{20}, 0, "has the length 20, and -21 is outside"},
		{"0", []int64{0}, 0, "has the length 0, and 0 is outside"},
		{"-1", []int64{0}, 0, "has the length 0, and -1 is outside"},
		{"0:21", []int64{20}, 0, "has the length 20, and 21 is outside"},
		{"21:", []int64{20}, 0, "has the length 20, and 21 is outside"},
		{"-21:", []int64{20}, 0, "has the length 20, and -21 is outside"},
		{":-21", []int64{20}, 0, "has the length 20, and -21 is outside"},
		{"5:4", []int64{20}, 0, "ends at 4, before it begins at 5"},
		{"-1:0", []int64{20}, 0, "ends at 0, before it begins at 19"},
		{":,3", []int64{20, 3}, 1, "has the length 3, and 3 is outside"},
		{":,:,:", []int64{20, 3}, 2, "does not exist; the array has 2"},
		{"0", []int64{}, 0, "does not exist; the array has 0"},
		{"9223372036854775807", []int64{20}, 0, "has the length 20, and 9223372036854775807 is outside"},
		{"-9223372036854775808", []int64{20}, 0, "has the length 20, and -9223372036854775808 is outside"},
		{"-9223372036854775808:9223372036854775807", []int64{20}, 0, "has the length 20, and -9223372036854775808 is outside"},
	} {
		s, err := slicing.Parse(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		_, err = s.Within(c.of)
		if e := (*slicing.RangeError)(nil); !errors.As(err, &e) || e.Axis != c.axis || e.Detail != c.detail {
			t.Errorf("%q of %v: %v, want axis %d that %s", c.text, c.of, err, c.axis, c.detail)
		}
	}
}

func TestTextsThatAreNoSlices(t *testing.T) {
	for text, axis := range map[string]int{
		"":                      0,
		",":                     0,
		":,":                    1,
		"0:10,":                 1,
		"0:10:2":                0,
		"::":                    0,
		":,::2":                 1,
		"...":                   0,
		" 1":                    0,
		"1 :2":                  0,
		"+1":                    0,
		"1:+2":                  0,
		"-":                     0,
		"--1":                   0,
		"0x10":                  0,
		"1_0":                   0,
		"1.0":                   0,
		"1e3":                   0,
		"٣":                     0,
		"a:b":                   0,
		"1:b":                   0,
		"9223372036854775808":   0,
		":-9223372036854775809": 0,
		":,:,:,:,:,:,:,:,:":     8,
	} {
		_, err := slicing.Parse(text)
		if e := (*slicing.SyntaxError)(nil); !errors.As(err, &e) || e.Axis != axis {
			t.Errorf("%q: %v, want axis %d refused", text, err, axis)
		} else {
			t.Log(err)
		}
	}
}

// FuzzSlice checks what holds for every text: no panic, and a part that lies
// within its array.
func FuzzSlice(f *testing.F) {
	for _, seed := range []string{"0:10,:", "-1", ":", "3:", ":-2,1", "0,1,2,3,4,5,6,7", "1:2:3", "9223372036854775807:", "-9223372036854775808"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := slicing.Parse(text)
		if err != nil {
			if e := (*slicing.SyntaxError)(nil); !errors.As(err, &e) || e.Axis < 0 || e.Axis > slicing.MaxAxes {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		for _, shape := range [][]int64{{}, {7}, {3, 4}, {2, 0, 3}, {1, 2, 1, 2, 1, 2, 1, 2}, {1 << 50}} {
			box, err := s.Within(shape)
			if err != nil {
				if e := (*slicing.RangeError)(nil); !errors.As(err, &e) || e.Axis < 0 || e.Axis > len(shape) {
					t.Fatalf("%q of %v: %v", text, shape, err)
				}
				continue
			}
			size := int64(8)
			for _, n := range shape {
				size *= n
			}
			for _, fortran := range []bool{false, true} {
				got := int64(0)
				for r := range box.Ranges(8, fortran) {
					if r.Offset < 0 || r.Length <= 0 || r.Offset+r.Length > size {
						t.Fatalf("%q of %v has the range %+v", text, shape, r)
					}
					got += r.Length
				}
				if want := 8 * box.Elements(); got != want {
					t.Fatalf("%q of %v has %d bytes, want %d", text, shape, got, want)
				}
			}
		}
	})
}
