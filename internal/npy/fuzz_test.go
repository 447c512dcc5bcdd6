package npy_test

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/npy"
)

// FuzzHeader checks what holds for every file: no panic, no more memory than a
// header may have, and a header that is accepted is one that can be written and
// reads back as itself.
func FuzzHeader(f *testing.F) {
	names, err := filepath.Glob("testdata/*.npy")
	if err != nil || len(names) == 0 {
		f.Fatalf("no golden files: %v", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(append(file(2, "", "")[:8], 0xff, 0xff, 0xff, 0x7f))
	f.Add(file(1, "{'descr': [('x', '|O')], 'fortran_order': False, 'shape': (4294967296, 4294967296)}", ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := npy.NewReader(bytes.NewReader(b))
		runtime.ReadMemStats(&after)
		// The text twice, as bytes and as a string, and something for the rest.
		if cost := after.TotalAlloc - before.TotalAlloc; cost > 2*npy.MaxHeader+32<<10 {
			t.Errorf("reading the header allocated %d bytes", cost)
		}
		if err != nil {
			if k := kind(err); k != "malformed" && k != "unsupported" || len(err.Error()) > 200 {
				t.Fatalf("%v is %q", err, k)
			}
			return
		}
		checkHeader(t, r.Header())
	})
}

func checkHeader(t *testing.T, h npy.Header) {
	t.Helper()
	size, ok := npy.ItemSize(h.Descr)
	if !ok || len(h.Shape) > npy.MaxRank {
		t.Fatalf("accepted %+v", h)
	}
	n := float64(size)
	for _, length := range h.Shape {
		if length < 0 {
			t.Fatalf("accepted %+v", h)
		}
		n *= float64(length)
	}
	if n > math.MaxInt64 || math.Abs(float64(h.Bytes())-n) > n/1e9 {
		t.Fatalf("%+v has %d bytes, not %g", h, h.Bytes(), n)
	}
	written, err := h.Append(nil)
	if err != nil || len(written) != npy.HeaderSize {
		t.Fatalf("%+v becomes %d bytes, %v", h, len(written), err)
	}
	again, err := npy.NewReader(bytes.NewReader(written))
	if err != nil {
		t.Fatalf("%q: %v", written, err)
	}
	if d := cmp.Diff(h, again.Header()); d != "" {
		t.Errorf("%q (-want +got):\n%s", written, d)
	}
}

// FuzzFile checks a whole file, elements included: they come in full or not as
// whole, the same for every size of the caller's room, and a file that is written
// of them reads back as it was.
func FuzzFile(f *testing.F) {
	for _, descr := range []string{"|u1", "|b1", "<i4", ">i4", "<f8", ">f8", "<i8", ">f4"} {
		for _, elements := range []string{"", "\x00\x01\x02\x03\x04\x05\x06\x07", "\xff\xf0\x00\x00\x00\x00\x00\x00\x7f\xf8\x00\x00\x00\x00\x00\x01+"} {
			f.Add(file(1, "{'descr': '"+descr+"', 'fortran_order': True, 'shape': (2,), }", elements), byte(3))
		}
	}
	f.Add(file(1, "{'descr': '>i8', 'fortran_order': False, 'shape': (), }", "\x00\x00\x00\x00\x00\x00\x00\x01"), byte(1))
	f.Add(file(1, "{'descr': '>i8', 'fortran_order': False, 'shape': (0,), }", ""), byte(1))
	f.Fuzz(func(t *testing.T, b []byte, room byte) {
		r, err := npy.NewReader(bytes.NewReader(b))
		if err != nil {
			return // FuzzHeader's
		}
		want := r.Header().Bytes()
		all, err := io.ReadAll(r)
		if int64(len(all)) > want || int64(len(all)) < want && err == nil {
			t.Fatalf("%d bytes of %d come, %v", len(all), want, err)
		}
		if err != nil && kind(err) != "length" {
			t.Fatalf("%v is %q", err, kind(err))
		}
		again, err2 := npy.NewReader(iotest.OneByteReader(bytes.NewReader(b)))
		if err2 != nil {
			t.Fatal(err2)
		}
		var slow bytes.Buffer
		_, err2 = io.CopyBuffer(struct{ io.Writer }{&slow}, struct{ io.Reader }{again}, make([]byte, int(room)+1))
		if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(all, slow.Bytes()) {
			t.Fatalf("%x, %v becomes %x, %v with room for %d", all, err, slow.Bytes(), err2, int(room)+1)
		}
		if err != nil {
			return
		}
		written, err := r.Header().Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := npy.NewReader(bytes.NewReader(append(written, all...)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(back); err != nil || !bytes.Equal(got, all) {
			t.Errorf("%x comes back as %x, %v", all, got, err)
		}
	})
}
