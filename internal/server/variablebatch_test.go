package server_test

import (
	"fmt"
	"strings"
	"testing"
)

const batch = vars + ":batch"

func TestBatchGet(t *testing.T) {
	s := inSession(t)
	one := s.call("PUT", vars+"/a", `{"value":9007199254740993}`).wants(201)
	s.call("PUT", vars+"/b", `{"value":"<b>"}`).wants(201)
	a := s.call("POST", batch, `{"get":["b","none","a","void"]}`).wants(200)
	if a.raw("missing") != `["none","void"]` || a.raw("found", "a") != strings.TrimSpace(string(one.body)) || a.raw("found", "b", "value") != `"<b>"` {
		t.Errorf("found %s", a.body)
	}
	if got := strings.TrimSpace(string(s.call("POST", batch, `{"get":[]}`).wants(200).body)); got != `{"found":{},"missing":[]}` {
		t.Errorf("nothing is %s", got)
	}
	for _, value := range []string{"1", "2"} { // it is no change, so there is nothing to repeat
		s.call("PUT", vars+"/a", `{"value":`+value+`}`).wants(200)
		a := s.call("POST", batch, `{"get":["a"]}`, "Idempotency-Key", "k").wants(200)
		if a.raw("found", "a", "value") != value || a.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%v %s", a.header, a.body)
		}
	}
	s.call("POST", batch, `{"get":[`+names(128)+`]}`).wants(200)
}

// names lists so many names.
func names(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"n%d"`, i)
	}
	return strings.Join(list, ",")
}

// items lists so many items, each of the same body.
func items(n int, body string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"n%d":%s`, i, body)
	}
	return strings.Join(list, ",")
}

func TestBatchSet(t *testing.T) {
	s := inSession(t)
	s.call("PUT", vars+"/n", `{"value":1,"constraints":{"max":9}}`).wants(201)
	a := s.call("POST", batch, `{"set":{"n":{"value":2,"expected_version":1},"new":{"value":[1],"type":"list","metadata":{"a":1}}}}`).wants(200)
	if got := strings.TrimSpace(string(a.body)); got != `{"results":{"n":{"version":2},"new":{"version":1}}}` {
		t.Errorf("results %s", got)
	}
	a = s.call("POST", batch, `{"set":{"n":{"value":10},"new":{"value":3},"v":{"value":1,"expected_version":4},"u":{"value":1,"type":"flot"},"t":{"value":{"shape":[1],"data":[1]}},"ok":{"value":true}}}`).wants(200)
	for name, want := range map[string][3]string{
		"n": {"422", "CONSTRAINT_VIOLATION", "/set/n/value"}, "new": {"422", "TYPE_MISMATCH", "/set/new/value"},
		"v": {"412", "VERSION_CONFLICT", "/set/v"}, "u": {"422", "UNKNOWN_TYPE", "/set/u/type"}, "t": {"422", "TYPE_MISMATCH", "/set/t/value"},
	} {
		if a.raw("results", name, "problem", "status") != want[0] || a.text("results", name, "problem", "code") != want[1] ||
			!strings.Contains(a.raw("results", name, "problem", "errors"), `"pointer":"`+want[2]+`"`) ||
			a.text("results", name, "problem", "request_id") != a.header.Get("X-Request-Id") || a.text("results", name, "problem", "instance") != batch {
			t.Errorf("%s, want %v: %s", name, want, a.raw("results", name))
		}
	}
	if a.raw("results", "ok", "version") != "1" || !strings.Contains(a.text("results", "t", "problem", "detail"), "/sessions/demo/tensors/t") {
		t.Errorf("results %s", a.body)
	}
	for _, atomic := range []string{"", `,"atomic":true`, `,"atomic":false`} {
		if got := strings.TrimSpace(string(s.call("POST", batch, `{"set":{}`+atomic+`}`).wants(200).body)); got != `{"results":{}}` {
			t.Errorf("nothing is %s", got)
		}
	}
	s.call("POST", batch, `{"set":{`+items(128, `{"value":1}`)+`},"atomic":true}`).wants(200)
}

