package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/fault"
	"toolpit/internal/server"
	"toolpit/internal/store"
)

// provoked is, for every code, the shortest way to it over HTTP. A code that is
// missing here fails the test: nobody may return what no client has seen.
func provoked() map[fault.Code]func(t *testing.T) *answer {
	return map[fault.Code]func(t *testing.T) *answer{
		fault.InvalidRequest: func(t *testing.T) *answer {
			return start(t).call("POST", "/execute", `{"tool":"echo","arguments":{"a":1,"a":2}}`)
		},
		fault.MissingParameter: func(t *testing.T) *answer {
			return start(t).call("POST", "/execute", `{}`)
		},
		fault.UnknownParameter: func(t *testing.T) *answer {
			return start(t).call("POST", "/execute", `{"tool":"echo","argumets":{}}`)
		},
		fault.RouteNotFound: func(t *testing.T) *answer {
			return start(t).call("GET", "/v1/sessions", "")
		},
		fault.MethodNotAllowed: func(t *testing.T) *answer {
			return start(t).call("PUT", "/sessions/demo", "")
		},
		fault.NotAcceptable: func(t *testing.T) *answer {
			return start(t).call("GET", "/sessions", "", "Accept", "text/html, application/xml;q=0.9")
		},
		fault.BodyTooLarge: func(t *testing.T) *answer {
			return start(t).call("POST", "/execute", strings.Repeat(" ", 1<<20+1))
		},
		fault.UnsupportedMediaType: func(t *testing.T) *answer {
			return start(t).call("POST", "/execute", "tool=echo", "Content-Type", "application/x-www-form-urlencoded")
		},
		fault.Unauthenticated: func(t *testing.T) *answer {
			return start(t, withKeys(t)).call("GET", "/sessions", "")
		},
		fault.Forbidden: func(t *testing.T) *answer {
			return start(t).call("POST", "/sessions", "", "Sec-Fetch-Site", "cross-site")
		},
		fault.TypeMismatch: func(t *testing.T) *answer {
			return inDemo(start(t), `{"tool":"set_counter","arguments":{"value":"41"}}`)
		},
		fault.ConstraintViolation: func(t *testing.T) *answer {
			return inDemo(start(t), `{"tool":"set_counter","arguments":{"by":41}}`)
		},
		fault.CounterOverflow: func(t *testing.T) *answer {
			s := start(t)
			inDemo(s, `{"tool":"set_counter","arguments":{"value":9223372036854775807}}`).wants(http.StatusOK)
			return s.call("POST", "/sessions/demo/execute", `{"tool":"increment_counter"}`)
		},
		fault.ValueTooLarge: func(t *testing.T) *answer {
			return start(t).call("POST", "/execute", `{"tool":"echo","arguments":{"a":"`+strings.Repeat("x", 256<<10)+`"}}`)
		},
		fault.UnknownType: func(t *testing.T) *answer {
			s := start(t)
			s.session("demo")
			return s.call("PUT", "/sessions/demo/variables/x", `{"value":1,"type":"intger"}`)
		},
		fault.InvalidConstraints: func(t *testing.T) *answer {
			s := start(t)
			s.session("demo")
			return s.call("PUT", "/sessions/demo/variables/x", `{"value":1,"constraints":{"min":2,"max":1}}`)
		},
		fault.RangeNotSatisfiable: func(t *testing.T) *answer {
			s := start(t)
			s.session("demo")
			s.call("PUT", "/sessions/demo/tensors/x", `{"dtype":"u8","shape":[3],"data":[1,2,3]}`).wants(http.StatusCreated)
			return s.call("GET", "/sessions/demo/tensors/x", "", "Accept", octets, "Range", "bytes=3-")
		},
		fault.ToolNotFound: func(t *testing.T) *answer {
			return start(t).call("POST", "/execute", `{"tool":"increment_count"}`)
		},
		fault.SessionNotFound: func(t *testing.T) *answer {
			return start(t).call("GET", "/sessions/demo", "")
		},
		fault.SessionExpired: func(t *testing.T) *answer {
			s := start(t)
			s.session("demo")
			s.offset.Store(int64(2 * time.Hour))
			s.offset.Store(int64(time.Hour + time.Second))
			return s.call("GET", "/sessions/demo", "")
		},
		fault.SessionExists: func(t *testing.T) *answer {
			s := start(t)
			s.session("demo")
			return s.call("POST", "/sessions", `{"id":"demo"}`)
		},
		fault.SessionReadOnly: func(t *testing.T) *answer {
			s := start(t)
			s.session("demo")
			_, err := s.store.Update(t.Context(), store.Ref{Owner: "default", ID: "demo"}, store.SessionUpdate{
				Write: store.Write{Token: store.MintToken(time.Now()), By: "test"}, ReadOnly: new(true),
			})
			if err != nil {
				t.Fatal(err)
			}
			return s.call("POST", "/sessions/demo/execute", `{"tool":"increment_counter"}`)
		},
		fault.VariableNotFound: func(t *testing.T) *answer {
			return inDemo(start(t), `{"tool":"add_variable","arguments":{"name":"x"}}`)
		},
		fault.VariableExists: func(t *testing.T) *answer {
			s := start(t)
			inDemo(s, `{"tool":"create_variable","arguments":{"name":"x"}}`).wants(http.StatusOK)
			return s.call("POST", "/sessions/demo/execute", `{"tool":"create_variable","arguments":{"name":"x"}}`)
		},
		fault.VersionConflict: func(t *testing.T) *answer {
			s := start(t)
			s.session("demo")
			return s.call("PATCH", "/sessions/demo", `{"ttl_seconds":60}`, "If-Match", `"other"`)
		},
		fault.VersionNotFound: func(t *testing.T) *answer {
			s := start(t)
			s.session("demo")
			s.call("PUT", "/sessions/demo/variables/x", `{"value":1}`).wants(http.StatusCreated)
			return s.call("POST", "/sessions/demo/variables/x/rollback", `{"version":7}`)
		},
		fault.VariableLocked: func(t *testing.T) *answer {
			s := start(t)
			s.session("demo")
			s.call("PUT", "/sessions/demo/variables/x", `{"value":1}`).wants(http.StatusCreated)
			s.call("PUT", "/sessions/demo/variables/x/lock", `{"ttl_seconds":60,"holder":"trainer-7"}`).wants(http.StatusOK)
			return s.call("PUT", "/sessions/demo/variables/x", `{"value":2}`)
		},
		fault.IdempotencyKeyReused: func(t *testing.T) *answer {
			s := start(t)
			s.call("POST", "/sessions", `{"id":"demo"}`, "Idempotency-Key", "k").wants(http.StatusCreated)
			return s.call("POST", "/sessions", `{"id":"other"}`, "Idempotency-Key", "k")
		},
		fault.SessionQuotaExceeded: func(t *testing.T) *answer {
			s := start(t)
			s.call("POST", "/sessions", `{"id":"demo","labels":{`+labels(0, 64)+`}}`).wants(http.StatusCreated)
			return s.call("PATCH", "/sessions/demo", `{"labels":{`+labels(64, 65)+`}}`)
		},
		fault.VariableQuotaExceeded: func(t *testing.T) *answer {
			s := start(t, func(s *setup) { s.store.Limits.Variables = 1 })
			inDemo(s, `{"tool":"create_variable","arguments":{"name":"x"}}`).wants(http.StatusOK)
			return s.call("POST", "/sessions/demo/execute", `{"tool":"create_variable","arguments":{"name":"y"}}`)
		},
		fault.RateLimited: func(t *testing.T) *answer {
			s := start(t, with(func(c *server.Config) { c.Limits.Rate, c.Limits.Burst = 0.001, 1 }))
			s.call("GET", "/", "").wants(http.StatusOK)
			return s.call("GET", "/", "")
		},
		fault.PoolSaturated: func(t *testing.T) *answer {
			s := start(t, func(s *setup) { s.executor.Light.Slots, s.executor.Light.Queue = 1, 0 })
			finished := s.waiting()
			defer finished()
			return s.call("POST", "/execute", `{"tool":"ping"}`)
		},
		fault.DeadlineExceeded: func(t *testing.T) *answer {
			return start(t).call("POST", "/execute", `{"tool":"wait","timeout_ms":20}`)
		},
		fault.OutcomeUnknown: func(t *testing.T) *answer {
			return broken(t, fault.New(fault.OutcomeUnknown, "The store failed while it confirmed the change.").Retry(time.Second))
		},
		fault.DurabilityNotReached: func(t *testing.T) *answer {
			return broken(t, store.NotConfirmed().Retry(time.Second))
		},
		fault.StoreUnavailable: func(t *testing.T) *answer {
			return broken(t, fault.New(fault.StoreUnavailable, "The store did not answer in time.").Retry(time.Second))
		},
		fault.StoreFull: func(t *testing.T) *answer {
			return broken(t, fault.New(fault.StoreFull, "The store has no space left."))
		},
		fault.ToolFailed: func(t *testing.T) *answer {
			return start(t).call("POST", "/execute", `{"tool":"error_demo","arguments":{"error_type":"runtime"}}`)
		},
		fault.ToolPanic: func(t *testing.T) *answer {
			return start(t).call("POST", "/execute", `{"tool":"error_demo","arguments":{"error_type":"panic"}}`)
		},
		fault.Cancelled: cancelledCall,
		fault.Internal: func(t *testing.T) *answer {
			return start(t).call("POST", "/execute", `{"tool":"leak"}`)
		},
	}
}

