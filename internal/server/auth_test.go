package server_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/server"
)

func digest(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// withKeys lets two owners in: anna with two keys, and ben.
func withKeys(t *testing.T) func(*setup) {
	t.Helper()
	keys, err := server.ParseKeys(strings.NewReader(
		"# owners\n\nanna:" + digest("a1") + "\nanna:" + digest("a2") + " # the next one\nben:" + strings.ToUpper(digest("b")) + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return with(func(c *server.Config) { c.Keys = keys })
}

func TestOwnersDoNotSeeEachOther(t *testing.T) {
	s := start(t, withKeys(t))
	anna, next, ben := []string{"Authorization", "Bearer a1"}, []string{"Authorization", "bearer  a2"}, []string{"Authorization", "Bearer b"}
	s.call("POST", "/sessions", `{"id":"demo"}`, anna...).wants(http.StatusCreated)
	s.call("GET", "/sessions/demo", "", next...).wants(http.StatusOK)

	// What belongs to somebody else answers like what never was.
	foreign := s.call("GET", "/sessions/demo", "", ben...).refused(http.StatusNotFound, "SESSION_NOT_FOUND")
	absent := s.call("GET", "/sessions/none", "", ben...).refused(http.StatusNotFound, "SESSION_NOT_FOUND")
	clean := func(a *answer, id string) string {
		return strings.ReplaceAll(strings.ReplaceAll(string(a.body), a.header.Get("X-Request-Id"), "-"), id, "-")
	}
	if diff := cmp.Diff(clean(absent, "none"), clean(foreign, "demo")); diff != "" {
		t.Errorf("a foreign session can be told from an absent one:\n%s", diff)
	}
	if got := s.call("GET", "/sessions", "", ben...).wants(http.StatusOK).raw("items"); got != "[]" {
		t.Errorf("ben sees %s", got)
	}
	s.call("DELETE", "/sessions/demo", "", ben...).wants(http.StatusNoContent)
	s.call("GET", "/sessions/demo", "", anna...).wants(http.StatusOK)

	line := s.log.of(t, foreign.header.Get("X-Request-Id"))
	if line["owner"] != "ben" {
		t.Errorf("the log's owner is %v", line["owner"])
	}
}

func TestKeysAreAskedFor(t *testing.T) {
	s := start(t, withKeys(t))
	for _, path := range []string{"/livez", "/readyz", "/docs", "/docs/errors", "/docs/swagger-ui.css", "/openapi.json", "/openapi.yaml"} {
		s.call("GET", path, "").wants(http.StatusOK)
	}
	for _, route := range [][3]string{
		{"GET", "/"},
		{"GET", "/tools"},
		{"GET", "/tools/echo"},
		{"POST", "/execute", `{"tool":"ping"}`},
		{"GET", "/sessions"},
		{"POST", "/sessions", "{}"},
		{"GET", "/sessions/demo"},
		{"PATCH", "/sessions/demo", "{}"},
		{"DELETE", "/sessions/demo"},
		{"POST", "/sessions/demo/touch"},
		{"POST", "/sessions/demo/execute", `{"tool":"ping"}`},
		{"GET", "/sessions?limit=wrong"},
		{"HEAD", "/tools"}, // before anything else is judged
	} {
		for _, credentials := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic a1", "a1", "Bearer a1 a1", "Bearer\ta1"} {
			a := s.call(route[0], route[1], route[2], "Authorization", credentials)
			a.wants(http.StatusUnauthorized)
			if got := a.header.Get("WWW-Authenticate"); got != `Bearer realm="toolpit"` {
				t.Errorf("%v with %q: WWW-Authenticate %q", route, credentials, got)
			}
		}
	}
	req := s.request("GET", "/", "")
	req.Header["Authorization"] = []string{"Bearer a1", "Bearer b"}
	s.send(req).refused(http.StatusUnauthorized, "UNAUTHENTICATED")
}

func TestParseKeysRefuses(t *testing.T) {
	good := digest("a")
	for _, test := range []struct{ file, want string }{
		{"", "no key"},
		{"# nothing\n", "no key"},
		{"\nanna\n", "line 2"},
		{"anna:" + good + "\nan na:" + good, "line 2"},
		{":" + good, "line 1"},
		{strings.Repeat("a", 65) + ":" + good, "line 1"},
		{"anna:" + good[1:], "line 1"},
		{"anna:" + good + "00", "line 1"},
		{"anna:g" + good[1:], "line 1"},
		{"anna:" + good + "\nben:" + strings.ToUpper(good), "line 2"},
		{"anna: " + good, "line 1"},
		{strings.Repeat("x", 1<<17), "token too long"},
	} {
		_, err := server.ParseKeys(strings.NewReader(test.file))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.40q: %v, want %s", test.file, err, test.want)
		}
		if err != nil && (strings.Contains(err.Error(), good[1:]) || strings.Contains(err.Error(), "anna")) {
			t.Errorf("the error quotes the file: %v", err)
		}
	}
}
