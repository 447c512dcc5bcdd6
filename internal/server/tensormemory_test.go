package server_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"toolpit/internal/server"
)

// pattern makes so many bytes up as they are read.
type pattern struct{ at, size int64 }

func (p *pattern) Read(b []byte) (int, error) {
	if p.at == p.size {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), p.size-p.at)]
	for i := range b {
		b[i] = byte((p.at + int64(i)) >> 10)
	}
	p.at += int64(len(b))
	return len(b), nil
}

// weighing measures the live heap each time another four megabytes have passed,
// from the goroutine that they pass, which keeps all others waiting.
type weighing struct {
	before, peak int64
	passed, next int64
}

func newWeighing() *weighing {
	w := &weighing{}
	w.before = w.live()
	return w
}

func (w *weighing) live() int64 {
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	return int64(now.HeapAlloc)
}

func (w *weighing) pass(n int) {
	if w.passed += int64(n); w.passed >= w.next {
		w.next = w.passed + 4<<20
		w.peak = max(w.peak, w.live()-w.before)
	}
}

// weighed is a body on a scale.
type weighed struct {
	io.Reader

	scale *weighing
}

func (w weighed) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.scale.pass(n)
	return n, err
}

// expecting is a ResponseWriter on a scale that compares a body with a pattern,
// or takes any.
type expecting struct {
	header http.Header
	status int
	scale  *weighing
	want   *pattern // nil: any
	wrong  bool
	buffer [4096]byte
}

func (e *expecting) Header() http.Header    { return e.header }
func (e *expecting) WriteHeader(status int) { e.status = status }
func (e *expecting) Write(p []byte) (int, error) {
	e.scale.pass(len(p))
	for rest := p; e.want != nil && len(rest) > 0; {
		part := e.buffer[:min(len(rest), len(e.buffer))]
		if _, err := io.ReadFull(e.want, part); err != nil || !bytes.Equal(rest[:len(part)], part) {
			e.wrong = true
		}
		rest = rest[len(part):]
	}
	return len(p), nil
}

// TestTensorMemory brings and takes 64 MiB, during which the heap must not grow
// by an eighth of that.
func TestTensorMemory(t *testing.T) {
	const size, most = 64 << 20, 8 << 20
	r := start(t, with(func(c *server.Config) { c.Log = slog.New(slog.DiscardHandler) }))
	r.session("s")
	s := sample{dtype: "f64", descr: "<f8", shape: []int64{size / 8}, order: "C"}
	head, err := s.header().Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, form string
		body         io.Reader
		length       int64
		want         *pattern
	}{
		{http.MethodPut, octets, &pattern{size: size}, size, nil},
		{http.MethodPut, "application/x-npy", io.MultiReader(bytes.NewReader(head), &pattern{size: size}), -1, nil},
		{http.MethodGet, octets, http.NoBody, 0, &pattern{size: size}},
		{http.MethodGet, "application/json", http.NoBody, 0, nil},
	} {
		scale := newWeighing()
		req := httptest.NewRequest(c.method, "/sessions/s/tensors/x", weighed{c.body, scale})
		req.ContentLength = c.length
		if c.method == http.MethodPut {
			req.Header.Set("Content-Type", c.form)
		} else {
			req.Header.Set("Accept", c.form)
		}
		if c.method == http.MethodPut && c.form == octets {
			req.Header.Set("X-Tensor-Dtype", s.dtype)
			req.Header.Set("X-Tensor-Shape", s.shapeText())
		}
		w := &expecting{header: http.Header{}, scale: scale, want: c.want}
		r.handler.ServeHTTP(w, req)
		t.Logf("%s as %s: the heap grew by %d bytes while %d passed", c.method, c.form, scale.peak, scale.passed)
		if w.status >= 300 || w.wrong || c.want != nil && c.want.at != size || scale.passed < size {
			t.Errorf("%s as %s: status %d, wrong: %t", c.method, c.form, w.status, w.wrong)
		}
		if scale.peak > most {
			t.Errorf("%s as %s takes too much memory", c.method, c.form)
		}
	}
}

// TestHeaderBombs claim much and send little.
func TestHeaderBombs(t *testing.T) {
	r := start(t, with(func(c *server.Config) { c.Log = slog.New(slog.DiscardHandler) }))
	r.session("s")
	long := binary.LittleEndian.AppendUint32([]byte("\x93NUMPY\x02\x00"), 1<<31-1)
	for name, c := range map[string]struct {
		header []string
		body   string
	}{
		"a gibibyte":              {octet("u8", "1073741824"), "ab"},
		"a gibibyte of file":      {[]string{"Content-Type", "application/x-npy"}, npyFile(`{'descr': '|u1', 'fortran_order': False, 'shape': (1073741824,), }`, "ab")},
		"two gibibytes of header": {[]string{"Content-Type", "application/x-npy"}, string(long) + "{}"},
		"a thousand axes":         {octet("u8", filled("1,", 8000)), "ab"},
		"a gibibyte of JSON":      {[]string{"Content-Type", "application/json"}, `{"shape":[1073741824],"data":[1]}`},
		"a digest of nothing":     {append(octet("u8", "2"), "Content-Digest", "sha-256=:"+filled("A", 8000)+":"), "ab"},
	} {
		least := int64(1 << 62)
		for range 3 { // others may allocate meanwhile
			req := httptest.NewRequest(http.MethodPut, "/sessions/s/tensors/x", bytes.NewReader([]byte(c.body)))
			for i := 0; i < len(c.header); i += 2 {
				req.Header.Set(c.header[i], c.header[i+1])
			}
			status := 0
			least = min(least, int64(allocated(func() { r.handler.ServeHTTP(discard{http.Header{}, &status}, req) })))
			if status < 400 || status >= 500 {
				t.Errorf("%s: status %d", name, status)
			}
		}
		if least > 256<<10 {
			t.Errorf("%s costs %d bytes", name, least)
		}
	}
}
