package server_test

import (
	"net/http"
	"strings"
	"testing"
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
