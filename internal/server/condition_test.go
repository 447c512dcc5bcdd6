package server_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestVariableConditions(t *testing.T) {
	s := inSession(t)
	tag := func(name string) string { return s.call("GET", vars+"/"+name, "").header.Get("ETag") }
	s.call("PUT", vars+"/x", `{"value":0}`).wants(201)
	old := tag("x")
	s.call("PUT", vars+"/x", `{"value":1}`).wants(200)
	for _, test := range []struct {
		name, header, text, member string
		status                     int
	}{
		{"x", "If-Match", "TAG", "", 200},
		{"x", "If-Match", "*", "", 200},
		{"x", "If-Match", "OLD", "", 412},
		{"x", "If-Match", `"other"`, "", 412},
		{"x", "If-Match", `"other-1"`, "", 412},
		{"x", "If-Match", `"-"`, "", 412},
		{"x", "If-Match", `W/TAG`, "", 412},
		{"x", "If-Match", `"-99999999999999999999"`, "", 412},
		{"x", "If-Match", `other`, "", 400},
		{"x", "If-Match", `TAG, OLD`, "", 400},
		{"x", "If-Match", `*, OLD`, "", 400},
		{"x", "If-Match", "TAG", "VERSION", 200},
		{"x", "If-Match", "*", "VERSION", 200},
		{"x", "If-Match", "*", "1", 412},
		{"x", "If-Match", "*", "0", 400},
		{"x", "If-Match", "TAG", "1", 400},
		{"x", "If-Match", "TAG", "0", 400},
		{"x", "", "", "VERSION", 200},
		{"x", "", "", "1", 412},
		{"x", "", "", "0", 412},
		{"x", "If-None-Match", "*", "", 412},
		{"x", "If-None-Match", "*", "0", 412},
		{"x", "If-None-Match", "*", "1", 400},
		{"x", "If-None-Match", "TAG", "", 400},
		{"none", "If-Match", "*", "", 412},
		{"none", "If-Match", `"a-1"`, "", 412},
		{"none", "", "", "1", 412},
		{"n0", "", "", "0", 201},
		{"n1", "If-None-Match", "*", "", 201},
		{"n2", "If-None-Match", "*", "0", 201},
	} {
		text := strings.NewReplacer("TAG", tag(test.name), "OLD", old).Replace(test.text)
		body := `{"value":2}`
		version := s.call("GET", vars+"/"+test.name, "").raw("version")
		if test.member != "" {
			body = `{"value":2,"expected_version":` + strings.ReplaceAll(test.member, "VERSION", version) + `}`
		}
		var header []string
		if test.header != "" {
			header = []string{test.header, text}
		}
		a := s.call("PUT", vars+"/"+test.name, body, header...)
		if a.status != test.status {
			t.Errorf("%s, %s: %s, %s: %d, want %d: %s", test.name, test.header, text, body, a.status, test.status, a.body)
		}
		if test.status == 412 && (a.text("code") != "VERSION_CONFLICT" || a.raw("current_version") != version) {
			t.Errorf("%s, %s: %s: %s, the version is %s", test.name, test.header, text, a.body, version)
		}
	}
	s.call("PUT", vars+"/x", `{"value":2}`, "If-Match", "*", "If-None-Match", "*").refused(400, "INVALID_REQUEST")
	for _, r := range [][3]string{
		{"PATCH", "/x", `{"metadata":{"a":1}}`}, {"POST", "/x/increment", `{}`}, {"POST", "/x/rollback", `{"version":1}`}, {"DELETE", "/x"},
	} {
		s.call(r[0], vars+r[1], r[2], "If-Match", old).refused(412, "VERSION_CONFLICT")
		s.call(r[0], vars+r[1], r[2], "If-Match", "x").refused(400, "INVALID_REQUEST")
		if a := s.call(r[0], vars+r[1], r[2], "If-Match", tag("x")); a.status >= 300 {
			t.Errorf("%s %s with the right tag: %d %s", r[0], r[1], a.status, a.body)
		}
	}
	s.call("DELETE", vars+"/x", "", "If-Match", "*").refused(412, "VERSION_CONFLICT")
	s.call("POST", vars, `{"name":"n0","value":1,"expected_version":0}`).wants(412)
	s.call("POST", vars, `{"name":"n9","value":1,"expected_version":0}`).wants(201)
}

// A session that is created again has variables of the same versions, which
// are not the same variables.
func TestTagsOfASessionThatIsCreatedAgain(t *testing.T) {
	s := inSession(t)
	old := s.call("PUT", vars+"/x", `{"value":1}`).wants(201).header.Get("ETag")
	s.call("DELETE", "/sessions/demo", "").wants(http.StatusNoContent)
	s.session("demo")
	made := s.call("PUT", vars+"/x", `{"value":1}`).wants(201)
	if made.raw("version") != "1" || made.header.Get("ETag") == old {
		t.Errorf("version %s, ETag %s after %s", made.raw("version"), made.header.Get("ETag"), old)
	}
	s.call("PUT", vars+"/x", `{"value":2}`, "If-Match", old).refused(412, "VERSION_CONFLICT")
	s.call("GET", vars+"/x", "", "If-None-Match", old).wants(200)
}

func TestUnchangedVariable(t *testing.T) {
	s := inSession(t)
	tag := s.call("PUT", vars+"/x", `{"value":1}`).wants(201).header.Get("ETag")
	for _, header := range []string{tag, "*", "W/" + tag, `"other", ` + tag} {
		a := s.call("GET", vars+"/x", "", "If-None-Match", header).wants(http.StatusNotModified)
		if len(a.body) > 0 || a.header.Get("ETag") != tag {
			t.Errorf("%s: %q, ETag %s", header, a.body, a.header.Get("ETag"))
		}
	}
	s.call("GET", vars+"/x", "", "If-None-Match", "x").refused(400, "INVALID_REQUEST")
	s.call("PUT", vars+"/x", `{"value":1}`).wants(200)
	s.call("GET", vars+"/x", "", "If-None-Match", tag).wants(200)
}

// A repetition is answered as the first time, although what it was conditional
// on does not hold any more.
func TestRepetitionOfAConditionalWrite(t *testing.T) {
	s := inSession(t)
	tag := s.call("PUT", vars+"/x", `{"value":1}`).wants(201).header.Get("ETag")
	for _, c := range [][]string{
		{`{"value":2}`, "If-Match", tag}, {`{"value":3,"expected_version":2}`}, {`{"value":4}`, "If-Match", "*"},
	} {
		header := append(c[1:], "Idempotency-Key", c[0])
		first := s.call("PUT", vars+"/x", c[0], header...).wants(200)
		again := s.call("PUT", vars+"/x", c[0], header...).wants(200)
		if string(first.body) != string(again.body) || again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%v: %s, then %s", c, first.body, again.body)
		}
	}
}
