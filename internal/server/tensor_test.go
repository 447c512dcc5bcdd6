package server_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/npy"
	"toolpit/internal/slicing"
)

const octets = "application/octet-stream"

// sample is a tensor as a test knows it.
type sample struct {
	dtype   string
	descr   string
	shape   []int64
	order   string
	content []byte
}

func (s sample) shapeText() string {
	var entries []string
	for _, n := range s.shape {
		entries = append(entries, strconv.FormatInt(n, 10))
	}
	return strings.Join(entries, ",")
}

func (s sample) digest() string {
	sum := sha256.Sum256(s.content)
	return hex.EncodeToString(sum[:])
}

func (s sample) header() npy.Header {
	return npy.Header{Descr: s.descr, Shape: s.shape, Fortran: s.order == "F"}
}

// file is the tensor as np.save writes it.
func (s sample) file(t testing.TB) []byte {
	t.Helper()
	head, err := s.header().Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return append(head, s.content...)
}

// rowMajor are the elements in row-major order.
func (s sample) rowMajor() []byte {
	size, _ := npy.ItemSize(s.descr)
	return slicing.Gather([]byte{}, s.content, slicing.Whole(s.shape).Ranges(size, s.order == "F"))
}

// json is the tensor as GET gives it.
func (s sample) json(t testing.TB) string {
	t.Helper()
	elements, err := npy.AppendJSON(nil, s.descr, s.rowMajor(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"dtype":%q,"shape":[%s],"data":[%s]}`+"\n", s.dtype, s.shapeText(), elements)
}

// samples are tensors of every type, order and rank. The floats are not all
// finite.
func samples() []sample {
	f64 := []float64{0, -1.5, math.Pi, math.NaN(), math.Inf(1), math.Inf(-1)}
	f32 := []float32{0, -1.5, 0.1, float32(math.NaN()), float32(math.Inf(1)), 1e-45}
	i64 := []int64{0, -1, math.MaxInt64, math.MinInt64, 1 << 53, 7}
	i32 := []int32{0, -1, math.MaxInt32, math.MinInt32, 1 << 20, 7}
	u8 := []byte{0, 1, 127, 128, 255, 7}
	b8 := []byte{0, 1, 1, 0, 0, 1}
	var all []sample
	for _, one := range []struct {
		dtype, descr string
		elements     any
	}{
		{"f64", "<f8", f64}, {"f32", "<f4", f32}, {"i64", "<i8", i64}, {"i32", "<i4", i32}, {"u8", "|u1", u8}, {"bool", "|b1", b8},
	} {
		content, err := binary.Append(nil, binary.LittleEndian, one.elements)
		if err != nil {
			panic(err)
		}
		for _, order := range []string{"C", "F"} {
			for _, shape := range [][]int64{{6}, {2, 3}, {3, 1, 2}, {1, 1, 1, 1, 1, 1, 2, 3}} {
				all = append(all, sample{one.dtype, one.descr, shape, order, content})
			}
			size := len(content) / 6
			all = append(all, sample{one.dtype, one.descr, []int64{}, order, content[size : 2*size]})
			all = append(all, sample{one.dtype, one.descr, []int64{2, 0, 3}, order, nil})
		}
	}
	return all
}

// putRaw sends a body that is not JSON.
func (r *running) putRaw(path string, body []byte, header ...string) *answer {
	r.t.Helper()
	return r.send(r.rawRequest(path, bytes.NewReader(body), header...))
}

// rawRequest is a PUT. Unlike in request, a header may be empty.
func (r *running) rawRequest(path string, body io.Reader, header ...string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPut, r.url+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

// octetHeader is what an octet stream of the tensor says of itself.
func (s sample) octetHeader() []string {
	return []string{"Content-Type", octets, "X-Tensor-Dtype", s.dtype, "X-Tensor-Shape", s.shapeText(), "X-Tensor-Order", s.order}
}

// TestTensorsComeBack brings every tensor in every form, and takes it in every
// form.
func TestTensorsComeBack(t *testing.T) {
	r := start(t)
	r.session("s")
	n := 0
	for _, s := range samples() {
		bodies := map[string]func(path string) *answer{
			"octets": func(path string) *answer { return r.putRaw(path, s.content, s.octetHeader()...) },
			"npy":    func(path string) *answer { return r.putRaw(path, s.file(t), "Content-Type", "application/x-npy") },
		}
		if s.order == "C" {
			bodies["json"] = func(path string) *answer { return r.call("PUT", path, s.json(t)) }
		}
		for form, put := range bodies {
			want := s
			if form == "json" && strings.Contains(s.json(t), "NaN") { // of which there is but one in JSON
				want.content = canonicalNaN(t, s)
			}
			n++
			path := fmt.Sprintf("/sessions/s/tensors/x%d", n)
			name := fmt.Sprintf("%s %v %s as %s", s.dtype, s.shape, s.order, form)
			a := put(path).wants(http.StatusCreated)
			if got := a.header.Get("Location"); got != path {
				t.Errorf("%s: Location is %q", name, got)
			}
			if got := a.header.Get("ETag"); got != `"`+want.digest()+`"` {
				t.Errorf("%s: ETag is %s", name, got)
			}
			if got, want := a.raw("tensor"), fmt.Sprintf(`{"dtype":%q,"shape":[%s],"order":%q,"bytes":%d,"digest":%q,"href":%q}`,
				s.dtype, s.shapeText(), s.order, len(s.content), want.digest(), path); got != want {
				t.Errorf("%s: tensor is %s, want %s", name, got, want)
			}
			if a.raw("version") != "1" || a.text("encoding") != "blob" || a.text("type") != "tensor" || a.text("updated_by") != "http" {
				t.Errorf("%s: %s", name, a.body)
			}
			r.comesBack(name, path, want)
		}
	}
}

// canonicalNaN is what JSON brings of a tensor.
func canonicalNaN(t testing.TB, s sample) []byte {
	t.Helper()
	b, err := npy.AppendElements(nil, s.descr, []byte(strings.SplitN(strings.TrimSuffix(s.json(t), "}\n"), `"data":`, 2)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// comesBack takes a tensor in every form.
func (r *running) comesBack(name, path string, s sample) {
	r.t.Helper()
	sum := sha256.Sum256(s.content)
	for accept, want := range map[string]string{"": string(s.content), octets: string(s.content), "application/x-npy": string(s.file(r.t)), "application/json": s.json(r.t)} {
		a := r.call("GET", path, "", "Accept", accept).wants(http.StatusOK)
		if d := cmp.Diff(want, string(a.body)); d != "" {
			r.t.Errorf("%s: accepting %q (-want +got):\n%s", name, accept, d)
		}
		if accept == "" || accept == octets {
			for header, want := range map[string]string{
				"X-Tensor-Dtype": s.dtype, "X-Tensor-Shape": s.shapeText(), "X-Tensor-Order": s.order, "Content-Type": octets,
				"ETag": `"` + s.digest() + `"`, "Content-Digest": "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":",
				"Vary": "Accept", "Accept-Ranges": "bytes", "Content-Length": strconv.Itoa(len(s.content)),
			} {
				if got := a.header.Get(header); got != want {
					r.t.Errorf("%s: %s is %q, want %q", name, header, got, want)
				}
			}
		}
		head := r.call("HEAD", path, "", "Accept", accept).wants(http.StatusOK)
		for header := range a.header {
			switch header {
			case "Date", "X-Request-Id", "Server-Timing", "Transfer-Encoding", "Content-Length":
				if header != "Content-Length" || accept == "application/json" { // which is only known when it has been written
					continue
				}
			}
			if d := cmp.Diff(a.header[header], head.header[header]); d != "" {
				r.t.Errorf("%s: HEAD accepting %q: %s (-GET +HEAD):\n%s", name, accept, header, d)
			}
		}
		again := r.call("GET", path, "", "Accept", accept, "If-None-Match", a.header.Get("ETag")).wants(http.StatusNotModified)
		if again.header.Get("ETag") != a.header.Get("ETag") || len(again.body) != 0 {
			r.t.Errorf("%s: 304 has the ETag %s", name, again.header.Get("ETag"))
		}
	}
}

// put brings a tensor of bytes.
func (r *running) putBytes(path string, content []byte) *answer {
	r.t.Helper()
	s := sample{dtype: "u8", shape: []int64{int64(len(content))}, order: "C"}
	return r.putRaw(path, content, s.octetHeader()...)
}

func numbers(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>10 + i>>19)
	}
	return b
}

// TestLargeTensors have several chunks.
func TestLargeTensors(t *testing.T) {
	r := start(t)
	r.session("s")
	for _, n := range []int{1<<20 - 1, 1 << 20, 1<<20 + 1, 3<<20 + 11} {
		content := numbers(n)
		r.putBytes("/sessions/s/tensors/x", content)
		if a := r.call("GET", "/sessions/s/tensors/x", "").wants(http.StatusOK); !bytes.Equal(a.body, content) {
			t.Errorf("%d bytes come back as %d others", n, len(a.body))
		}
		if a := r.call("GET", "/sessions/s/tensors/x", "", "Accept", "application/json").wants(http.StatusOK); !bytes.HasPrefix(a.body, []byte(`{"dtype":"u8","shape":[`)) || bytes.Count(a.body, []byte(",")) != n+1 {
			t.Errorf("%d bytes as JSON are %d bytes", n, len(a.body))
		}
	}
	// Without Content-Length.
	content := numbers(2<<20 + 5)
	s := sample{dtype: "u8", shape: []int64{int64(len(content))}, order: "C", descr: "|u1", content: content}
	r.send(r.rawRequest("/sessions/s/tensors/y", struct{ io.Reader }{bytes.NewReader(content)}, s.octetHeader()...)).wants(http.StatusCreated)
	r.send(r.rawRequest("/sessions/s/tensors/z", struct{ io.Reader }{bytes.NewReader(s.file(t))}, "Content-Type", "application/x-npy")).wants(http.StatusCreated)
	for _, name := range []string{"y", "z"} {
		if a := r.call("GET", "/sessions/s/tensors/"+name, ""); !bytes.Equal(a.body, content) {
			t.Errorf("%s: %d bytes come back as %d others", name, len(content), len(a.body))
		}
	}
}

func TestRangesOfTensors(t *testing.T) {
	r := start(t)
	r.session("s")
	content := numbers(2<<20 + 100)
	r.putBytes("/sessions/s/tensors/x", content).wants(http.StatusCreated)
	s := sample{dtype: "u8", descr: "|u1", shape: []int64{int64(len(content))}, order: "C", content: content}
	for accept, whole := range map[string][]byte{octets: content, "application/x-npy": s.file(t)} {
		size := len(whole)
		etag := r.call("HEAD", "/sessions/s/tensors/x", "", "Accept", accept).header.Get("ETag")
		for text, want := range map[string][2]int{
			"bytes=0-0": {0, 1}, "bytes=100-199": {100, 200}, "bytes=120-": {120, size}, "bytes=-7": {size - 7, size},
			"bytes=1048570-1048580": {1048570, 1048581}, "bytes=5-99999999999999999999": {5, size}, "Bytes=0-3": {0, 4},
			fmt.Sprintf("bytes=-%d", 2*size): {0, size}, "bytes=0-9223372036854775807": {0, size}, "bytes=127-128": {127, 129},
		} {
			a := r.call("GET", "/sessions/s/tensors/x", "", "Accept", accept, "Range", text).wants(http.StatusPartialContent)
			if !bytes.Equal(a.body, whole[want[0]:want[1]]) {
				t.Errorf("%s of %s: %d bytes, want %v", text, accept, len(a.body), want)
			}
			if got, want := a.header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/%d", want[0], want[1]-1, size); got != want {
				t.Errorf("%s: Content-Range is %q, want %q", text, got, want)
			}
			if a.header.Get("ETag") != etag || a.header.Get("Content-Digest") != "" {
				t.Errorf("%s: %v", text, a.header)
			}
			r.call("GET", "/sessions/s/tensors/x", "", "Accept", accept, "Range", text, "If-Range", etag).wants(http.StatusPartialContent)
		}
		for _, text := range []string{fmt.Sprintf("bytes=%d-", size), "bytes=-0", "bytes=a-b", "bytes=", "bytes", "bytes=0-1,5-6", "bytes=--1", "bytes=+1-2"} {
			a := r.call("GET", "/sessions/s/tensors/x", "", "Accept", accept, "Range", text).refused(http.StatusRequestedRangeNotSatisfiable, "RANGE_NOT_SATISFIABLE")
			if got := a.header.Get("Content-Range"); got != fmt.Sprintf("bytes */%d", size) {
				t.Errorf("%s: Content-Range is %q", text, got)
			}
		}
		for _, header := range [][]string{
			{"Range", "lines=0-1"}, {"Range", "bytes=5-1"}, {"Range", "bytes=5-4"}, {"Range", "bytes=0-1", "If-Range", `"other"`}, {"Range", "bytes=0-1", "If-Range", "Mon, 23 Nov 2026 09:00:00 GMT"},
		} {
			if a := r.call("GET", "/sessions/s/tensors/x", "", append(header, "Accept", accept)...).wants(http.StatusOK); !bytes.Equal(a.body, whole) {
				t.Errorf("%v: %d bytes", header, len(a.body))
			}
		}
		if a := r.call("HEAD", "/sessions/s/tensors/x", "", "Accept", accept, "Range", "bytes=0-1").wants(http.StatusOK); a.header.Get("Content-Length") != strconv.Itoa(size) {
			t.Errorf("HEAD with a range: %v", a.header)
		}
	}
	r.call("GET", "/sessions/s/tensors/x", "", "Accept", "application/json", "Range", "bytes=0-1").wants(http.StatusOK)
}

func TestSlicesOfTensors(t *testing.T) {
	r := start(t)
	r.session("s")
	const rows, columns = 700, 513 // several chunks of doubles
	c := sample{dtype: "f64", descr: "<f8", shape: []int64{rows, columns}, order: "C", content: make([]byte, rows*columns*8)}
	f := c
	f.order, f.content = "F", make([]byte, rows*columns*8)
	for i := range rows {
		for j := range columns {
			bits := math.Float64bits(float64(i*1000 + j))
			binary.LittleEndian.PutUint64(c.content[8*(i*columns+j):], bits)
			binary.LittleEndian.PutUint64(f.content[8*(j*rows+i):], bits)
		}
	}
	for _, s := range []sample{c, f} {
		r.putRaw("/sessions/s/tensors/"+s.order, s.content, s.octetHeader()...).wants(http.StatusCreated)
	}
	tags := map[string]string{}
	for text, shape := range map[string][]int64{
		"0:10,:": {10, columns}, "0:10": {10, columns}, "-1": {columns}, ":,3": {rows}, "5,7": {}, ":,5:9": {rows, 4}, "600:,500:": {100, 13},
		":": {rows, columns}, "3:3": {0, columns}, "255:257,1:": {2, columns - 1}, "0:700:": nil,
	} {
		if shape == nil {
			r.call("GET", "/sessions/s/tensors/C?slice="+text, "").refused(http.StatusBadRequest, "INVALID_REQUEST")
			continue
		}
		parsed, err := slicing.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		box, err := parsed.Within(c.shape)
		if err != nil {
			t.Fatal(err)
		}
		want := sample{dtype: "f64", descr: "<f8", shape: shape, order: "C"}
		want.content = slicing.Gather(nil, c.content, box.Ranges(8, false))
		for _, order := range []string{"C", "F"} {
			path := "/sessions/s/tensors/" + order + "?slice=" + text
			for accept, body := range map[string]string{octets: string(want.content), "application/x-npy": string(want.file(t)), "application/json": want.json(t)} {
				a := r.call("GET", path, "", "Accept", accept).wants(http.StatusOK)
				if string(a.body) != body {
					t.Errorf("%s of %s as %s: %d bytes, want %d", text, order, accept, len(a.body), len(body))
				}
				if a.header.Get("Content-Digest") != "" {
					t.Errorf("%s: there is a digest", text)
				}
				if accept == octets && (a.header.Get("X-Tensor-Shape") != want.shapeText() || a.header.Get("X-Tensor-Order") != "C") {
					t.Errorf("%s of %s: %v", text, order, a.header)
				}
				tag := a.header.Get("ETag")
				if other, taken := tags[tag]; taken && other != string(a.body) {
					t.Errorf("%s of %s as %s has the ETag of something else", text, order, accept)
				}
				tags[tag] = string(a.body)
				r.call("GET", path, "", "Accept", accept, "If-None-Match", tag).wants(http.StatusNotModified)
				if n := len(body); n > 200 && accept != "application/json" {
					part := r.call("GET", path, "", "Accept", accept, "Range", "bytes=100-199").wants(http.StatusPartialContent)
					if string(part.body) != body[100:200] {
						t.Errorf("%s of %s as %s: a range of %d bytes", text, order, accept, len(part.body))
					}
				}
			}
		}
	}
	for _, text := range []string{"700", "0:701", ":,513", ":,:,:", "5:4"} {
		r.call("GET", "/sessions/s/tensors/C?slice="+text, "").refused(http.StatusRequestedRangeNotSatisfiable, "RANGE_NOT_SATISFIABLE")
	}
	for _, text := range []string{"", "a", "0:1:2", ":,:,:,:,:,:,:,:,:", "0.5"} {
		r.call("GET", "/sessions/s/tensors/C?slice="+text, "").refused(http.StatusBadRequest, "INVALID_REQUEST")
	}
}

// TestEntityTagsTellArrangementsApart overwrites a tensor with the same bytes in
// another shape.
func TestEntityTagsTellArrangementsApart(t *testing.T) {
	r := start(t)
	r.session("s")
	seen := map[string][]string{}
	for _, shape := range [][]int64{{2, 3}, {3, 2}, {6}} {
		for _, order := range []string{"C", "F"} {
			s := sample{dtype: "u8", descr: "|u1", shape: shape, order: order, content: numbers(6)}
			r.putRaw("/sessions/s/tensors/x", s.content, s.octetHeader()...)
			for _, accept := range []string{"application/x-npy", "application/json"} {
				a := r.call("GET", "/sessions/s/tensors/x", "", "Accept", accept)
				tag := a.header.Get("ETag")
				if !slices.Contains(seen[tag], string(a.body)) {
					seen[tag] = append(seen[tag], string(a.body))
				}
				if len(seen[tag]) > 1 {
					t.Errorf("%v %s has the ETag %s of another body", shape, order, tag)
				}
			}
			a := r.call("GET", "/sessions/s/tensors/x", "", "If-None-Match", `"`+s.digest()+`"`).wants(http.StatusNotModified)
			if a.header.Get("X-Tensor-Shape") != s.shapeText() || a.header.Get("X-Tensor-Order") != order {
				t.Errorf("304 says %v", a.header)
			}
		}
	}
}

// TestTurning refuses what would need all of a large tensor in memory.
func TestTurning(t *testing.T) {
	r := start(t)
	r.session("s")
	const limit = 16 << 20
	s := sample{dtype: "u8", descr: "|u1", shape: []int64{2, limit/2 + 1}, order: "F", content: numbers(limit + 2)}
	r.putRaw("/sessions/s/tensors/x", s.content, s.octetHeader()...).wants(http.StatusCreated)
	r.call("GET", "/sessions/s/tensors/x?slice=0,0:3", "").refused(http.StatusUnprocessableEntity, "CONSTRAINT_VIOLATION")
	r.call("GET", "/sessions/s/tensors/x", "", "Accept", "application/json").refused(http.StatusUnprocessableEntity, "CONSTRAINT_VIOLATION")
	if a := r.call("GET", "/sessions/s/tensors/x", "").wants(http.StatusOK); !bytes.Equal(a.body, s.content) {
		t.Error("the bytes are not what they were")
	}
	s.shape, s.content = []int64{2, limit / 2}, s.content[:limit]
	r.putRaw("/sessions/s/tensors/x", s.content, s.octetHeader()...).wants(http.StatusOK)
	if a := r.call("GET", "/sessions/s/tensors/x?slice=1,0:3", "").wants(http.StatusOK); !bytes.Equal(a.body, []byte{s.content[1], s.content[3], s.content[5]}) {
		t.Errorf("the slice is %v", a.body)
	}
}
