package server_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The short way and the long way must not be told apart. An escape in the path
// sends a request the long way.
func TestTheShortWayAnswersLikeTheLongOne(t *testing.T) {
	varying := regexp.MustCompile(`req_[A-Z2-7]+|exe_[A-Z2-7]+|rep_[A-Z2-7]+|dur=[0-9.]+|"execution_time_ms":[0-9.]+|"value":[0-9]+|/sessions/[^/]+/execute`)
	s := start(t)
	ask := func(path, body string, header http.Header) (int, string, http.Header) {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Header = header.Clone()
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		h := w.Result().Header
		h.Del("Idempotency-Replayed") // of two with the same key
		for _, values := range h {
			for i := range values {
				values[i] = varying.ReplaceAllString(values[i], "…")
			}
		}
		return w.Code, varying.ReplaceAllString(w.Body.String(), "…"), h
	}
	typed := http.Header{"Content-Type": {"application/json"}}
	if code, body, _ := ask("/sessions", `{"id":"demo"}`, typed); code != http.StatusCreated {
		t.Fatal(code, body)
	}
	with := func(name string, values ...string) http.Header {
		h := typed.Clone()
		h[name] = values
		return h
	}
	for name, c := range map[string]struct {
		id, escaped string
		body        string
		header      http.Header
	}{
		"answer":            {"demo", "dem%6f", `{"tool":"increment_counter"}`, typed},
		"no session":        {"none", "non%65", `{"tool":"increment_counter"}`, typed},
		"bad id":            {"a b", "a%20b", `{"tool":"increment_counter"}`, typed},
		"no tool":           {"demo", "dem%6f", `{"tool":"decrement"}`, typed},
		"bad arguments":     {"demo", "dem%6f", `{"tool":"add","arguments":{"a":1}}`, typed},
		"bounds":            {"demo", "dem%6f", `{"tool":"increment_counter","arguments":{"by":5,"max":3}}`, typed},
		"blanks":            {"demo", "dem%6f", ` { "tool" : "increment_counter" , "arguments" : { "by" : 1 } } `, typed},
		"escapes":           {"demo", "dem%6f", `{"tool":"increment\u005fcounter"}`, typed},
		"levels":            {"demo", "dem%6f", `{"tool":"echo","arguments":{"a":[{"b":1}]}}`, typed},
		"twice":             {"demo", "dem%6f", `{"tool":"echo","arguments":{"a":1,"a":2}}`, typed},
		"no time":           {"demo", "dem%6f", `{"tool":"increment_counter","timeout_ms":0}`, typed},
		"something after":   {"demo", "dem%6f", `{"tool":"increment_counter"}]`, typed},
		"no body":           {"demo", "dem%6f", ``, typed},
		"no type":           {"demo", "dem%6f", `{"tool":"increment_counter"}`, http.Header{}},
		"accepts text":      {"demo", "dem%6f", `{"tool":"increment_counter"}`, with("Accept", "text/html")},
		"key":               {"demo", "dem%6f", `{"tool":"get_session"}`, with("Idempotency-Key", "k 1")},
		"two keys":          {"demo", "dem%6f", `{"tool":"increment_counter"}`, with("Idempotency-Key", "a", "b")},
		"empty key":         {"demo", "dem%6f", `{"tool":"increment_counter"}`, with("Idempotency-Key", "")},
		"percent in key":    {"demo", "dem%6f", `{"tool":"increment_counter"}`, with("Idempotency-Key", "a%2")},
		"another site":      {"demo", "dem%6f", `{"tool":"increment_counter"}`, with("Sec-Fetch-Site", "cross-site")},
		"request id":        {"demo", "dem%6f", `{"tool":"increment_counter"}`, with("X-Request-Id", "mine")},
		"preference":        {"demo", "dem%6f", `{"tool":"increment_counter"}`, with("Prefer", "durability=everysec")},
		"too much to ask":   {"demo", "dem%6f", `{"tool":"increment_counter"}`, with("Prefer", "durability=replicated")},
		"two preferences":   {"demo", "dem%6f", `{"tool":"increment_counter"}`, with("Prefer", "a", "durability=everysec")},
		"lock token":        {"demo", "dem%6f", `{"tool":"increment_counter"}`, with("X-Lock-Token", "t")},
		"bad lock token":    {"demo", "dem%6f", `{"tool":"increment_counter"}`, with("X-Lock-Token", "a b")},
		"unknown parameter": {"demo", "dem%6f", `{"tool":"increment_counter","why":1}`, typed},
	} {
		t.Run(name, func(t *testing.T) {
			short, shortBody, shortHeader := ask("/sessions/"+strings.ReplaceAll(c.id, " ", "%20")+"/execute", c.body, c.header)
			long, longBody, longHeader := ask("/sessions/"+c.escaped+"/execute", c.body, c.header)
			if short != long || shortBody != longBody {
				t.Errorf("the short way: %d %s\nthe long way: %d %s", short, shortBody, long, longBody)
			}
			if diff := cmp.Diff(longHeader, shortHeader); diff != "" {
				t.Errorf("headers, - long, + short:\n%s", diff)
			}
		})
	}
}