// inDemo executes a tool in a new session.
func inDemo(s *running, body string) *answer {
	s.t.Helper()
	s.session("demo")
	return s.call("POST", "/sessions/demo/execute", body)
}

// broken executes a tool while the store fails.
func broken(t *testing.T, err error) *answer {
	t.Helper()
	f := &failing{}
	s := start(t, wrapped(func(s store.Store) store.Store { f.Store = s; return f }))
	s.session("demo")
	breaks(&f.apply, err)
	return s.call("POST", "/sessions/demo/execute", `{"tool":"increment_counter"}`)
}

// labels lists labels from one number up to another.
func labels(from, to int) string {
	var list []string
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprintf(`"l%d":""`, i))
	}
	return strings.Join(list, ",")
}

// waiting starts a call that keeps a slot until the returned function is
// called.
func (r *running) waiting() (finished func()) {
	r.t.Helper()
	done := make(chan *answer, 1)
	go func() { done <- r.call("POST", "/execute", `{"tool":"wait"}`) }()
	<-r.hold.started
	return func() {
		close(r.hold.release)
		(<-done).wants(http.StatusOK)
	}
}

// cancelledCall goes away while its tool runs. Nobody gets that answer; what
// there is of it is in the log, and is brought into the form of one here.
func cancelledCall(t *testing.T) *answer {
	s := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := s.client.Do(s.request("POST", "/execute", `{"tool":"wait"}`, "X-Request-Id", "gone").WithContext(ctx))
		gone <- err
	}()
	<-s.hold.started
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller got %v", err)
	}
	line := s.log.of(t, "gone")
	body, err := json.Marshal(map[string]any{"code": line["code"], "status": line["status"]})
	if err != nil {
		t.Fatal(err)
	}
	return &answer{t: t, status: int(line["status"].(float64)), header: http.Header{}, body: body}
}

