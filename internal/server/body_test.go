package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"toolpit/internal/server"
)

// nested is n arrays inside one another.
func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestBodiesThatAreRefused(t *testing.T) {
	s := start(t)
	s.session("demo")
	const execute, create, update = "POST /execute", "POST /sessions", "PATCH /sessions/demo"
	for _, test := range []struct {
		name, route, body string
		status            int
		code, pointers    string
	}{
		// The text.
		{"nothing", execute, "", 400, "INVALID_REQUEST", ""},
		{"nothing to patch", update, "", 400, "INVALID_REQUEST", ""},
		{"blanks", execute, "  ", 400, "INVALID_REQUEST", " INVALID_REQUEST"},
		{"half an object", execute, `{"tool":"echo"`, 400, "INVALID_REQUEST", " INVALID_REQUEST"},
		{"half a string", execute, `{"tool":"ec`, 400, "INVALID_REQUEST", "/tool INVALID_REQUEST"},
		{"no JSON", execute, `tool=echo`, 400, "INVALID_REQUEST", " INVALID_REQUEST"},
		{"single quotes", execute, `{'tool':'echo'}`, 400, "INVALID_REQUEST", " INVALID_REQUEST"},
		{"comma at the end", execute, `{"tool":"echo",}`, 400, "INVALID_REQUEST", " INVALID_REQUEST"},
		{"comment", execute, `{"tool":"echo"/**/}`, 400, "INVALID_REQUEST", " INVALID_REQUEST"},
		{"byte order mark", execute, "\ufeff{}", 400, "INVALID_REQUEST", " INVALID_REQUEST"},
		{"something after it", execute, `{"tool":"echo"} {}`, 400, "INVALID_REQUEST", ""},
		{"garbage after it", execute, `{"tool":"echo"}x`, 400, "INVALID_REQUEST", ""},
		{"a name twice", execute, `{"tool":"echo","tool":"ping"}`, 400, "INVALID_REQUEST", "/tool INVALID_REQUEST"},
		{"a name twice, escaped", execute, `{"tool":"echo","\u0074ool":"ping"}`, 400, "INVALID_REQUEST", "/tool INVALID_REQUEST"},
		{"a name twice, below", execute, `{"tool":"echo","arguments":{"a":[{"b":1,"b":1}]}}`, 400, "INVALID_REQUEST", "/arguments/a/0/b INVALID_REQUEST"},
		{"invalid UTF-8", execute, "{\"tool\":\"\xff\"}", 400, "INVALID_REQUEST", "/tool INVALID_REQUEST"},
		{"half a surrogate pair", execute, `{"tool":"echo","arguments":{"a":"\ud800"}}`, 400, "INVALID_REQUEST", "/arguments/a INVALID_REQUEST"},
		{"bad escape", execute, `{"tool":"\x"}`, 400, "INVALID_REQUEST", "/tool INVALID_REQUEST"},
		{"number with a zero first", execute, `{"tool":"echo","timeout_ms":01}`, 400, "INVALID_REQUEST", " INVALID_REQUEST"},
		{"number with a plus", execute, `{"tool":"echo","timeout_ms":+1}`, 400, "INVALID_REQUEST", "/timeout_ms INVALID_REQUEST"},
		{"number without digits", execute, `{"tool":"echo","arguments":{"a":1.}}`, 400, "INVALID_REQUEST", "/arguments/a INVALID_REQUEST"},
		{"NaN", execute, `{"tool":"echo","arguments":{"a":NaN}}`, 400, "INVALID_REQUEST", "/arguments/a INVALID_REQUEST"},
		{"65 levels", execute, `{"tool":"echo","arguments":{"a":` + nested(63) + `}}`, 400, "INVALID_REQUEST", ""},
		{"many levels", execute, strings.Repeat("[", 500_000), 400, "INVALID_REQUEST", ""},
		{"the text before the envelope", execute, `{"what":1,"tool":2,`, 400, "INVALID_REQUEST", " INVALID_REQUEST"},

		// The envelope.
		{"an array", execute, `[]`, 400, "INVALID_REQUEST", " TYPE_MISMATCH"},
		{"null", create, `null`, 400, "INVALID_REQUEST", " TYPE_MISMATCH"},
		{"a string", create, `"{}"`, 400, "INVALID_REQUEST", " TYPE_MISMATCH"},
		{"missing", execute, `{"arguments":{}}`, 400, "MISSING_PARAMETER", "/tool MISSING_PARAMETER"},
		{"unknown", execute, `{"tool":"echo","a/b~c":1}`, 400, "UNKNOWN_PARAMETER", "/a~1b~0c UNKNOWN_PARAMETER"},
		{"another case", execute, `{"Tool":"echo"}`, 400, "INVALID_REQUEST", "/Tool UNKNOWN_PARAMETER, /tool MISSING_PARAMETER"},
		{"null for a string", execute, `{"tool":null}`, 400, "INVALID_REQUEST", "/tool TYPE_MISMATCH"},
		{
			"everything at once", execute, `{"tool":7,"timeout_ms":"1","x":1,"y":2}`, 400, "INVALID_REQUEST",
			"/tool TYPE_MISMATCH, /timeout_ms TYPE_MISMATCH, /x UNKNOWN_PARAMETER, /y UNKNOWN_PARAMETER",
		},
		{"no name", execute, `{"tool":""}`, 400, "INVALID_REQUEST", "/tool CONSTRAINT_VIOLATION"},
		{"a long name", execute, `{"tool":"` + strings.Repeat("é", 65) + `"}`, 400, "INVALID_REQUEST", "/tool CONSTRAINT_VIOLATION"},
		{"no time", execute, `{"tool":"echo","timeout_ms":0}`, 400, "INVALID_REQUEST", "/timeout_ms CONSTRAINT_VIOLATION"},
		{"too much time", execute, `{"tool":"echo","timeout_ms":300001}`, 400, "INVALID_REQUEST", "/timeout_ms CONSTRAINT_VIOLATION"},
		{"half a millisecond", execute, `{"tool":"echo","timeout_ms":0.5}`, 400, "INVALID_REQUEST", "/timeout_ms TYPE_MISMATCH"},
		{"beyond 64 bits", execute, `{"tool":"echo","timeout_ms":9223372036854775808}`, 400, "INVALID_REQUEST", "/timeout_ms CONSTRAINT_VIOLATION"},
		{"beyond floats", execute, `{"tool":"echo","timeout_ms":1e999999}`, 400, "INVALID_REQUEST", "/timeout_ms CONSTRAINT_VIOLATION"},
		{"an id with a slash", create, `{"id":"a/b"}`, 400, "INVALID_REQUEST", "/id CONSTRAINT_VIOLATION"},
		{"an id with a newline", create, `{"id":"a\n"}`, 400, "INVALID_REQUEST", "/id CONSTRAINT_VIOLATION"},
		{"an id of 129", create, `{"id":"` + strings.Repeat("a", 129) + `"}`, 400, "INVALID_REQUEST", "/id CONSTRAINT_VIOLATION"},
		{"an id that begins with a dot", create, `{"id":".a"}`, 400, "INVALID_REQUEST", "/id CONSTRAINT_VIOLATION"},
		{"an empty id", create, `{"id":""}`, 400, "INVALID_REQUEST", "/id CONSTRAINT_VIOLATION"},
		{"null for an id", create, `{"id":null}`, 400, "INVALID_REQUEST", "/id TYPE_MISMATCH"},
		{"a strange wish", create, `{"if_exists":"replace"}`, 400, "INVALID_REQUEST", "/if_exists CONSTRAINT_VIOLATION"},
		{"no lifetime", create, `{"ttl_seconds":0}`, 400, "INVALID_REQUEST", "/ttl_seconds CONSTRAINT_VIOLATION"},
		{"more than 30 days", create, `{"ttl_seconds":2592001}`, 400, "INVALID_REQUEST", "/ttl_seconds CONSTRAINT_VIOLATION"},
		{"65 labels", create, `{"labels":{` + labels(0, 65) + `}}`, 400, "INVALID_REQUEST", "/labels CONSTRAINT_VIOLATION"},
		{
			"bad labels", create, `{"labels":{"":"a","b":1,"c":null,"d":"` + strings.Repeat("x", 257) + `"}}`, 400, "INVALID_REQUEST",
			"/labels/b TYPE_MISMATCH, /labels/c TYPE_MISMATCH, /labels CONSTRAINT_VIOLATION, /labels/d CONSTRAINT_VIOLATION",
		},
		{"no labels", update, `{"labels":null}`, 400, "INVALID_REQUEST", "/labels TYPE_MISMATCH"},
		{"null for a lifetime", update, `{"ttl_seconds":null}`, 400, "INVALID_REQUEST", "/ttl_seconds TYPE_MISMATCH"},
		{
			"labels of a patch", update, `{"labels":{"a":1,"b":null,"c":"` + strings.Repeat("x", 257) + `"}}`, 400, "INVALID_REQUEST",
			"/labels/a TYPE_MISMATCH, /labels/c CONSTRAINT_VIOLATION",
		},
		{"an id in a patch", update, `{"id":"other"}`, 400, "UNKNOWN_PARAMETER", "/id UNKNOWN_PARAMETER"},

		// The arguments.
		{"null for arguments", execute, `{"tool":"echo","arguments":null}`, 422, "TYPE_MISMATCH", "/arguments TYPE_MISMATCH"},
		{"an array of arguments", execute, `{"tool":"add","arguments":[1,2]}`, 422, "TYPE_MISMATCH", "/arguments TYPE_MISMATCH"},
		{
			"every wrong argument", execute, `{"tool":"add","arguments":{"a":"1","c":2}}`, 422, "CONSTRAINT_VIOLATION",
			"/arguments/a TYPE_MISMATCH, /arguments/b MISSING_PARAMETER, /arguments/c UNKNOWN_PARAMETER",
		},
		{"a tool that wants a session", execute, `{"tool":"get_counter"}`, 400, "INVALID_REQUEST", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			method, path, _ := strings.Cut(test.route, " ")
			a := s.call(method, path, test.body).refused(test.status, test.code)
			if got := a.pointers(); got != test.pointers && !sameSet(got, test.pointers) {
				t.Errorf("pointers\n%s, want\n%s\n%s", got, test.pointers, a.body)
			}
		})
	}
	if got := s.call("GET", "/sessions/demo", "").wants(http.StatusOK); got.raw("version") != "1" || got.raw("command_count") != "0" {
		t.Errorf("something was half done: %s", got.body)
	}
	if got := s.call("GET", "/sessions", "").raw("items"); strings.Count(got, `"id"`) != 1 {
		t.Errorf("something was created: %s", got)
	}
}

