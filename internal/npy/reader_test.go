package npy_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/npy"
)

// file puts a header's text into a file of some version.
func file(major byte, text, elements string) []byte {
	b := append([]byte("\x93NUMPY"), major, 0)
	if major == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	}
	return append(append(b, text...), elements...)
}

// kind is what an error is, for whoever turns it into an answer.
func kind(err error) string {
	var (
		malformed   *npy.MalformedError
		unsupported *npy.UnsupportedError
		length      *npy.LengthError
		element     *npy.ElementError
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &malformed):
		return "malformed"
	case errors.As(err, &unsupported):
		return "unsupported"
	case errors.As(err, &length):
		return "length"
	case errors.As(err, &element):
		return "element"
	default:
		return "other"
	}
}

func TestHeadersAsPeopleWriteThem(t *testing.T) {
	want := npy.Header{Descr: "<f4", Shape: []int64{2, 3}, Fortran: true}
	for name, text := range map[string]string{
		"NumPy":           "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }     \n",
		"another order":   "{'shape': (2, 3), 'fortran_order': True, 'descr': '<f4'}",
		"no blanks":       "{'descr':'<f4','fortran_order':True,'shape':(2,3)}",
		"many blanks":     " \n{ 'descr' :\t'<f4' , 'fortran_order' : True , 'shape' : ( 2 , 3 , ) , }\r\n",
		"double quotes":   `{"descr": "<f4", "fortran_order": True, "shape": (2, 3)}`,
		"Python 2":        "{'descr': '<f4', 'fortran_order': True, 'shape': (2L, 3L), }",
		"the other bytes": "{'descr': '>f4', 'fortran_order': True, 'shape': (2, 3), }",
	} {
		for major := byte(1); major <= 3; major++ {
			r, err := npy.NewReader(bytes.NewReader(file(major, text, "")))
			if err != nil {
				t.Errorf("%s, version %d: %v", name, major, err)
				continue
			}
			if d := cmp.Diff(want, r.Header()); d != "" {
				t.Errorf("%s, version %d (-want +got):\n%s", name, major, d)
			}
		}
	}
}

