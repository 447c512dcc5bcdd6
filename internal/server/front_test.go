package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/server"
	"toolpit/internal/store"
)

func TestRequestID(t *testing.T) {
	s := start(t)
	minted := regexp.MustCompile(`^req_[A-Z2-7]{16}$`)
	for sent, kept := range map[string]bool{
		"abc": true, "A-b_c.9": true, strings.Repeat("x", 128): true,
		"": false, "a b": false, strings.Repeat("x", 129): false, "é": false, `a"b`: false,
	} {
		got := s.call("GET", "/", "", "X-Request-Id", sent).header.Get("X-Request-Id")
		if kept && got != sent || !kept && !minted.MatchString(got) {
			t.Errorf("sent %q, got %q", sent, got)
		}
	}
	req := s.request("GET", "/", "")
	req.Header["X-Request-Id"] = []string{"a", "b"}
	if got := s.send(req).header.Get("X-Request-Id"); !minted.MatchString(got) {
		t.Errorf("of two ids came %q", got)
	}
	if a := s.call("GET", "/nothing", "", "X-Request-Id", "mine").wants(404); a.text("request_id") != "mine" {
		t.Errorf("the problem's request_id is %s", a.text("request_id"))
	}
}

func TestSecurityHeaders(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/", "/livez", "/nothing", "/tools", "/docs", "/docs/errors", "/docs/swagger-ui.css", "/openapi.json"} {
		h := s.call("GET", path, "").header
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", path, h)
		}
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "http") {
			t.Errorf("%s: policy %s", path, policy)
		}
		if strings.Contains(policy, "script-src") != (path == "/docs") {
			t.Errorf("%s may run scripts: %s", path, policy)
		}
	}
	if got := s.call("GET", "/sessions", "").header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("sessions may be cached: %q", got)
	}
}

func TestHead(t *testing.T) {
	s := start(t)
	s.session("demo")
	for path, status := range map[string]int{
		"/": 200, "/livez": 200, "/readyz": 200, "/tools": 200, "/tools/echo": 200, "/sessions": 200, "/sessions/demo": 200,
		"/sessions/none": 404, "/openapi.json": 200, "/openapi.yaml": 200, "/docs": 200, "/docs/errors": 200, "/docs/swagger-ui.css": 200,
		"/execute": 405, "/nothing": 404,
	} {
		get, head := s.call("GET", path, ""), s.call("HEAD", path, "")
		if head.status != status || len(head.body) > 0 {
			t.Errorf("HEAD %s: %d %s", path, head.status, head.body)
		}
		for _, name := range []string{"Content-Type", "ETag", "Allow"} {
			if get.status == head.status && get.header.Get(name) != head.header.Get(name) {
				t.Errorf("HEAD %s: %s is %q, GET has %q", path, name, head.header.Get(name), get.header.Get(name))
			}
		}
	}
}

func TestAllow(t *testing.T) {
	s := start(t)
	for path, allow := range map[string]string{
		"/": "GET, HEAD", "/execute": "POST", "/sessions": "GET, HEAD, POST", "/sessions/demo": "GET, HEAD, PATCH, DELETE",
		"/sessions/demo/touch": "POST", "/tools/echo": "GET, HEAD", "/docs/swagger-ui.css": "GET, HEAD", "/sessions/a%2Fb": "GET, HEAD, PATCH, DELETE",
	} {
		for _, method := range []string{"PUT", "OPTIONS", "TRACE", "QUERY"} {
			if a := s.call(method, path, "").refused(405, "METHOD_NOT_ALLOWED"); a.header.Get("Allow") != allow {
				t.Errorf("%s %s: Allow is %q, want %q", method, path, a.header.Get("Allow"), allow)
			}
		}
	}
}

