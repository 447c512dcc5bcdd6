package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	s := inSession(t)
	s.call("PUT", vars+"/x", `{"value":1}`).wants(201)
	s.call("PUT", vars+"/y", `{"value":1}`).wants(201)
	lock := s.call("PUT", vars+"/x/lock", `{"ttl_seconds":60,"holder":"trainer-7"}`).wants(200)
	token := lock.text("token")
	if len(token) < 26 || lock.raw("fence") == "" {
		t.Errorf("the lock is %s", lock.body)
	}
	locked := func(a *answer) {
		t.Helper()
		a.refused(423, "VARIABLE_LOCKED")
		if a.text("holder") != "trainer-7" || a.raw("expires_at") != lock.raw("expires_at") || a.header.Get("Retry-After") == "" || strings.Contains(string(a.body), token) {
			t.Errorf("refused with %s", a.body)
		}
	}
	writes := [][3]string{
		{"PUT", vars + "/x", `{"value":2}`},
		{"PATCH", vars + "/x", `{"metadata":{"a":1}}`},
		{"POST", vars + "/x/increment", `{}`},
		{"POST", vars + "/x/rollback", `{"version":1}`},
		{"POST", vars + ":batch", `{"set":{"x":{"value":2}},"atomic":true}`},
		{"POST", "/sessions/demo/execute", `{"tool":"add_variable","arguments":{"name":"x"}}`},
	}
	ends := [][3]string{
		{"PUT", vars + "/x/lock", `{"ttl_seconds":60}`},
		{"DELETE", vars + "/x/lock"},
		{"DELETE", vars + "/x"},
		{"DELETE", "/sessions/demo"},
	}
	for _, r := range slices.Concat(writes, ends) {
		locked(s.call(r[0], r[1], r[2]))
		locked(s.call(r[0], r[1], r[2], "X-Lock-Token", "another"))
		s.call(r[0], r[1], r[2], "X-Lock-Token", "a b").refused(400, "INVALID_REQUEST")
		req := s.request(r[0], r[1], r[2])
		req.Header["X-Lock-Token"] = []string{token, token}
		s.send(req).refused(400, "INVALID_REQUEST")
	}
	if got := s.call("POST", vars+":batch", `{"set":{"x":{"value":2},"y":{"value":2}}}`).wants(200); got.text("results", "x", "problem", "holder") != "trainer-7" || got.raw("results", "y", "version") != "2" {
		t.Errorf("a batch answers %s", got.body)
	}
	s.call("GET", vars+"/x", "").wants(200)
	for _, r := range writes {
		s.call(r[0], r[1], r[2], "X-Lock-Token", token).wants(200)
	}
	renewed := s.call("PUT", vars+"/x/lock", `{"ttl_seconds":120,"token":"`+token+`"}`).wants(200)
	if renewed.raw("fence") != lock.raw("fence") || renewed.raw("expires_at") == lock.raw("expires_at") || renewed.text("token") != token {
		t.Errorf("renewed: %s after %s", renewed.body, lock.body)
	}
	if a := s.call("PUT", vars+"/x/lock", `{"ttl_seconds":9}`, "X-Lock-Token", token).wants(200); a.text("token") != token || a.raw("fence") != lock.raw("fence") {
		t.Errorf("renewed by the header: %s", a.body)
	}
	if a := s.call("PUT", vars+"/x", `{"value":3}`).refused(423, "VARIABLE_LOCKED"); a.text("holder") != "trainer-7" {
		t.Errorf("renewed without a holder, it is held by %q", a.text("holder"))
	}
	s.call("PUT", vars+"/x/lock", `{"ttl_seconds":9,"holder":"trainer-8"}`, "X-Lock-Token", token).wants(200)
	if a := s.call("PUT", vars+"/x", `{"value":3}`).refused(423, "VARIABLE_LOCKED"); a.text("holder") != "trainer-8" {
		t.Errorf("renewed by another holder, it is held by %q", a.text("holder"))
	}
	s.call("DELETE", vars+"/x/lock", "", "X-Lock-Token", token).wants(http.StatusNoContent)
	s.call("DELETE", vars+"/x/lock", "").wants(http.StatusNoContent)
	s.call("PUT", vars+"/x", `{"value":2}`).wants(200)
	if again := s.call("PUT", vars+"/x/lock", `{"ttl_seconds":1,"token":"mine"}`).wants(200); again.text("token") != "mine" || again.raw("fence") == lock.raw("fence") {
		t.Errorf("locked again: %s", again.body)
	}
	if a := s.call("PUT", vars+"/x", `{"value":3}`).refused(423, "VARIABLE_LOCKED"); a.text("holder") != "http" {
		t.Errorf("the holder is %s", a.text("holder"))
	}
	s.offset.Store(int64(2 * time.Second))
	s.call("PUT", vars+"/x", `{"value":3}`).wants(200)
	s.call("PUT", vars+"/x/lock", `{"ttl_seconds":86400,"token":"mine"}`).wants(200)
	s.call("DELETE", "/sessions/demo", "", "X-Lock-Token", "mine").wants(http.StatusNoContent)
}

func TestRefusedLocks(t *testing.T) {
	s := inSession(t)
	s.call("PUT", vars+"/x", `{"value":1}`).wants(201)
	for body, pointers := range map[string]string{
		`{}`:                              "/ttl_seconds MISSING_PARAMETER",
		`{"ttl_seconds":0}`:               "/ttl_seconds CONSTRAINT_VIOLATION",
		`{"ttl_seconds":86401}`:           "/ttl_seconds CONSTRAINT_VIOLATION",
		`{"ttl_seconds":"1"}`:             "/ttl_seconds TYPE_MISMATCH",
		`{"ttl_seconds":1,"token":""}`:    "/token CONSTRAINT_VIOLATION",
		`{"ttl_seconds":1,"token":"a b"}`: "/token CONSTRAINT_VIOLATION",
		`{"ttl_seconds":1,"token":null}`:  "/token TYPE_MISMATCH",
		`{"ttl_seconds":1,"holder":""}`:   "/holder CONSTRAINT_VIOLATION",
		`{"ttl_seconds":1,"fence":1}`:     "/fence UNKNOWN_PARAMETER",
		`{"ttl_seconds":1,"holder":"` + strings.Repeat("é", 33) + `"}`: "/holder CONSTRAINT_VIOLATION",
		`{"ttl_seconds":1,"token":"` + strings.Repeat("t", 129) + `"}`: "/token CONSTRAINT_VIOLATION",
	} {
		if a := s.call("PUT", vars+"/x/lock", body).wants(400); a.pointers() != pointers {
			t.Errorf("%s: pointers %s, want %s", body, a.pointers(), pointers)
		}
	}
	s.call("PUT", vars+"/none/lock", `{"ttl_seconds":1}`).refused(404, "VARIABLE_NOT_FOUND")
}