// sameSet compares two lists whose order does not matter.
func sameSet(a, b string) bool {
	left, right := strings.Split(a, ", "), strings.Split(b, ", ")
	if len(left) != len(right) {
		return false
	}
	for _, one := range left {
		if !strings.Contains(", "+b+",", ", "+one+",") {
			return false
		}
	}
	return true
}

func TestBodiesThatAreTaken(t *testing.T) {
	s := start(t)
	for _, test := range []struct{ name, path, body string }{
		{"64 levels", "/execute", `{"tool":"echo","arguments":{"a":` + nested(62) + `}}`},
		{"blanks around it", "/execute", " \r\n\t{ \"tool\" : \"ping\" , \"arguments\" : { } } \n"},
		{"an integer with a fraction of zero", "/execute", `{"tool":"ping","timeout_ms":1.0e3}`},
		{"escapes in names", "/execute", `{"\u0074ool":"ping"}`},
		{"arguments of any name", "/execute", `{"tool":"echo","arguments":{"tool":1,"__proto__":2,"":3}}`},
		{"a label of 256 characters", "/sessions", `{"labels":{"` + strings.Repeat("é", 64) + `":"` + strings.Repeat("é", 256) + `"}}`},
		{"64 labels", "/sessions", `{"labels":{` + labels(0, 64) + `}}`},
		{"the longest id", "/sessions", `{"id":"` + strings.Repeat("a", 128) + `"}`},
		{"the longest life", "/sessions", `{"ttl_seconds":2592000}`},
		{"nothing but braces", "/sessions", `{}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if a := s.call("POST", test.path, test.body); a.status >= 300 {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	t.Run("no body", func(t *testing.T) {
		s.call("POST", "/sessions", "").wants(http.StatusCreated)
	})
	t.Run("no body in chunks", func(t *testing.T) {
		req := s.request("POST", "/sessions", "")
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader("")), -1
		s.send(req).wants(http.StatusCreated)
	})
	t.Run("a body in chunks", func(t *testing.T) {
		req := s.request("POST", "/execute", `{"tool":"echo","arguments":{"a":"`+strings.Repeat("x", 100_000)+`"}}`)
		req.ContentLength = -1
		s.send(req).wants(http.StatusOK)
	})
}

func TestMediaTypes(t *testing.T) {
	s := start(t)
	for contentType, status := range map[string]int{
		"application/json":                   200,
		"Application/JSON":                   200,
		"application/json; charset=utf-8":    200,
		`application/json;charset="UTF-8"`:   200,
		"application/json; version=1":        200,
		"":                                   415,
		"text/json":                          415,
		"application/json; charset=utf-16":   415,
		"application/json, application/json": 415,
		"application/merge-patch+json":       415,
		"application/jsonx":                  415,
		"*/*":                                415,
	} {
		t.Run(contentType, func(t *testing.T) {
			a := s.call("POST", "/execute", `{"tool":"ping"}`, "Content-Type", contentType)
			if a.status != status {
				t.Errorf("status %d, want %d: %s", a.status, status, a.body)
			}
		})
	}
	s.call("POST", "/sessions", "a=b", "Content-Type", "").refused(415, "UNSUPPORTED_MEDIA_TYPE")
	req := s.request("POST", "/sessions", "a=b", "Content-Type", "")
	req.ContentLength = -1
	s.send(req).refused(415, "UNSUPPORTED_MEDIA_TYPE")
	for encoding, status := range map[string]int{"identity": 200, "Identity": 200, "gzip": 415, "identity, br": 415, "zstd": 415} {
		if a := s.call("POST", "/execute", `{"tool":"ping"}`, "Content-Encoding", encoding); a.status != status {
			t.Errorf("Content-Encoding %s: status %d, want %d", encoding, a.status, status)
		}
	}
}

func TestBodySize(t *testing.T) {
	s := start(t, with(func(c *server.Config) { c.Limits.BodyBytes = 1000 }))
	body := func(n int) string {
		frame := `{"tool":"echo","arguments":{"a":""}}`
		return strings.Replace(frame, `""`, `"`+strings.Repeat("x", n-len(frame))+`"`, 1)
	}
	s.call("POST", "/execute", body(1000)).wants(http.StatusOK)
	if a := s.call("POST", "/execute", body(1001)).refused(413, "BODY_TOO_LARGE"); a.raw("limit_bytes") != "1000" {
		t.Errorf("limit_bytes %s", a.raw("limit_bytes"))
	}
	for _, n := range []int{1000, 1001} {
		req := s.request("POST", "/execute", body(n))
		req.ContentLength = -1
		if got, want := s.send(req).status, map[int]int{1000: 200, 1001: 413}[n]; got != want {
			t.Errorf("%d bytes in chunks: %d, want %d", n, got, want)
		}
	}
}

// raw sends bytes and returns the answer with what net/http's client hides.
func (r *running) raw(request string) *answer {
	r.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		r.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	a := &answer{t: r.t, status: res.StatusCode, header: res.Header, body: body}
	if res.Close {
		a.header.Set("Connection", "close")
	}
	return a
}

// TestTooLargeBodyIsNotAwaited announces a body that never comes.
func TestTooLargeBodyIsNotAwaited(t *testing.T) {
	s := start(t)
	for _, expect := range []string{"", "Expect: 100-continue\r\n"} {
		a := s.raw(fmt.Sprintf("POST /execute HTTP/1.1\r\nHost: x\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", expect, 1<<20+1))
		a.refused(413, "BODY_TOO_LARGE")
		if a.header.Get("Connection") != "close" {
			t.Error("the connection stays open")
		}
	}
}

// TestBodyThatBreaksOff loses the connection in the middle of a body.
func TestBodyThatBreaksOff(t *testing.T) {
	s := start(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "POST /sessions HTTP/1.1\r\nHost: x\r\nX-Request-Id: cut\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\":\"demo\""); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if line := s.log.of(t, "cut"); line["status"] != 400. && line["status"] != 499. {
		t.Errorf("status %v", line["status"])
	}
	if got := s.call("GET", "/sessions", "").raw("items"); got != "[]" {
		t.Errorf("a session came of it: %s", got)
	}
}

func TestIdsInPaths(t *testing.T) {
	s := start(t)
	for path, status := range map[string]int{
		"/sessions/a%2Fb":                       400,
		"/sessions/a%2fb/touch":                 400,
		"/sessions/%00":                         400,
		"/sessions/a%20b":                       400,
		"/sessions/..%2f..%2fetc":               400,
		"/sessions/.":                           400,
		"/sessions/%C3%A9":                      400,
		"/sessions/%ff":                         400,
		"/sessions/" + strings.Repeat("a", 129): 400,
		"/sessions/" + strings.Repeat("a", 128): 404,
		"/sessions/d%65mo":                      404,
		"/sessions/a~b.c_d-e":                   404,
		"/sessions/":                            404,
		"/sessions//touch":                      400,
		"/sessions/demo/":                       404,
		"//sessions":                            404,
		"/sessions/demo/../demo":                404,
		"/tools/" + strings.Repeat("a", 65):     400,
		"/tools/" + strings.Repeat("a", 64):     404,
		"/tools/a%2Fb":                          404,
		"/docs/../sessions":                     404,
		"/docs/..%2fsessions":                   404,
		"/docs/nothing.js":                      404,
	} {
		t.Run(path, func(t *testing.T) {
			method := "GET"
			if strings.HasSuffix(path, "/touch") {
				method = "POST"
			}
			if a := s.call(method, path, ""); a.status != status {
				t.Errorf("status %d, want %d: %s", a.status, status, a.body)
			}
		})
	}
}
