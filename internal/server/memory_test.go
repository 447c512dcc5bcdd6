package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"toolpit/internal/server"
)

// filled repeats part until there are n bytes, and drops what is too much.
func filled(part string, n int) string {
	return strings.TrimSuffix(strings.Repeat(part, n/len(part)), ",")
}

// TestBodyMemory sends a megabyte that a tree would turn into forty. What is
// allocated from the first byte of the request to the last of the answer is at
// most four times the body.
func TestBodyMemory(t *testing.T) {
	s := start(t, with(func(c *server.Config) { c.Log = slog.New(slog.DiscardHandler) }))
	const size = 1 << 20
	for name, body := range map[string]string{
		"bare":                filled("[],[],", size),
		"an array":            "[" + filled("[],[],", size-100) + "]",
		"an array, cut off":   "[" + filled("[],[],", size-100),
		"objects":             "[" + filled("{},{},", size-100) + "]",
		"unknown member":      `{"tool":"echo","x":[` + filled("[],[],", size-100) + "]}",
		"arguments":           `{"tool":"echo","arguments":{"x":[` + filled("[],[],", size-100) + "]}}",
		"arguments in a list": `{"tool":"echo","arguments":[` + filled("[],[],", size-100) + "]}",
		"numbers":             `{"tool":"echo","x":[` + filled("1,", size-100) + "]}",
		"strings":             `{"tool":"echo","x":["` + strings.Repeat("é", size/2-100) + `"]}`,
		"escapes":             `{"tool":"echo","x":["` + filled(`\u0041`, size-100) + `"]}`,
		"a long name":         `{"tool":"echo","` + strings.Repeat("n", size-100) + `":1}`,
		"a tool's name":       `{"tool":"` + strings.Repeat("n", size-100) + `"}`,
		"levels":              strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"levels of objects":   strings.Repeat(`{"a":`, size/6),
		"levels of arguments": `{"tool":"echo","arguments":` + strings.Repeat(`{"a":`, size/6),
		"digits":              filled("7", size),
		"digits in a member":  `{"tool":"echo","timeout_ms":` + filled("7", size-100) + "}",
		"digits of a number":  `{"tool":"add","arguments":{"a":` + filled("7", 250_000) + `,"b":1}}`,
		"beyond floats":       `{"tool":"add","arguments":{"a":[` + filled("1e400,", 250_000) + `],"b":1}}`,
		"a name many times":   `{"tool":"echo","arguments":{` + filled(`"a":0,`, size-100) + "}}",
		"bad UTF-8":           `{"tool":"` + strings.Repeat("é", size/2-100) + "\xff\"}",
		"half pairs":          `{"tool":"` + filled(`\ud800`, size-100) + `"}`,
		"backslashes":         `{"tool":"` + filled(`\\`, size-100) + `"}`,
		"labels":              `{"labels":{"x":[` + filled("[],[],", size-100) + "]}}",
	} {
		t.Run(name, func(t *testing.T) {
			least := uint64(1 << 62)
			for range 3 { // others may allocate meanwhile, so the least counts
				req := httptest.NewRequest(http.MethodPost, "/execute", strings.NewReader(body))
				req.Header.Set("Content-Type", "application/json")
				status := 0
				least = min(least, allocated(func() { s.handler.ServeHTTP(discard{http.Header{}, &status}, req) }))
				if status >= 500 {
					t.Fatalf("status %d", status)
				}
			}
			if least > 4*uint64(len(body)) {
				t.Errorf("%d bytes cost %d, %.1f times as much", len(body), least, float64(least)/float64(len(body)))
			}
		})
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// discard is a ResponseWriter that keeps nothing but the status.
type discard struct {
	header http.Header
	status *int
}

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return io.Discard.Write(p) }
func (d discard) WriteHeader(status int)      { *d.status = status }

// TestManyNamesMemory sends the dearest body there is: something of every name
// must be remembered in order to find one that comes twice.
func TestManyNamesMemory(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"tool":"echo","x":{`)
	for i := 0; b.Len() < 1<<20-20; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		for n := i; n > 0; n /= 64 {
			b.WriteByte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"[n%64])
		}
		b.WriteString(`":0`)
	}
	b.WriteString("}}")
	body := b.String()
	s := start(t, with(func(c *server.Config) { c.Log = slog.New(slog.DiscardHandler) }))
	req := httptest.NewRequest(http.MethodPost, "/execute", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	cost := allocated(func() { s.handler.ServeHTTP(discard{http.Header{}, new(int)}, req) })
	if cost > 4*uint64(len(body)) {
		t.Errorf("%d bytes cost %d, %.1f times as much", len(body), cost, float64(cost)/float64(len(body)))
	}
}
