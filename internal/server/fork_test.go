package server_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestForkedSession(t *testing.T) {
	s := start(t)
	s.call("POST", "/sessions", `{"id":"demo","ttl_seconds":600,"labels":{"team":"blue"}}`).wants(201)
	s.put("demo", "x", "1")
	s.put("demo", "x", "2")
	forked := s.call("POST", "/sessions/demo/fork", "").wants(http.StatusCreated)
	child := forked.text("id")
	if got := forked.header.Get("Location"); got != "/sessions/"+child || !strings.HasPrefix(child, "ses_") || forked.header.Get("ETag") == "" {
		t.Errorf("Location %q, ETag %q of %s", got, forked.header.Get("ETag"), child)
	}
	if forked.raw("ttl_seconds") != "600" || forked.raw("labels") != `{"team":"blue"}` || forked.raw("variable_count") != "1" || forked.raw("command_count") != "0" {
		t.Errorf("%s", forked.body)
	}
	s.put("demo", "x", "3")
	s.put(child, "y", "1")
	if got := s.call("GET", "/sessions/"+child+"/variables/x", "").wants(200); got.raw("value") != "2" || got.raw("version") != "2" {
		t.Errorf("%s", got.body)
	}
	if got := s.call("GET", "/sessions/"+child+"/variables/x/history", "").raw("items"); strings.Count(got, `"version"`) != 2 {
		t.Errorf("%s", got)
	}
	s.call("GET", "/sessions/demo/variables/y", "").refused(404, "VARIABLE_NOT_FOUND")
	other := s.call("POST", "/sessions/"+child+"/fork", `{"ttl_seconds":60,"labels":{}}`).wants(201)
	if other.raw("ttl_seconds") != "60" || other.raw("labels") != `{}` || other.raw("variable_count") != "2" {
		t.Errorf("%s", other.body)
	}
}

func TestForkIsRepeated(t *testing.T) {
	s := start(t)
	s.session("demo")
	s.session("other")
	first := s.call("POST", "/sessions/demo/fork", `{}`, "Idempotency-Key", "k").wants(201)
	again := s.call("POST", "/sessions/demo/fork", `{}`, "Idempotency-Key", "k").wants(201)
	if string(first.body) != string(again.body) || again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("%s, again %s", first.body, again.body)
	}
	s.call("POST", "/sessions/demo/fork", `{"ttl_seconds":60}`, "Idempotency-Key", "k").refused(422, "IDEMPOTENCY_KEY_REUSED")
	if elsewhere := s.call("POST", "/sessions/other/fork", `{}`, "Idempotency-Key", "k").wants(201); elsewhere.text("id") == first.text("id") {
		t.Error("the key of one session counts in another")
	}
	s.call("POST", "/sessions/none/fork", "").refused(404, "SESSION_NOT_FOUND")
	s.call("POST", "/sessions/demo/fork", `{"ttl_seconds":0}`).refused(400, "INVALID_REQUEST")
	s.call("POST", "/sessions/demo/fork", `{"id":"x"}`).refused(400, "UNKNOWN_PARAMETER")
}

func TestUsageOfASession(t *testing.T) {
	s := start(t)
	s.session("demo")
	s.put("demo", "x", "1")
	s.put("demo", "x", "2")
	s.call("PUT", "/sessions/demo/variables/x/lock", `{"ttl_seconds":60}`).wants(200)
	a := s.call("GET", "/sessions/demo/usage", "").wants(200)
	if a.raw("variables") != `{"used":1,"limit":10000}` && a.raw("variables") != `{"limit":10000,"used":1}` {
		t.Errorf("variables %s", a.raw("variables"))
	}
	for member, want := range map[string]string{"events": "3", "locks": "1", "blobs": "0"} {
		if got := a.raw(member, "used"); got != want {
			t.Errorf("%s %s, want %s", member, got, want)
		}
	}
	if a.raw("bytes", "used") == "0" || a.raw("bytes", "limit") != "4294967296" {
		t.Errorf("%s", a.body)
	}
	s.call("GET", "/sessions/none/usage", "").refused(404, "SESSION_NOT_FOUND")
}
