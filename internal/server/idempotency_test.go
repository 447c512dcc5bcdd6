package server_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// lasting is a body without what may differ in a repeated answer.
func (a *answer) lasting() string {
	return regexp.MustCompile(`"(execution_time_ms|replica_id|request_id)":("[^"]*"|[0-9.]+)`).ReplaceAllString(string(a.body), "")
}

// TestRepetitionsOfEveryMutatingRoute sends each request twice under a key,
// with a change of the state in between, and then another one under that key.
func TestRepetitionsOfEveryMutatingRoute(t *testing.T) {
	for _, test := range []struct {
		name, method, path, body string
		other                    [3]string // another request under the same key, in the same scope
		status                   int
	}{
		{"create with an id", "POST", "/sessions", `{"id":"new","labels":{"a":"b"}}`, [3]string{"POST", "/sessions", `{"id":"newer"}`}, 201},
		{"create without", "POST", "/sessions", `{}`, [3]string{"POST", "/sessions", ``}, 201},
		{"create what exists", "POST", "/sessions", `{"id":"demo","if_exists":"return"}`, [3]string{"POST", "/sessions", `{"id":"demo"}`}, 200},
		{"patch", "PATCH", "/sessions/demo", `{"labels":{"a":"b"}}`, [3]string{"PATCH", "/sessions/demo", `{"labels":{"a":"c"}}`}, 200},
		{"touch", "POST", "/sessions/demo/touch", "", [3]string{"DELETE", "/sessions/demo", ""}, 200},
		{"touch with a body", "POST", "/sessions/demo/touch", `{}`, [3]string{"POST", "/sessions/demo/touch", `{"other":1}`}, 200},
		{"create a variable", "POST", "/sessions/demo/variables", `{"name":"x","value":[1]}`, [3]string{"POST", "/sessions/demo/variables", `{"name":"x","value":[2]}`}, 201},
		{"write a variable", "PUT", "/sessions/demo/variables/v", `{"value":2}`, [3]string{"PUT", "/sessions/demo/variables/v", `{"value":3}`}, 200},
		{"write a new variable", "PUT", "/sessions/demo/variables/w", `{"value":2,"expected_version":0}`, [3]string{"PUT", "/sessions/demo/variables/x", `{"value":2,"expected_version":0}`}, 201},
		{"patch a variable", "PATCH", "/sessions/demo/variables/v", `{"metadata":{"a":1}}`, [3]string{"PATCH", "/sessions/demo/variables/v", `{}`}, 200},
		{"increment", "POST", "/sessions/demo/variables/v/increment", `{}`, [3]string{"POST", "/sessions/demo/variables/v/increment", `{"by":1}`}, 200},
		{"rollback", "POST", "/sessions/demo/variables/v/rollback", `{"version":1}`, [3]string{"POST", "/sessions/demo/variables/v/rollback", `{"version":2}`}, 200},
		{"lock", "PUT", "/sessions/demo/variables/v/lock", `{"ttl_seconds":9}`, [3]string{"PUT", "/sessions/demo/variables/v/lock", `{"ttl_seconds":8}`}, 200},
		{"unlock", "DELETE", "/sessions/demo/variables/v/lock", ``, [3]string{"DELETE", "/sessions/demo/variables/v", ``}, 204},
		{"delete a variable", "DELETE", "/sessions/demo/variables/v", ``, [3]string{"DELETE", "/sessions/demo/variables/v/lock", ``}, 204},
		{"delete no variable", "DELETE", "/sessions/demo/variables/none?strict=true", ``, [3]string{"DELETE", "/sessions/demo/variables/v", ``}, 404},
		{
			"batch", "POST", "/sessions/demo/variables:batch", `{"set":{"v":{"value":5},"w":{"value":true,"expected_version":3}}}`,
			[3]string{"POST", "/sessions/demo/variables:batch", `{"set":{}}`},
			200,
		},
		{"delete", "DELETE", "/sessions/demo", "", [3]string{"POST", "/sessions/demo/touch", ""}, 204},
		{"execute", "POST", "/execute", `{"tool":"get_stats"}`, [3]string{"POST", "/execute", `{"tool":"ping"}`}, 200},
		{
			"execute, refused by the tool", "POST", "/execute", `{"tool":"error_demo","arguments":{"error_type":"value"}}`,
			[3]string{"POST", "/execute", `{"tool":"ping"}`},
			422,
		},
		{
			"execute in a session", "POST", "/sessions/demo/execute", `{"tool":"increment_counter"}`,
			[3]string{"POST", "/sessions/demo/execute", `{"tool":"increment_counter","arguments":{"by":1}}`},
			200,
		},
		{
			"read in a session", "POST", "/sessions/demo/execute", `{"tool":"get_counter"}`,
			[3]string{"POST", "/sessions/demo/execute", `{"tool":"get_counter","arguments":{}}`},
			200,
		},
		{
			"echo in a session", "POST", "/sessions/demo/execute", `{"tool":"echo","arguments":{"n":9007199254740993,"s":"<\/"}}`,
			[3]string{"POST", "/sessions/demo/execute", `{"tool":"echo"}`},
			200,
		},
		{
			"refused in a session", "POST", "/sessions/demo/execute", `{"tool":"increment_counter","arguments":{"by":5,"max":3}}`,
			[3]string{"POST", "/sessions/demo/execute", `{"tool":"increment_counter"}`},
			422,
		},
		{
			"the end of a session", "POST", "/sessions/demo/execute", `{"tool":"cleanup"}`,
			[3]string{"POST", "/sessions/demo/execute", `{"tool":"cleanup","arguments":{}}`},
			200,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			s.session("demo")
			s.call("PUT", "/sessions/demo/variables/v", `{"value":1}`).wants(201)
			key := []string{"Idempotency-Key", `"visible"!~`}
			first := s.call(test.method, test.path, test.body, key...).wants(test.status)
			if first.header.Get("Idempotency-Replayed") != "" {
				t.Error("the first answer is marked as replayed")
			}
			s.call("PATCH", "/sessions/demo", `{"labels":{"changed":"yes"}}`)
			s.call("PUT", "/sessions/demo/variables/v", `{"value":100}`)
			s.call("POST", "/sessions/demo/execute", `{"tool":"set_counter","arguments":{"value":100}}`)

			again := s.call(test.method, test.path, test.body, key...).wants(test.status)
			if again.header.Get("Idempotency-Replayed") != "true" {
				t.Error("the second answer is not marked as replayed")
			}
			if diff := cmp.Diff(first.lasting(), again.lasting()); diff != "" {
				t.Errorf("the second answer differs (-first +second):\n%s", diff)
			}
			for _, name := range []string{"ETag", "Location"} {
				if first.header.Get(name) != again.header.Get(name) {
					t.Errorf("%s: %q, then %q", name, first.header.Get(name), again.header.Get(name))
				}
			}
			reused := s.call(test.other[0], test.other[1], test.other[2], key...).refused(422, "IDEMPOTENCY_KEY_REUSED")
			if reused.header.Get("Idempotency-Replayed") != "" {
				t.Error("a reused key is marked as replayed")
			}
		})
	}
}