func TestHeadersThatAreRefused(t *testing.T) {
	header := func(descr, order, shape string) string {
		return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }"
	}
	of := func(descr string) string { return header(descr, "False", "(3,)") }
	shaped := func(shape string) string { return header("'<f8'", "False", shape) }
	for text, want := range map[string]string{
		"":                                    "malformed",
		"{":                                   "malformed",
		"{}":                                  "malformed",
		"[]":                                  "malformed",
		"{'descr': '<f8', 'shape': ()}":       "malformed",
		of("'<f8'") + "x":                     "malformed",
		of("'<f8'") + "# why":                 "malformed",
		of("'<f8', 'descr': '<f8'"):           "malformed",
		of("'<f8', 'x': 1"):                   "malformed",
		"{'descr': '<f8":                      "malformed",
		of(`'<f8"`):                           "malformed",
		of(`'\x3cf8'`):                        "malformed",
		of("b'<f8'"):                          "malformed",
		of("None"):                            "malformed",
		header("'<f8'", "1", "()"):            "malformed",
		header("'<f8'", "true", "()"):         "malformed",
		header("'<f8'", "Truely", "()"):       "malformed",
		header("'<f8'", "True or 1", "()"):    "malformed",
		shaped("3"):                           "malformed",
		shaped("(3)"):                         "malformed",
		shaped("[3]"):                         "malformed",
		shaped("(3 L,)"):                      "malformed",
		shaped("(,)"):                         "malformed",
		shaped("(-1,)"):                       "malformed",
		shaped("(-1, -3)"):                    "malformed",
		shaped("(01,)"):                       "malformed",
		shaped("(1_0,)"):                      "malformed",
		shaped("(1.0,)"):                      "malformed",
		shaped("(1e3,)"):                      "malformed",
		shaped("(1, 2"):                       "malformed",
		shaped("(9223372036854775808,)"):      "malformed",
		shaped("(1152921504606846976,)"):      "malformed", // 2^60 elements of 8 bytes
		shaped("(4294967296, 4294967296)"):    "malformed",
		shaped("(4294967296, 0, 4294967296)"): "malformed", // NumPy cannot make it either
		shaped("(1,1,1,1,1,1,1,1,1)"):         "unsupported",
		of("'|O'"):                            "unsupported",
		of("'O'"):                             "unsupported",
		of("'<U5'"):                           "unsupported",
		of("'|S5'"):                           "unsupported",
		of("'|V8'"):                           "unsupported",
		of("'<f2'"):                           "unsupported",
		of("'>c16'"):                          "unsupported",
		of("'<u8'"):                           "unsupported",
		of("'|i1'"):                           "unsupported",
		of("'<M8[ns]'"):                       "unsupported",
		of("'f8'"):                            "unsupported",
		of("''"):                              "unsupported",
		of("'>'"):                             "unsupported",
		of("[('x', '<f8'), ('y', '<i4')]"):    "unsupported",
		of("('<f8', (2,))"):                   "unsupported",
	} {
		_, err := npy.NewReader(bytes.NewReader(file(1, text, "")))
		if got := kind(err); got != want {
			t.Errorf("%s: %v is %q, want %q", text, err, got, want)
		}
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	const text = "{'descr': '<f8', 'fortran_order': False, 'shape': (), }"
	whole := file(1, text, "")
	for n := range whole {
		if _, err := npy.NewReader(bytes.NewReader(whole[:n])); kind(err) != "malformed" {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	for name, b := range map[string][]byte{
		"version 0":         file(0, text, ""),
		"version 4":         file(4, text, ""),
		"version 1.1":       append([]byte("\x93NUMPY\x01\x01"), whole[8:]...),
		"a zip":             []byte("PK\x03\x04 and so on and on"),
		"more than claimed": append(file(2, "", "")[:8], 0xff, 0xff, 0xff, 0xff),
		"65537 bytes":       file(3, text+strings.Repeat(" ", npy.MaxHeader+1-len(text)), ""),
	} {
		if _, err := npy.NewReader(bytes.NewReader(b)); kind(err) != "malformed" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := npy.NewReader(bytes.NewReader(file(3, text+strings.Repeat(" ", npy.MaxHeader-len(text)), ""))); err != nil {
		t.Errorf("65536 bytes: %v", err)
	}
	broken := errors.New("the line is cut")
	if _, err := npy.NewReader(io.MultiReader(bytes.NewReader(whole[:9]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a source that fails: %v", err)
	}
}

// TestElementsAreTheWholeBody reads files that have as many bytes as they say,
// and others, through sources and callers of all habits.
func TestElementsAreTheWholeBody(t *testing.T) {
	values := []float64{1, math.Copysign(0, -1), math.Pi, math.Inf(1), 5e-324}
	var little, big []byte
	for _, v := range values {
		little = binary.LittleEndian.AppendUint64(little, math.Float64bits(v))
		big = binary.BigEndian.AppendUint64(big, math.Float64bits(v))
	}
	sources := map[string]func(io.Reader) io.Reader{
		"plain":            func(r io.Reader) io.Reader { return r },
		"byte by byte":     iotest.OneByteReader,
		"in halves":        iotest.HalfReader,
		"data with an end": iotest.DataErrReader,
	}
	for order, elements := range map[string][]byte{"<": little, ">": big} {
		text := "{'descr': '" + order + "f8', 'fortran_order': False, 'shape': (5,), }"
		for n := range len(elements) + 3 {
			body := append(bytes.Clone(elements), "xyz"...)[:n]
			for name, source := range sources {
				for _, room := range []int{1, 3, 8, 11, 64} {
					r, err := npy.NewReader(source(bytes.NewReader(file(1, text, string(body)))))
					if err != nil {
						t.Fatal(err)
					}
					got, err := drain(r, room)
					if n == len(elements) {
						if err != nil || !bytes.Equal(got, little) {
							t.Errorf("%s, %s, %d at a time: %x, %v, want %x", order, name, room, got, err, little)
						}
						continue
					}
					if e := (*npy.LengthError)(nil); !errors.As(err, &e) || e.Want != 40 || e.Got != int64(min(n, 41)) {
						t.Errorf("%s, %s, %d at a time: %d bytes of 40 read to %v", order, name, room, n, err)
					}
					if whole := little[:min(n, 40)/8*8]; !bytes.HasPrefix(got, whole) {
						t.Errorf("%s, %s, %d at a time: %d bytes of 40 gave %x, want %x", order, name, room, n, got, whole)
					}
				}
			}
		}
	}
}

// drain reads to the end, so many bytes at a time. What a Reader has refused it
// refuses again.
func drain(r *npy.Reader, room int) (got []byte, err error) {
	p := make([]byte, room)
	for {
		n, err := r.Read(p)
		got = append(got, p[:n]...)
		if err == nil {
			continue
		}
		if _, again := r.Read(p); !errors.Is(err, again) && kind(err) != kind(again) {
			return got, again
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return got, err
	}
}

func TestASourceThatFails(t *testing.T) {
	broken := errors.New("the line is cut")
	for _, order := range []string{"<", ">"} {
		text := "{'descr': '" + order + "i4', 'fortran_order': False, 'shape': (2,), }"
		for n := range 9 {
			r, err := npy.NewReader(io.MultiReader(bytes.NewReader(file(2, text, "12345678"[:n])), iotest.ErrReader(broken)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(r); !errors.Is(err, broken) {
				t.Errorf("%s after %d bytes: %v", order, n, err)
			}
		}
	}
}
