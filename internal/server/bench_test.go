package server_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"toolpit/internal/server"
)

// BenchmarkExecute measures what the edge adds to a call: a tool that does
// nothing, without the network and the store.
func BenchmarkExecute(b *testing.B) {
	s := start(b, with(func(c *server.Config) { c.Log = slog.New(slog.DiscardHandler) }))
	const body = `{"tool":"echo","arguments":{"n":1}}`
	b.ReportAllocs()
	for b.Loop() {
		req := httptest.NewRequest(http.MethodPost, "/execute", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		s.handler.ServeHTTP(discard{http.Header{}, new(int)}, req)
	}
}
