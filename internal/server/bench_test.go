package server_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"toolpit/internal/server"
	"toolpit/internal/store"
)

// BenchmarkExecute measures what the edge, with its log and its series, adds to
// a call: without the network, and on a store that has only one answer.
func BenchmarkExecute(b *testing.B) {
	s := start(b, wrapped(func(s store.Store) store.Store { return &echoing{Store: s} }), with(func(c *server.Config) {
		c.Access = server.NewAccessLog(io.Discard, true)
	}))
	conn, client := net.Pipe()
	b.Cleanup(func() { _, _ = conn.Close(), client.Close() })
	connected := server.HTTPServer(s.handler, slog.New(slog.DiscardHandler)).ConnContext(b.Context(), conn)
	s.call(http.MethodPost, "/sessions", `{"id":"demo"}`).wants(http.StatusCreated)
	for name, route := range map[string]string{"short": "/sessions/demo/execute", "long": "/sessions/dem%6f/execute"} {
		b.Run(name, func(b *testing.B) {
			const body = `{"tool":"increment_counter","arguments":{}}`
			sent := strings.NewReader(body)
			plain := httptest.NewRequest(http.MethodPost, route, sent).WithContext(connected)
			plain.Header.Set("Content-Type", "application/json")
			header, status := http.Header{}, 0
			b.ReportAllocs()
			for b.Loop() {
				sent.Reset(body)
				clear(header)
				req := *plain // the layers write to it
				s.handler.ServeHTTP(timed{discard{header, &status}}, &req)
			}
			if status != http.StatusOK {
				b.Errorf("status %d", status)
			}
		})
	}
}

// echoing is a store that applies one unit, and then says the same again.
type echoing struct {
	store.Store
	applied *store.Applied
}

func (e *echoing) Apply(ctx context.Context, ref store.Ref, u store.Unit) (store.Applied, error) {
	if e.applied == nil {
		applied, err := e.Store.Apply(ctx, ref, u)
		if err != nil {
			return applied, err
		}
		e.applied = &applied
	}
	return *e.applied, nil
}

// timed is a connection that takes deadlines.
type timed struct{ discard }

func (timed) SetReadDeadline(time.Time) error  { return nil }
func (timed) SetWriteDeadline(time.Time) error { return nil }