func TestRepeatedIncrementCountsOnce(t *testing.T) {
	s := start(t)
	s.session("demo")
	for range 5 {
		s.call("POST", "/sessions/demo/execute", `{"tool":"increment_counter"}`, "Idempotency-Key", "once").wants(200)
	}
	if got := s.counter("demo"); got != "1" {
		t.Errorf("the counter is %s", got)
	}
	if got := s.call("GET", "/sessions/demo", "").raw("command_count"); got != "2" { // get_counter is the other
		t.Errorf("command_count is %s", got)
	}
	// Another session is another scope, and so is the owner.
	s.call("POST", "/execute", `{"tool":"ping"}`, "Idempotency-Key", "once").wants(200)
	s.call("POST", "/sessions", `{"id":"third"}`, "Idempotency-Key", "twice").wants(201)
	s.call("POST", "/sessions/third/execute", `{"tool":"increment_counter"}`, "Idempotency-Key", "twice").wants(200)
	s.session("other")
	s.call("POST", "/sessions/other/execute", `{"tool":"increment_counter"}`, "Idempotency-Key", "once").wants(200)
}

func TestKeysAreChecked(t *testing.T) {
	s := start(t)
	s.session("demo")
	for _, route := range [][3]string{
		{"POST", "/sessions", "{}"},
		{"PATCH", "/sessions/demo", "{}"},
		{"DELETE", "/sessions/demo"},
		{"POST", "/sessions/demo/touch"},
		{"POST", "/execute", `{"tool":"ping"}`},
		{"POST", "/sessions/demo/execute", `{"tool":"ping"}`},
		{"POST", "/sessions/demo/variables", `{"name":"x","value":1}`},
		{"PUT", "/sessions/demo/variables/x", `{"value":1}`},
		{"PATCH", "/sessions/demo/variables/x", `{}`},
		{"DELETE", "/sessions/demo/variables/x"},
		{"POST", "/sessions/demo/variables:batch", `{"set":{}}`},
		{"POST", "/sessions/demo/variables:batch", `{"get":[]}`},
		{"POST", "/sessions/demo/variables/x/increment", `{}`},
		{"POST", "/sessions/demo/variables/x/rollback", `{"version":1}`},
		{"PUT", "/sessions/demo/variables/x/lock", `{"ttl_seconds":1}`},
		{"DELETE", "/sessions/demo/variables/x/lock"},
	} {
		for name, values := range map[string][]string{
			"empty": {""}, "blank inside": {"a b"}, "too long": {strings.Repeat("k", 256)}, "not ASCII": {"clé"}, "two": {"a", "b"},
		} {
			req := s.request(route[0], route[1], route[2])
			req.Header["Idempotency-Key"] = values
			a := s.send(req).refused(400, "INVALID_REQUEST")
			if got := a.pointers(); got != "Idempotency-Key INVALID_REQUEST" {
				t.Errorf("%v, %s: pointers %s", route, name, got)
			}
		}
		if a := s.call(route[0], route[1], route[2], "Idempotency-Key", strings.Repeat("~", 255)); a.status == 400 {
			t.Errorf("%v: a key of 255 characters: %s", route, a.body)
		}
	}
}

