package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSessionLives(t *testing.T) {
	s := start(t)
	created := s.call("POST", "/sessions", `{"id":"demo","ttl_seconds":600,"labels":{"team":"<blue>"}}`).wants(http.StatusCreated)
	if got := created.header.Get("Location"); got != "/sessions/demo" {
		t.Errorf("Location %q", got)
	}
	tag := created.header.Get("ETag")
	if !strings.HasPrefix(tag, `"`) || !strings.HasSuffix(tag, `-1"`) {
		t.Errorf("ETag %s, want a strong one of version 1", tag)
	}
	for member, want := range map[string]string{
		"id": `"demo"`, "ttl_seconds": "600", "version": "1", "command_count": "0", "variable_count": "0",
	} {
		if got := created.raw(member); got != want {
			t.Errorf("%s is %s, want %s", member, got, want)
		}
	}
	if got := created.text("labels", "team"); got != "<blue>" {
		t.Errorf("the label is %q", got)
	}
	got := s.call("GET", "/sessions/demo", "").wants(http.StatusOK)
	if got.header.Get("ETag") != tag {
		t.Errorf("ETag %s, want %s", got.header.Get("ETag"), tag)
	}
	if !strings.HasPrefix(got.header.Get("Server-Timing"), "store;dur=") {
		t.Errorf("Server-Timing %q", got.header.Get("Server-Timing"))
	}
	changed := s.call("PATCH", "/sessions/demo", `{"ttl_seconds":7200,"labels":{"team":null,"stage":"test"}}`).wants(http.StatusOK)
	if got := changed.raw("labels"); got != `{"stage":"test"}` {
		t.Errorf("labels %s", got)
	}
	if changed.raw("version") != "2" || changed.raw("ttl_seconds") != "7200" || changed.header.Get("ETag") == tag {
		t.Errorf("after PATCH: %s, ETag %s", changed.body, changed.header.Get("ETag"))
	}
	touched := s.call("POST", "/sessions/demo/touch", "").wants(http.StatusOK)
	if touched.raw("version") != "2" || touched.raw("command_count") != "0" {
		t.Errorf("after touch: %s", touched.body)
	}
	s.call("DELETE", "/sessions/demo", "").wants(http.StatusNoContent)
	s.call("DELETE", "/sessions/demo", "").wants(http.StatusNoContent)
	s.call("GET", "/sessions/demo", "").refused(http.StatusNotFound, "SESSION_NOT_FOUND")
}

func TestCreateWhatExists(t *testing.T) {
	s := start(t)
	first := s.call("POST", "/sessions", `{"id":"demo","labels":{"a":"b"}}`).wants(http.StatusCreated)
	s.call("POST", "/sessions", `{"id":"demo"}`).refused(http.StatusConflict, "SESSION_EXISTS")
	s.call("POST", "/sessions", `{"id":"demo","if_exists":"fail"}`).refused(http.StatusConflict, "SESSION_EXISTS")
	got := s.call("POST", "/sessions", `{"id":"demo","if_exists":"return","ttl_seconds":5,"labels":{}}`).wants(http.StatusOK)
	if string(got.body) != string(first.body) || got.header.Get("Location") != "/sessions/demo" {
		t.Errorf("the existing session is %s, it was %s", got.body, first.body)
	}
}

func TestExpiry(t *testing.T) {
	s := start(t)
	tag := s.call("POST", "/sessions", `{"id":"demo","ttl_seconds":60}`).wants(http.StatusCreated).header.Get("ETag")
	s.offset.Store(int64(50 * time.Second))
	s.call("POST", "/sessions/demo/touch", "").wants(http.StatusOK)
	s.offset.Store(int64(100 * time.Second)) // touched 50 s ago
	s.call("GET", "/sessions/demo", "").wants(http.StatusOK)
	s.offset.Store(int64(161 * time.Second))
	for _, route := range [][3]string{
		{"GET", "/sessions/demo"},
		{"PATCH", "/sessions/demo", "{}"},
		{"POST", "/sessions/demo/touch"},
		{"POST", "/sessions/demo/execute", `{"tool":"get_counter"}`},
		{"POST", "/sessions/demo/execute", `{"tool":"ping"}`},
	} {
		s.call(route[0], route[1], route[2]).refused(http.StatusGone, "SESSION_EXPIRED")
	}
	if got := s.call("GET", "/sessions", "").raw("items"); got != "[]" {
		t.Errorf("the list has %s", got)
	}
	s.offset.Store(int64(2 * time.Hour)) // beyond the tombstone
	s.call("GET", "/sessions/demo", "").refused(http.StatusNotFound, "SESSION_NOT_FOUND")
	if again := s.call("POST", "/sessions", `{"id":"demo"}`).wants(http.StatusCreated); again.header.Get("ETag") == tag {
		t.Error("the new session has the old one's ETag")
	}
}

