package server_test

import (
	"slices"
	"strings"
	"testing"

	"toolpit/internal/store"
)

// SQLite, which these tests run on, can be asked for everysec, and for fsync
// when it was opened for it.
func TestPreferredDurability(t *testing.T) {
	const increment = `{"tool":"increment_counter"}`
	for _, tc := range []struct {
		level    store.Durability // of the store
		prefer   []string
		status   int
		achieved string
	}{
		{store.Memory, nil, 200, ""},
		{store.Memory, []string{"durability=memory"}, 200, "memory"},
		{store.Memory, []string{"durability=everysec"}, 200, "everysec"},
		{store.Memory, []string{`handling=strict, Durability = "everysec" ;x=y, durability=fsync`}, 200, "everysec"},
		{store.Memory, []string{"respond-sooner, wait=5"}, 200, ""},
		{store.Memory, []string{"durability=fsync"}, 400, ""},
		{store.Fsync, []string{"durability=fsync"}, 200, "fsync"},
		{store.Fsync, []string{"durability=replicated"}, 400, ""},
		{store.Memory, []string{"durability=eternal"}, 400, ""},
		{store.Memory, []string{"durability"}, 400, ""},
	} {
		s := start(t, func(s *setup) { s.store.Durability = tc.level })
		var header []string
		for _, p := range tc.prefer {
			header = append(header, "Prefer", p)
		}
		for _, c := range []struct{ method, path, body string }{
			{"POST", "/sessions", `{"id":"demo","if_exists":"return"}`},
			{"PATCH", "/sessions/demo", `{"ttl_seconds":60}`},
			{"POST", "/sessions/demo/touch", ""},
			{"POST", "/sessions/demo/execute", increment},
			{"POST", "/execute", `{"tool":"ping"}`},
			{"POST", "/sessions/demo/variables", `{"name":"x","value":1}`},
			{"PUT", "/sessions/demo/variables/x", `{"value":2}`},
			{"PATCH", "/sessions/demo/variables/x", `{"metadata":{"a":1}}`},
			{"POST", "/sessions/demo/variables/x/increment", `{}`},
			{"POST", "/sessions/demo/variables/x/rollback", `{"version":1}`},
			{"POST", "/sessions/demo/variables:batch", `{"set":{"y":{"value":1}}}`},
			{"PUT", "/sessions/demo/variables/x/lock", `{"ttl_seconds":1,"token":"t"}`},
			{"DELETE", "/sessions/demo/variables/x/lock", ""},
			{"DELETE", "/sessions/demo/variables/x", ""},
			{"DELETE", "/sessions/demo", ""},
		} {
			if strings.HasSuffix(c.path, "/lock") && c.method == "DELETE" {
				header = append(slices.Clone(header), "X-Lock-Token", "t")
			}
			if c.path != "/sessions" {
				s.call("POST", "/sessions", `{"id":"demo","if_exists":"return"}`)
			}
			a := s.call(c.method, c.path, c.body, header...)
			applied := ""
			if tc.achieved != "" {
				applied = "durability=" + tc.achieved
			}
			if (a.status >= 300) != (tc.status >= 300) || a.header.Get("Durability-Achieved") != tc.achieved || a.header.Get("Preference-Applied") != applied {
				t.Errorf("%s store, %q, %s %s: %d %s %v", tc.level, tc.prefer, c.method, c.path, a.status, a.body, a.header)
			}
			if tc.status == 400 {
				a.refused(400, "INVALID_REQUEST")
			}
		}
	}
}

// What is answered with an error makes no promise.
func TestAProblemPromisesNothing(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/sessions/none/execute", "/sessions/none/touch"} {
		a := s.call("POST", path, `{"tool":"increment_counter"}`, "Prefer", "durability=everysec").refused(404, "SESSION_NOT_FOUND")
		if a.header.Get("Durability-Achieved") != "" || a.header.Get("Preference-Applied") != "" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
}