func TestEveryCodeReachesAClient(t *testing.T) {
	provoked := provoked()
	for _, code := range fault.Codes() {
		t.Run(string(code), func(t *testing.T) {
			provoke := provoked[code]
			if provoke == nil {
				t.Fatal("no call produces it")
			}
			a := provoke(t)
			if got := a.text("code"); got != string(code) {
				t.Fatalf("the call produces %s: %s", got, a.body)
			}
			golden(t, filepath.Join("testdata", "problems", string(code)+".http"), a.transcript())
		})
	}
	if len(provoked) != len(fault.Codes()) {
		t.Errorf("%d codes are produced, there are %d", len(provoked), len(fault.Codes()))
	}
}

// transcript is the answer with what differs each time taken out.
func (a *answer) transcript() []byte {
	a.t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d\n", a.status)
	for _, name := range []string{"Allow", "Connection", "Content-Range", "Content-Type", "Idempotency-Replayed", "Retry-After", "WWW-Authenticate"} {
		if value := a.header.Get(name); value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	var problem map[string]any
	if err := json.Unmarshal(a.body, &problem); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	if id, ok := problem["request_id"]; ok && id == a.header.Get("X-Request-Id") {
		problem["request_id"] = "as in X-Request-Id"
	}
	if ms, ok := problem["retry_after_ms"].(float64); ok && ms > 1000 {
		problem["retry_after_ms"] = "some time"
	}
	if _, ok := problem["expires_at"]; ok {
		problem["expires_at"] = "some time"
	}
	text, err := json.MarshalIndent(problem, "", "  ")
	if err != nil {
		a.t.Fatal(err)
	}
	fmt.Fprintf(&b, "\n%s\n", text)
	return b.Bytes()
}

// golden compares with a file, or rewrites it with -update.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// TestEverySourceOfErrorsMakesProblems goes through the places where an error
// can arise; the contract checks the form of what comes.
func TestEverySourceOfErrorsMakesProblems(t *testing.T) {
	f := &failing{}
	s := start(t,
		wrapped(func(s store.Store) store.Store { f.Store = s; return f }),
		with(func(c *server.Config) {
			c.Ready = func(context.Context) server.Readiness { panic("a defect: 10.0.0.7") }
		}))
	breaks(&f.get, errors.New("dial tcp 10.0.0.7:6379: connection refused"))
	for _, test := range []struct {
		source, method, path, body string
		status                     int
		code, pointers             string
	}{
		{"router", "GET", "/nothing", "", 404, "ROUTE_NOT_FOUND", ""},
		{"router, method", "POST", "/tools", "", 405, "METHOD_NOT_ALLOWED", ""},
		{"router, strange method", "BREW", "/tools", "", 405, "METHOD_NOT_ALLOWED", ""},
		{"router, both", "BREW", "/nothing", "", 404, "ROUTE_NOT_FOUND", ""},
		{"parameters", "GET", "/tools?limit=many", "", 400, "INVALID_REQUEST", "limit INVALID_REQUEST"},
		{"body", "POST", "/execute", "{", 400, "INVALID_REQUEST", " INVALID_REQUEST"},
		{"handler", "GET", "/sessions/none", "", 500, "INTERNAL", ""},
		{"panic", "GET", "/readyz", "", 500, "INTERNAL", ""},
	} {
		t.Run(test.source, func(t *testing.T) {
			a := s.call(test.method, test.path, test.body).refused(test.status, test.code)
			if got := a.pointers(); got != test.pointers {
				t.Errorf("pointers %q, want %q", got, test.pointers)
			}
			if strings.Contains(string(a.body), "10.0.0.7") {
				t.Errorf("the cause is sent: %s", a.body)
			}
			if test.status == 500 {
				line := s.log.of(t, a.header.Get("X-Request-Id"))
				if cause, _ := line["error"].(string); !strings.Contains(cause, "10.0.0.7") {
					t.Errorf("the cause is not in the log: %v", line)
				}
			}
		})
	}
}

func TestToolFailures(t *testing.T) {
	s := start(t)
	a := s.call("POST", "/execute", `{"tool":"error_demo","arguments":{"error_type":"value"}}`).refused(http.StatusUnprocessableEntity, "TOOL_FAILED")
	if got := a.text("error_type"); got != "ValueError" {
		t.Errorf("error_type %s", got)
	}
	a = s.call("POST", "/execute", `{"tool":"compute","arguments":{"expression":"1 +"}}`).wants(http.StatusUnprocessableEntity)
	if a.raw("position") != "3" || a.pointers() != "/arguments/expression CONSTRAINT_VIOLATION" {
		t.Errorf("an expression's error is not located: %s", a.body)
	}
}

func TestDocumentedProblemsAreTheReal(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	page := string(start(t).call("GET", "/docs/errors", "").wants(http.StatusOK).body)
	for name, response := range doc.Components.Responses {
		for _, example := range response.Value.Content["application/problem+json"].Examples {
			want := example.Value.Value.(map[string]any)
			code := want["code"].(string)
			golden, err := os.ReadFile(filepath.Join("testdata", "problems", code+".http"))
			if err != nil {
				t.Fatal(err)
			}
			_, text, _ := bytes.Cut(golden, []byte("\n\n"))
			var got map[string]any
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			for _, member := range []string{"type", "title", "status", "error_type", "retryable"} {
				if fmt.Sprint(got[member]) != fmt.Sprint(want[member]) {
					t.Errorf("%s, %s: %s is %v, the document has %v", name, code, member, got[member], want[member])
				}
			}
		}
	}
	for _, code := range fault.Codes() {
		anchor := strings.ReplaceAll(strings.ToLower(string(code)), "_", "-")
		if !strings.Contains(page, `<section id="`+anchor+`">`) {
			t.Errorf("the page has no section %s", anchor)
		}
	}
}
