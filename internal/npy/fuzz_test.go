package npy_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

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