func TestIfMatch(t *testing.T) {
	s := start(t)
	s.session("demo")
	tag := func() string { return s.call("GET", "/sessions/demo", "").wants(http.StatusOK).header.Get("ETag") }
	for _, test := range []struct {
		header string
		status int
	}{
		{"*", 200},
		{" * ", 200},
		{"TAG", 200},
		{`"other", TAG`, 200},
		{`,"other" ,, TAG ,`, 200},
		{`W/"weak",TAG`, 200},
		{`"other"`, 412},
		{`"a,b"`, 412},
		{`W/TAG`, 412},
		{`""`, 412},
		{`other`, 400},
		{`"other`, 400},
		{`TAG x`, 400},
		{`TAG "other"`, 400},
		{`*, TAG`, 400},
		{`w/"other"`, 400},
		{`"a b"`, 400},
		{`,`, 400},
		{` `, 400},
	} {
		header := strings.ReplaceAll(test.header, "TAG", tag())
		a := s.call("PATCH", "/sessions/demo", `{}`, "If-Match", header)
		if a.status != test.status {
			t.Errorf("If-Match: %s: status %d, want %d: %s", header, a.status, test.status, a.body)
		}
		switch a.status {
		case 400:
			if a.pointers() != "If-Match INVALID_REQUEST" {
				t.Errorf("If-Match: %s: pointers %s", header, a.pointers())
			}
		case 412:
			if current := s.call("GET", "/sessions/demo", "").raw("version"); a.raw("current_version") != current {
				t.Errorf("current_version %s, want %s", a.raw("current_version"), current)
			}
		}
	}
	s.call("DELETE", "/sessions/demo", "", "If-Match", `"other"`).refused(412, "VERSION_CONFLICT")
	s.call("DELETE", "/sessions/demo", "", "If-Match", "x").refused(400, "INVALID_REQUEST")
	s.call("DELETE", "/sessions/demo", "", "If-Match", tag()).wants(http.StatusNoContent)
	if a := s.call("DELETE", "/sessions/demo", "", "If-Match", "*").refused(412, "VERSION_CONFLICT"); a.raw("current_version") != "" {
		t.Errorf("a session that is gone has the version %s", a.raw("current_version"))
	}
	s.call("PATCH", "/sessions/demo", "{}", "If-Match", "*").refused(404, "SESSION_NOT_FOUND")
}

func TestListSessions(t *testing.T) {
	s := start(t)
	if got := s.call("GET", "/sessions", "").wants(http.StatusOK); got.raw("items") != "[]" || got.raw("next_cursor") != "" || got.header.Get("Link") != "" {
		t.Errorf("an empty list is %s", got.body)
	}
	for i := range 5 {
		s.session(fmt.Sprintf("s%d", i))
	}
	var seen []string
	for _, page := range s.pages("/sessions?limit=2") {
		seen = append(seen, page.items("id")...)
	}
	if got := strings.Join(seen, " "); got != "s0 s1 s2 s3 s4" {
		t.Errorf("the pages hold %s", got)
	}
}

func TestPageParameters(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/sessions", "/tools"} {
		for query, pointer := range map[string]string{
			"limit=0": "limit", "limit=1001": "limit", "limit=-1": "limit", "limit=%2B5": "limit", "limit=+5": "limit", "limit=05": "limit",
			"limit=1.0": "limit", "limit=": "limit", "limit=ten": "limit", "limit=1&limit=2": "limit", "limit=99999999999999999999": "limit",
			"cursor=": "cursor", "cursor=***": "cursor", "cursor=" + strings.Repeat("a", 1025): "cursor", "cursor=a&cursor=b": "cursor",
			"limit=%zz": "", "a;b": "",
		} {
			a := s.call("GET", path+"?"+query, "").refused(400, "INVALID_REQUEST")
			want := ""
			if pointer != "" {
				want = pointer + " INVALID_REQUEST"
			}
			if got := a.pointers(); got != want {
				t.Errorf("%s?%s: pointers %q, want %q", path, query, got, want)
			}
		}
		for _, query := range []string{"limit=1", "limit=1000", "unknown=1", ""} {
			s.call("GET", path+"?"+query, "").wants(http.StatusOK)
		}
	}
}
