package npy_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/npy"
	"toolpit/internal/npy/numpytest"
	"toolpit/internal/slicing"
)

// update lets NumPy rewrite the golden files.
var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// python runs a program and returns what it prints.
func python(t testing.TB, path string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", path, err, stderr.Bytes())
	}
	return out
}

// read returns what a file says, and its elements in row-major order.
func read(t testing.TB, b []byte) (npy.Header, []byte) {
	t.Helper()
	r, err := npy.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	elements, err := drain(r, 5)
	if err != nil {
		t.Fatal(err)
	}
	h := r.Header()
	size, _ := npy.ItemSize(h.Descr)
	return h, slicing.Gather(nil, elements, slicing.Whole(h.Shape).Ranges(size, h.Fortran))
}

// TestGolden reads what NumPy wrote, once. Elements that NumPy has little-endian
// and in version 1.0 are written again, byte for byte.
func TestGolden(t *testing.T) {
	if *update {
		python(t, numpytest.Python(t), "testdata/golden.py", "testdata")
	}
	type golden struct {
		shape []int64
		json  string
	}
	table := map[string]golden{
		"<f8": {[]int64{2, 3}, "0.1,-0,1.7976931348623157e+308,5e-324,3,-2.5"},
		"<f4": {[]int64{2, 3}, "0.1,-0,3.4028235e+38,1e-45,3,-2.5"},
		"<i8": {[]int64{2, 3}, "-9223372036854775808,9223372036854775807,0,-1,2,9007199254740993"},
		"<i4": {[]int64{2, 3}, "-2147483648,2147483647,0,-1,2,3"},
		"|u1": {[]int64{2, 3}, "0,255,1,2,3,128"},
		"|b1": {[]int64{2, 3}, "true,false,false,true,true,true"},

		"scalar": {[]int64{}, "7"},
		"empty":  {[]int64{3, 0, 2}, ""},
		"vector": {[]int64{5}, "0,1,2,3,4"},
		"rank8":  {[]int64{1, 2, 1, 1, 2, 1, 1, 1}, "0,1,2,3"},
	}
	names, err := filepath.Glob("testdata/*.npy")
	if err != nil || len(names) != 48 {
		t.Fatalf("there are %d golden files, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".npy"), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			h, elements := read(t, b)
			want, ok := table[strings.TrimSuffix(filepath.Base(name), ".npy")]
			if !ok {
				want = table[h.Descr]
				if kind := h.Descr[1:]; !strings.HasPrefix(filepath.Base(name), kind) {
					t.Errorf("the type is %s", h.Descr)
				}
			}
			text, err := npy.AppendJSON(nil, h.Descr, elements, 0)
			if err != nil || string(text) != want.json {
				t.Errorf("the elements are %s, %v, want %s", text, err, want.json)
			}
			if d := cmp.Diff(want.shape, h.Shape); d != "" {
				t.Errorf("shape (-want +got):\n%s", d)
			}
			if strings.Contains(name, "-C-") == h.Fortran && len(h.Shape) == 2 {
				t.Errorf("fortran is %t", h.Fortran)
			}
			if strings.Contains(name, "-v2") || strings.Contains(name, "-v3") || strings.Contains(name, "-big") {
				return
			}
			written, err := h.Append(nil)
			if err != nil || !bytes.Equal(written, b[:len(b)-int(h.Bytes())]) {
				t.Errorf("the header is written as\n%q, %v, and NumPy wrote\n%q", written, err, b)
			}
		})
	}
}

// TestNumPyReadsOurs writes arrays of all types, orders and odd shapes.
func TestNumPyReadsOurs(t *testing.T) {
	path, dir := numpytest.Python(t), t.TempDir()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	type array struct {
		Descr   string
		Shape   []int64
		Fortran bool
		Bytes   []byte // in row-major order
	}
	want := map[string]array{}
	for _, descr := range []string{"<f8", "<f4", "<i8", "<i4", "|u1", "|b1"} {
		for i, shape := range [][]int64{{}, {0}, {7}, {2, 3}, {3, 1, 2}, {4, 0, 2}, {1, 2, 3, 1, 2, 1, 2, 2}} {
			for _, fortran := range []bool{false, true} {
				h := npy.Header{Descr: descr, Shape: shape, Fortran: fortran}
				elements := make([]byte, h.Bytes())
				for j := range elements {
					elements[j] = byte(random.Uint64()) // NaNs included: bytes are bytes
					if descr == "|b1" {
						elements[j] &= 1
					}
				}
				b, err := h.Append(nil)
				if err != nil {
					t.Fatal(err)
				}
				name := fmt.Sprintf("%s-%d-%t", descr[1:], i, fortran)
				if err := os.WriteFile(filepath.Join(dir, name+".npy"), append(b, elements...), 0o600); err != nil {
					t.Fatal(err)
				}
				size, _ := npy.ItemSize(descr)
				// One axis is the same in both orders, and NumPy then says C.
				want[name] = array{descr, shape, !h.RowMajor(), slicing.Gather([]byte{}, elements, slicing.Whole(shape).Ranges(size, fortran))}
			}
		}
	}
	out := python(t, path, "-c", `
import base64, glob, json, os, sys
import numpy as np
arrays = {}
for path in glob.glob(os.path.join(sys.argv[1], "*.npy")):
    a = np.load(path, allow_pickle=False)
    arrays[os.path.basename(path)[:-4]] = {
        "Descr": a.dtype.str, "Shape": a.shape, "Fortran": not a.flags.c_contiguous,
        "Bytes": base64.b64encode(a.tobytes("C")).decode(),
    }
json.dump(arrays, sys.stdout)
`, dir)
	got := map[string]array{}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("NumPy read (-want +got):\n%s", d)
	}
}