func TestAtomicBatch(t *testing.T) {
	s := inSession(t)
	s.call("PUT", vars+"/n", `{"value":1,"constraints":{"max":9}}`).wants(201)
	for _, test := range []struct {
		items          string
		status         int
		code, pointers string
	}{
		{`"n":{"value":10}`, 422, "CONSTRAINT_VIOLATION", "/set/n/value CONSTRAINT_VIOLATION"},
		{`"n":{"value":"a"}`, 422, "TYPE_MISMATCH", "/set/n/value TYPE_MISMATCH"},
		{`"n":{"value":null}`, 422, "TYPE_MISMATCH", "/set/n/value TYPE_MISMATCH"},
		{`"n":{"value":2,"expected_version":7}`, 412, "VERSION_CONFLICT", "/set/n VERSION_CONFLICT"},
		{`"n":{"value":2,"expected_version":0}`, 412, "VERSION_CONFLICT", "/set/n VERSION_CONFLICT"},
		{`"n":{"value":2,"constraints":{}}`, 422, "INVALID_CONSTRAINTS", "/set/n/constraints INVALID_CONSTRAINTS"},
		{`"n":{"value":2,"metadata":1}`, 422, "TYPE_MISMATCH", "/set/n/metadata TYPE_MISMATCH"},
		{`"n":{"value":2,"type":"x"},"m":{"value":1,"type":"y"}`, 422, "UNKNOWN_TYPE", "/set/n/type UNKNOWN_TYPE, /set/m/type UNKNOWN_TYPE"},
		{`"m":{"value":{"a":1},"constraints":{"required":["x/y","z"]}}`, 422, "CONSTRAINT_VIOLATION", "/set/m/value/x~1y CONSTRAINT_VIOLATION, /set/m/value/z CONSTRAINT_VIOLATION"},
		{`"m":{"value":{"shape":[1],"data":[1]}}`, 422, "TYPE_MISMATCH", "/set/m/value TYPE_MISMATCH"},
		{
			`"n":{"value":10},"m":{"value":null},"y":{"value":1,"expected_version":3}`, 422, "CONSTRAINT_VIOLATION",
			"/set/n/value CONSTRAINT_VIOLATION, /set/m/value TYPE_MISMATCH, /set/y VERSION_CONFLICT",
		},
		{
			`"m":{"value":1,"expected_version":3},"n":{"value":10,"metadata":{"k":1}},"y":{"value":{"shape":[1],"data":[1]}}`, 412, "VERSION_CONFLICT",
			"/set/m VERSION_CONFLICT, /set/n/value CONSTRAINT_VIOLATION, /set/y/value TYPE_MISMATCH",
		},
		{`"n":{"value":10},"m":{"value":1,"type":"y"}`, 422, "CONSTRAINT_VIOLATION", "/set/n/value CONSTRAINT_VIOLATION, /set/m/type UNKNOWN_TYPE"},
	} {
		a := s.call("POST", batch, `{"set":{"a":{"value":1},`+test.items+`,"z":{"value":1}},"atomic":true}`).refused(test.status, test.code)
		if a.pointers() != test.pointers {
			t.Errorf("%s: pointers %s, want %s", test.items, a.pointers(), test.pointers)
		}
		if got := s.call("POST", batch, `{"get":["a","n","z","m"]}`); got.raw("missing") != `["a","z","m"]` || got.raw("found", "n", "version") != "1" {
			t.Errorf("%s: something was written: %s", test.items, got.body)
		}
	}
	s.call("POST", batch, `{"set":{"a":{"value":1},"n":{"value":2,"expected_version":1}},"atomic":true}`).wants(200)
}

func TestRefusedBatches(t *testing.T) {
	s := inSession(t)
	for body, pointers := range map[string]string{
		`{}`:                           " CONSTRAINT_VIOLATION",
		`{"get":[],"set":{}}`:          " CONSTRAINT_VIOLATION",
		`{"atomic":true}`:              " CONSTRAINT_VIOLATION",
		`{"get":"a"}`:                  "/get TYPE_MISMATCH",
		`{"get":null}`:                 "/get TYPE_MISMATCH",
		`{"get":["a",1,"a","b c"]}`:    "/get/1 TYPE_MISMATCH, /get/2 CONSTRAINT_VIOLATION, /get/3 CONSTRAINT_VIOLATION",
		`{"get":["a","a","b c"]}`:      "/get/1 CONSTRAINT_VIOLATION, /get/2 CONSTRAINT_VIOLATION",
		`{"get":[` + names(129) + `]}`: "/get CONSTRAINT_VIOLATION",
		`{"set":[]}`:                   "/set TYPE_MISMATCH",
		`{"set":null}`:                 "/set TYPE_MISMATCH",
		`{"set":{"a":1}}`:              "/set/a TYPE_MISMATCH",
		`{"set":{"a":{}}}`:             "/set/a/value MISSING_PARAMETER",
		`{"set":{"a":{"value":1,"name":"a"},"b":{"value":1,"expected_version":-1}}}`: "/set/a/name UNKNOWN_PARAMETER, /set/b/expected_version CONSTRAINT_VIOLATION",
		`{"set":{"a/b":{"value":1}}}`:                 "/set/a~1b CONSTRAINT_VIOLATION",
		`{"set":{"a":{"value":1},"a":{"value":2}}}`:   "/set/a INVALID_REQUEST",
		`{"set":{"a":{"value":1}},"atomic":1}`:        "/atomic TYPE_MISMATCH",
		`{"set":{` + items(129, `{"value":1}`) + `}}`: "/set CONSTRAINT_VIOLATION",
		`{"sets":{}}`: "/sets UNKNOWN_PARAMETER,  CONSTRAINT_VIOLATION",
	} {
		a := s.call("POST", batch, body).wants(400)
		if got := a.pointers(); got != pointers {
			t.Errorf("%.80s: pointers %q, want %q", body, got, pointers)
		}
	}
	if got := s.call("GET", vars, "").raw("items"); got != "[]" {
		t.Errorf("there are %s", got)
	}
}