func TestAccept(t *testing.T) {
	s := start(t)
	s.session("demo")
	for accept, status := range map[string]int{
		"application/json": 200, "*/*": 200, "application/*": 200, "text/html, */*;q=0.1": 200, "Application/JSON;q=0.5": 200,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": 200, "application/json; charset=utf-8": 200, "": 200, ",": 200,
		"application/json;q=x": 200,
		"text/html":            406, "application/xml": 406, "application/json;q=0": 406, "application/json; Q=0.0, */*": 406,
		"application/*;q=0, */*": 406, "application/problem+json": 406, "text/event-stream": 406, "*/*;q=0": 406,
	} {
		for _, route := range [][3]string{
			{"GET", "/"},
			{"GET", "/tools"},
			{"GET", "/tools/echo"},
			{"GET", "/sessions"},
			{"GET", "/sessions/demo"},
			{"POST", "/execute", `{"tool":"ping"}`},
			{"POST", "/sessions/demo/touch"},
		} {
			if a := s.call(route[0], route[1], route[2], "Accept", accept); a.status != status {
				t.Errorf("%v with Accept %q: status %d, want %d", route, accept, a.status, status)
			}
		}
	}
	// Probes and what is for browsers do not negotiate, and 204 has no form.
	for _, path := range []string{"/livez", "/readyz", "/docs", "/docs/errors", "/openapi.json", "/openapi.yaml"} {
		s.call("GET", path, "", "Accept", "image/png").wants(200)
	}
	s.call("DELETE", "/sessions/demo", "", "Accept", "image/png").wants(204)
}