// TestHeadersAreNumPys writes headers of all lengths as NumPy does, to the byte.
// The longest have eight axes and as many digits as an int64 has room for.
func TestHeadersAreNumPys(t *testing.T) {
	path := numpytest.Python(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var headers []npy.Header
	var ours [][]byte
	for range 500 {
		h := npy.Header{Descr: descrs()[random.IntN(6)], Shape: []int64{}, Fortran: random.IntN(2) == 0}
		rank, digits := random.IntN(npy.MaxRank+1), 18
		for len(h.Shape) < rank {
			n := random.IntN(digits + 1)
			digits -= n
			h.Shape = append(h.Shape, int64(math.Pow10(n))) // one digit more than n
		}
		b, err := h.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		headers, ours = append(headers, h), append(ours, b)
	}
	text, err := json.Marshal(headers)
	if err != nil {
		t.Fatal(err)
	}
	out := python(t, path, "-c", `
import base64, io, json, sys
from numpy.lib import format as npy
theirs = []
for h in json.loads(sys.argv[1]):
    f = io.BytesIO()
    npy.write_array_header_1_0(f, {"descr": h["Descr"], "fortran_order": h["Fortran"], "shape": tuple(h["Shape"])})
    theirs.append(base64.b64encode(f.getvalue()).decode())
json.dump(theirs, sys.stdout)
`, string(text))
	var theirs [][]byte
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatal(err)
	}
	for i, h := range headers {
		if !bytes.Equal(ours[i], theirs[i]) {
			t.Fatalf("%+v is\n%q, and NumPy writes\n%q", h, ours[i], theirs[i])
		}
	}
}

// TestWeReadNumPys lets NumPy write arrays of random content in all ways it
// has, and some that are refused.
func TestWeReadNumPys(t *testing.T) {
	path, dir := numpytest.Python(t), t.TempDir()
	seed := rand.Uint32()
	t.Logf("seed %d", seed)
	out := python(t, path, "-c", `
import base64, json, os, sys
import numpy as np
from numpy.lib import format as npy
out, seed = sys.argv[1], int(sys.argv[2])
random = np.random.RandomState(seed)
arrays = {}
for kind in "f8", "f4", "i8", "i4", "u1", "b1":
    for i, shape in enumerate([(), (0,), (7,), (3, 5), (2, 1, 4), (1, 2, 3, 1, 2, 1, 2, 2)]):
        for order in "CF":
            for ends in "<>":
                for version in (1, 0), (2, 0), (3, 0):
                    size = int(np.prod(shape)) * np.dtype(kind).itemsize
                    data = random.randint(0, 2 if kind == "b1" else 256, size).astype("u1").tobytes()
                    little = np.frombuffer(data, dtype="<" + kind).reshape(shape)
                    a = little.astype(ends + kind, order=order)
                    name = f"{kind}-{i}-{order}-{'be' if ends == '>' else 'le'}-{version[0]}"
                    with open(os.path.join(out, name), "wb") as f:
                        npy.write_array(f, a, version=version, allow_pickle=False)
                    arrays[name] = {"Descr": little.dtype.str, "Shape": shape, "Bytes": base64.b64encode(data).decode()}
for name, a in {
    "object": np.array([1, "a"], dtype=object), "unicode": np.array(["a", "bc"]), "bytes": np.array([b"a"]),
    "structured": np.zeros(2, dtype=[("x", "f8"), ("y", "i4")]), "f2": np.zeros(2, dtype="f2"),
    "u8": np.zeros(2, dtype="u8"), "complex": np.zeros(2, dtype="c16"), "time": np.zeros(2, dtype="M8[s]"),
    "rank9": np.zeros((1,) * 9),
}.items():
    np.save(os.path.join(out, "refused-" + name), a, allow_pickle=True)
json.dump(arrays, sys.stdout)
`, dir, fmt.Sprint(seed))
	type array struct {
		Descr string
		Shape []int64
		Bytes []byte
	}
	want, got := map[string]array{}, map[string]array{}
	if err := json.Unmarshal(out, &want); err != nil || len(want) == 0 {
		t.Fatal(err, len(want))
	}
	for name := range want {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		h, elements := read(t, b)
		got[name] = array{h.Descr, h.Shape, append([]byte{}, elements...)}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("we read (-want +got):\n%s", d)
	}
	refused, err := filepath.Glob(filepath.Join(dir, "refused-*"))
	if err != nil || len(refused) != 9 {
		t.Fatal(err, refused)
	}
	for _, name := range refused {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := npy.NewReader(bytes.NewReader(b)); kind(err) != "unsupported" {
			t.Errorf("%s: %v", filepath.Base(name), err)
		} else {
			t.Logf("%s: %v", filepath.Base(name), err)
		}
	}
}