// TestCreationIsFinishedByItsRepetition fails between the decision about the
// id and the creation.
func TestCreationIsFinishedByItsRepetition(t *testing.T) {
	f := &failing{}
	s := start(t, wrapped(func(s store.Store) store.Store { f.Store = s; return f }))
	breaks(&f.create, fault.New(fault.StoreUnavailable, "Gone.").Retry(time.Second))
	s.call("POST", "/sessions", `{}`, "Idempotency-Key", "k").refused(503, "STORE_UNAVAILABLE")
	f.create.Store(nil)
	made := s.call("POST", "/sessions", `{}`, "Idempotency-Key", "k").wants(http.StatusCreated)
	again := s.call("POST", "/sessions", `{}`, "Idempotency-Key", "k").wants(http.StatusCreated)
	if made.text("id") != again.text("id") || string(made.body) != string(again.body) {
		t.Errorf("two sessions: %s and %s", made.body, again.body)
	}
	if got := s.call("GET", "/sessions", "").raw("items"); strings.Count(got, `"id"`) != 1 {
		t.Errorf("there are %s", got)
	}
	if !regexp.MustCompile(`^ses_[A-Z2-7]{34}$`).MatchString(made.text("id")) {
		t.Errorf("the id is %s", made.text("id"))
	}
}
