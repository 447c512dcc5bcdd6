package server

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"toolpit/internal/fault"
)

// The lines must look like those of slog, which writes all others.
func TestAccessLogWritesWhatSlogWould(t *testing.T) {
	for name, asJSON := range map[string]bool{"json": true, "text": false} {
		t.Run(name, func(t *testing.T) {
			var batched, direct bytes.Buffer
			access := NewAccessLog(&batched, asJSON)
			log := slog.New(slog.NewTextHandler(&direct, nil))
			if asJSON {
				log = slog.New(slog.NewJSONHandler(&direct, nil))
			}
			for _, path := range []string{"/sessions/demo/execute", `/a b="c"`, "/ünïcode\n\x7f<&>", "/"} {
				r := httptest.NewRequest(http.MethodPost, "/", nil)
				r.URL.Path, r.Pattern = path, "/sessions/{id}/execute"
				for _, remote := range []string{"127.0.0.1:80", "[::1]:80", "@"} {
					r.RemoteAddr = remote
					x := newExchange(httptest.NewRecorder(), r)
					x.owner, x.tool, x.execution, x.status, x.bytes = "default", "increment_counter", "exe_1", 200, 171
					x.replayed = remote == "@"
					if remote != "127.0.0.1:80" {
						x.status, x.fault = 404, fault.New(fault.SessionNotFound, "")
					}
					access.add(x, time.Millisecond)
					(&service{log: log}).record(x, time.Millisecond)
				}
			}
			access.flush(0)
			varying := regexp.MustCompile(`("time":"|time=)[0-9T:.+Z-]+|("duration_ms":|duration_ms=)[0-9.e-]+`)
			got, want := varying.ReplaceAllString(batched.String(), "$1$2"), varying.ReplaceAllString(direct.String(), "$1$2")
			if got != want {
				t.Errorf("the access log writes\n%s\nslog writes\n%s", got, want)
			}
		})
	}
}

func TestAccessLogWritesWhenItIsFull(t *testing.T) {
	var out bytes.Buffer
	access := NewAccessLog(&out, true)
	x := newExchange(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	deadline := time.Now().Add(time.Minute)
	for out.Len() == 0 && time.Now().Before(deadline) {
		access.add(x, time.Millisecond)
	}
	if n := out.Len(); n <= accessBytes || n > 2*accessBytes {
		t.Errorf("the first write has %d bytes, want a little more than %d", n, accessBytes)
	}
}