// TestLog looks at the lines and at what must not be in them.
func TestLog(t *testing.T) {
	s := start(t, withKeys(t))
	const secret, key, query = "ARGUMENT", "a1", "QUERY"
	header := []string{"Authorization", "Bearer " + key, "Cookie", "COOKIE", "Idempotency-Key", "KEY"}
	s.call("POST", "/sessions", `{"id":"demo","labels":{"x":"`+secret+`"}}`, header...).wants(201)
	a := s.call("POST", "/sessions/demo/execute?q="+query, `{"tool":"echo","arguments":{"a":"`+secret+`"}}`, header...).wants(200)
	bad := s.call("POST", "/execute", `{"tool":"compute","arguments":{"expression":"`+secret+`("}}`, header...).wants(422)
	broken := s.call("POST", "/execute", `{"tool":"echo","`+secret+`":`, header...).wants(400)
	leak := s.call("POST", "/execute", `{"tool":"leak"}`, header[:4]...).wants(500)

	line := s.log.of(t, a.header.Get("X-Request-Id"))
	for name, want := range map[string]any{
		"level": "INFO", "method": "POST", "route": "/sessions/{id}/execute", "path": "/sessions/demo/execute", "status": 200.,
		"bytes": float64(len(a.body)), "owner": "anna", "remote": "127.0.0.1", "tool": "echo",
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
	if took, ok := line["duration_ms"].(float64); !ok || took <= 0 {
		t.Errorf("duration_ms is %v", line["duration_ms"])
	}
	if line := s.log.of(t, bad.header.Get("X-Request-Id")); line["code"] != bad.text("code") || line["level"] != "INFO" {
		t.Errorf("a refusal is logged as %v", line)
	}
	s.log.of(t, broken.header.Get("X-Request-Id"))
	if line := s.log.of(t, leak.header.Get("X-Request-Id")); line["level"] != "ERROR" || !strings.Contains(fmt.Sprint(line["error"]), "secret") {
		t.Errorf("a failure is logged as %v", line)
	}
	if line := s.log.of(t, s.call("GET", "/livez", "").header.Get("X-Request-Id")); line["level"] != "DEBUG" {
		t.Errorf("a probe is logged as %v", line)
	}
	for _, line := range s.log.all() {
		text, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, never := range []string{secret, "Bearer", digest(key), query, "COOKIE", `"KEY"`} {
			if strings.Contains(string(text), never) {
				t.Errorf("the log has %q: %s", never, text)
			}
		}
	}
}

// TestPanicAfterTheAnswerBegan must not leave half an answer that looks whole.
func TestPanicInTheMiddle(t *testing.T) {
	s := start(t, with(func(c *server.Config) {
		c.Ready = func(context.Context) server.Readiness { panic(http.ErrAbortHandler) }
	}))
	if res, err := s.client.Do(s.request("GET", "/readyz", "")); err == nil {
		res.Body.Close()
		t.Errorf("an aborted request is answered with %d", res.StatusCode)
	}
	s.call("GET", "/livez", "").wants(200)
}

func TestRateIsOfOneOwner(t *testing.T) {
	s := start(t, withKeys(t), with(func(c *server.Config) { c.Limits.Rate, c.Limits.Burst = 0.0001, 2 }))
	anna, ben := []string{"Authorization", "Bearer a1"}, []string{"Authorization", "Bearer b"}
	for range 2 {
		s.call("GET", "/", "", anna...).wants(200)
	}
	for range 3 {
		a := s.call("GET", "/", "", anna...).refused(429, "RATE_LIMITED")
		if !regexp.MustCompile(`^(9999|10000)$`).MatchString(a.header.Get("Retry-After")) {
			t.Errorf("Retry-After %s: refused requests use up the rate", a.header.Get("Retry-After"))
		}
	}
	s.call("GET", "/", "", ben...).wants(200)
	for range 5 {
		s.call("GET", "/livez", "").wants(200)
		s.call("GET", "/openapi.yaml", "").wants(200)
		s.call("GET", "/", "", "Authorization", "Bearer wrong").wants(401)
	}
}

// TestGate keeps requests out until the store is fit for them.
func TestGate(t *testing.T) {
	closed := fault.New(fault.StoreUnavailable, "The store has not answered yet.").Retry(1500 * time.Millisecond)
	s := start(t, with(func(c *server.Config) { c.Gate = func() error { return closed } }))
	for _, path := range []string{"/", "/tools", "/sessions", "/sessions/demo"} {
		a := s.call("GET", path, "").refused(503, "STORE_UNAVAILABLE")
		if a.header.Get("Retry-After") != "2" || a.raw("retry_after_ms") != "1500" {
			t.Errorf("%s: Retry-After %s, %s", path, a.header.Get("Retry-After"), a.body)
		}
	}
	for _, path := range []string{"/livez", "/readyz", "/docs", "/docs/errors", "/openapi.json"} {
		s.call("GET", path, "").wants(200)
	}
}

func TestHealth(t *testing.T) {
	components := []server.Component{{Name: "store", State: server.Up, Latency: 400 * time.Microsecond}, {Name: "server", State: server.Up}}
	s := start(t, with(func(c *server.Config) {
		c.Ready = func(context.Context) server.Readiness {
			return server.Readiness{Components: components, Durability: server.Durability{
				Level: store.EverySec, Honours: []store.Durability{store.Memory, store.EverySec},
			}}
		}
	}))
	live := s.call("GET", "/livez", "").wants(200)
	if got := live.lasting(); got != `{,"started_at":"2026-11-23T09:00:00Z","status":"alive","version":"0.1.0"}`+"\n" {
		t.Errorf("livez: %s", got)
	}
	ready := s.call("GET", "/readyz", "").wants(200)
	if ready.text("status") != "ready" || ready.raw("components") != `[{"latency_ms":0.4,"name":"store","status":"up"},{"name":"server","status":"up"}]` {
		t.Errorf("readyz: %s", ready.body)
	}
	if got := ready.raw("durability"); got != `{"honours":["memory","everysec"],"level":"everysec"}` {
		t.Errorf("readyz promises %s", got)
	}
	components = []server.Component{{Name: "store", State: server.Down, Detail: "does not answer"}, {Name: "server", State: server.Draining}}
	ready = s.call("GET", "/readyz", "").wants(503)
	if ready.text("status") != "not_ready" || ready.raw("components") !=
		`[{"detail":"does not answer","name":"store","status":"down"},{"name":"server","status":"draining"}]` {
		t.Errorf("readyz: %s", ready.body)
	}
	root := s.call("GET", "/", "").wants(200)
	var links map[string]string
	if err := json.Unmarshal([]byte(root.raw("links")), &links); err != nil {
		t.Fatal(err)
	}
	for name, path := range links {
		if a := s.call("GET", path, ""); a.status != 200 && a.status != 503 && a.status != 405 {
			t.Errorf("the link %s leads to %d", name, a.status)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := server.New(server.Config{Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a service without anything")
	}
}

func TestHTTPServerLimits(t *testing.T) {
	s := server.HTTPServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if s.ReadHeaderTimeout != 5*time.Second || s.IdleTimeout != time.Minute || s.MaxHeaderBytes != 16<<10 || s.ReadTimeout != 6*time.Second || s.WriteTimeout != 0 {
		t.Errorf("%+v", s)
	}
	running := start(t)
	if a := running.raw("GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 40<<10) + "\r\n\r\n"); a.status != 431 {
		t.Errorf("a header of 40 KiB: %d", a.status)
	}
}
