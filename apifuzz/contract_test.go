package main

import (
	"net/http"
	"os"
	"strings"
	"testing"
)

// document is the API as it was written, with one tool of our own.
func document(t *testing.T) *contract {
	t.Helper()
	spec, err := os.ReadFile("../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const tool = `
    ping.arguments:
      type: object
      additionalProperties: false
      required: [count]
      properties:
        count: {type: integer, format: int64, minimum: 0, maximum: 9}
        message: {type: string, minLength: 1, maxLength: 5}
        mode: {type: string, enum: [a, b]}
        loud: {type: boolean}
    ping.result: {type: object, required: [message], properties: {message: {type: string}}}
`
	text := strings.Replace(string(spec), "\n  schemas:\n", "\n  schemas:"+tool, 1)
	// Its example is the only one, so that every call is one of it.
	before, rest, ok := strings.Cut(text, "              compute:\n                summary: Evaluate an expression\n")
	_, after, alsoOK := strings.Cut(rest, "timeout_ms: 1000}\n")
	if !ok || !alsoOK {
		t.Fatal("openapi.yaml has other examples now")
	}
	text = before + "              ping:\n                summary: Ping\n                value: {tool: ping, arguments: {count: 1, message: hi}}\n" + after
	c, err := newContract(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	c := document(t)
	const (
		problem = `{"type":"/docs/errors#x","title":"T.","status":404,"detail":"D.","instance":"/","code":"SESSION_NOT_FOUND","error_type":"E","retryable":false,"request_id":"id"}`
		called  = `{"execution_id":"exe_1","tool":"ping","result":{"message":"hi"},"execution_time_ms":1,"replica_id":"r"}`
	)
	says := func(old, with string) string { return strings.Replace(problem, old, with, 1) }
	for _, test := range []struct {
		name, method, path string
		status             int
		media, body        string
		header             []string
		want               string // "" is fine
	}{
		{name: "a result", method: "POST", path: "/execute", status: 200, media: "application/json", body: called},
		{name: "a problem", method: "GET", path: "/sessions/x", status: 404, media: "application/problem+json", body: problem},
		{name: "no content", method: "DELETE", path: "/sessions/x", status: 204},
		{name: "no such route", method: "GET", path: "/x", status: 404, media: "application/problem+json", body: says("SESSION_NOT_FOUND", "ROUTE_NOT_FOUND")},

		{name: "a status", method: "GET", path: "/sessions/x", status: 402, media: "application/problem+json", body: says("404", "402"), want: "402 is not documented"},
		{name: "a status of others", method: "GET", path: "/livez", status: 413, media: "application/problem+json", body: says("404", "413"), want: "413 is not documented"},
		{name: "a media type", method: "GET", path: "/sessions/x", status: 404, media: "application/json", body: problem, want: "Content-Type"},
		{name: "no media type", method: "POST", path: "/execute", status: 200, body: called, want: "Content-Type"},
		{name: "a body at 204", method: "DELETE", path: "/sessions/x", status: 204, media: "application/json", body: "{}", want: "a body is not declared"},
		{name: "a header", method: "GET", path: "/livez", status: 200, media: "application/json", body: `{"status":"alive","replica_id":"r","version":"v","started_at":"2026-01-01T00:00:00Z"}`, header: []string{"Location", "/"}, want: "Location is not declared"},
		{name: "a missing member", method: "POST", path: "/execute", status: 200, media: "application/json", body: `{"tool":"ping","result":1,"execution_time_ms":1,"replica_id":"r"}`, want: "execution_id"},
		{name: "a result of another type", method: "POST", path: "/execute", status: 200, media: "application/json", body: strings.Replace(called, `"hi"`, "7", 1), want: "the result of ping"},
		{name: "an unknown code", method: "GET", path: "/sessions/x", status: 404, media: "application/problem+json", body: says("SESSION_NOT_FOUND", "GONE_FISHING"), want: "code"},
		{name: "another status inside", method: "GET", path: "/sessions/x", status: 404, media: "application/problem+json", body: says("404", "400"), want: "the problem's status is 400"},
		{name: "another id", method: "GET", path: "/sessions/x", status: 404, media: "application/problem+json", body: says(`"id"`, `"ib"`), want: "request_id is ib"},
		{name: "the inside", method: "GET", path: "/sessions/x", status: 404, media: "application/problem+json", body: says("D.", "goroutine 1 [running]"), want: "speaks of"},
		{name: "a driver", method: "GET", path: "/sessions/x", status: 404, media: "application/problem+json", body: says("D.", "SQLITE_BUSY"), want: "speaks of"},
		{name: "no Retry-After", method: "GET", path: "/sessions/x", status: 503, media: "application/problem+json", body: says("404", "503"), want: "Retry-After is missing"},
		{name: "no Allow", method: "PUT", path: "/execute", status: 405, media: "application/problem+json", body: says("404", "405"), want: "Allow is missing"},
		{name: "no nosniff", method: "GET", path: "/sessions/x", status: 404, media: "application/problem+json", body: problem, header: []string{"X-Content-Type-Options", ""}, want: "a header is missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := answer{test.status, http.Header{"X-Request-Id": {"id"}, "X-Content-Type-Options": {"nosniff"}}, []byte(test.body)}
			if test.media != "" {
				a.header.Set("Content-Type", test.media)
			}
			for i := 0; i < len(test.header); i += 2 {
				a.header.Set(test.header[i], test.header[i+1])
			}
			req, err := (&call{method: test.method, path: test.path, header: http.Header{}}).request(t.Context(), "http://localhost")
			if err != nil {
				t.Fatal(err)
			}
			err = c.check(req, a)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("check: %v, want %q", err, test.want)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		expect expectation
		asked  bool
		status int
		fine   bool
	}{
		{accepted, false, 200, true},
		{accepted, false, 409, true}, // state
		{accepted, false, 400, false},
		{refused, false, 422, true},
		{refused, false, 204, false},
		{open, false, 400, true},
		{open, false, 500, false},
		{open, true, 500, true},
	} {
		if err := judge(&call{expect: test.expect, asked: test.asked}, answer{status: test.status}); (err == nil) != test.fine {
			t.Errorf("%+v: %v", test, err)
		}
	}
}
