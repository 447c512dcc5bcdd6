package server_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/tools"
)

// TestResultsAreByteFaithful sends what careless JSON handling changes.
func TestResultsAreByteFaithful(t *testing.T) {
	s := start(t)
	s.session("demo")
	for _, arguments := range []string{
		`{"n":9007199254740993,"m":-9223372036854775808,"big":123456789012345678901234567890}`,
		`{"f":1.0,"e":1e2,"E":1E+02,"small":0.1000}`,
		`{"html":"<b>&amp;</b>","line":"\u2028","escaped":"\u00e9\/","plain":"é/"}`,
		`{"z":1,"a":2,"Z":3}`,
		`{"nul":"\u0000","emoji":"😀","pair":"\ud83d\ude00"}`,
		`{}`,
	} {
		for _, path := range []string{"/execute", "/sessions/demo/execute"} {
			a := s.call("POST", path, `{"tool":"echo","arguments":`+arguments+`}`).wants(http.StatusOK)
			if got := a.raw("result", "echoed"); got != arguments {
				t.Errorf("%s: sent %s\ngot %s", path, arguments, got)
			}
		}
	}
}

func TestExecuteAnswers(t *testing.T) {
	s := start(t)
	s.session("demo")
	a := s.call("POST", "/sessions/demo/execute", `{"tool":"increment_counter","arguments":{"by":5},"timeout_ms":1000}`).wants(http.StatusOK)
	for member, want := range map[string]string{
		"tool": `"increment_counter"`, "session_id": `"demo"`, "result": `{"value":5}`, "replica_id": `"rep_test"`,
	} {
		if got := a.raw(member); got != want {
			t.Errorf("%s is %s, want %s", member, got, want)
		}
	}
	if got := a.raw("execution_time_ms"); !regexp.MustCompile(`^\d+\.\d{3}$`).MatchString(got) {
		t.Errorf("execution_time_ms is %s", got)
	}
	if got := a.text("execution_id"); !regexp.MustCompile(`^exe_[A-Z2-7]{26}$`).MatchString(got) {
		t.Errorf("execution_id is %s", got)
	}
	if got := a.header.Get("Server-Timing"); !regexp.MustCompile(`^queue;dur=\d+\.\d{3}, tool;dur=\d+\.\d{3}, store;dur=\d+\.\d{3}$`).MatchString(got) {
		t.Errorf("Server-Timing is %s", got)
	}
	if a = s.call("POST", "/execute", `{"tool":"ping"}`).wants(http.StatusOK); a.raw("session_id") != "" {
		t.Errorf("an execution without session has one: %s", a.body)
	}
	line := s.log.of(t, a.header.Get("X-Request-Id"))
	if line["tool"] != "ping" || line["execution_id"] != a.text("execution_id") {
		t.Errorf("the log does not name the execution: %v", line)
	}
}

// TestCommandCount counts what got past Prepare, whatever its outcome.
func TestCommandCount(t *testing.T) {
	s := start(t)
	s.session("demo")
	for _, body := range []string{
		`{"tool":"increment_counter"}`, `{"tool":"get_counter"}`, `{"tool":"ping"}`, `{"tool":"error_demo"}`,
		`{"tool":"error_demo","arguments":{"error_type":"panic"}}`, `{"tool":"increment_counter","arguments":{"by":5,"max":3}}`,
		// These do not get there.
		`{"tool":"nothing"}`, `{"tool":"set_counter"}`, `{"tool":7}`,
	} {
		s.call("POST", "/sessions/demo/execute", body)
	}
	if got := s.call("GET", "/sessions/demo", "").raw("command_count"); got != "6" {
		t.Errorf("command_count %s, want 6", got)
	}
	for _, session := range []string{"none", "a%2Fb"} {
		if a := s.call("POST", "/sessions/"+session+"/execute", `{"tool":"ping"}`); a.status != 404 && a.status != 400 {
			t.Errorf("%s: %d", session, a.status)
		}
	}
}

// TestExamplesRun sends every example that the served document offers.
func TestExamplesRun(t *testing.T) {
	s := start(t)
	for _, info := range allInfos(t, s) {
		if info.Group == "test" {
			continue
		}
		for _, example := range info.Examples {
			t.Run(info.Name+" "+example.Name, func(t *testing.T) {
				id := s.call("POST", "/sessions", `{}`).wants(http.StatusCreated).text("id")
				a := s.call("POST", "/sessions/"+id+"/execute", `{"tool":"`+info.Name+`","arguments":`+string(example.Arguments)+`}`)
				switch {
				case example.Fails != "":
					if a.text("code") != string(example.Fails) {
						t.Errorf("%s, want %s", a.body, example.Fails)
					}
				case example.Result != nil:
					a.wants(http.StatusOK)
					if diff := cmp.Diff(decoded(t, string(example.Result)), decoded(t, a.raw("result"))); diff != "" {
						t.Errorf("the result (-want +got):\n%s", diff)
					}
				default:
					a.wants(http.StatusOK)
				}
			})
		}
	}
}

// decoded makes JSON comparable.
func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func allInfos(t *testing.T, s *running) []tools.Info {
	t.Helper()
	registry, err := s.registry()
	if err != nil {
		t.Fatal(err)
	}
	return registry.All()
}

func TestDeadlineCoversTheQueue(t *testing.T) {
	s := start(t, func(s *setup) { s.executor.Light.Slots, s.executor.Light.Queue = 1, 1 })
	finished := s.waiting()
	defer finished()
	a := s.call("POST", "/execute", `{"tool":"ping","timeout_ms":20}`).refused(504, "DEADLINE_EXCEEDED")
	if a.text("phase") != "queue" || a.raw("timeout_ms") != "20" {
		t.Errorf("phase and budget are not told: %s", a.body)
	}
	if !regexp.MustCompile(`queue;dur=\d\d`).MatchString(a.header.Get("Server-Timing")) {
		t.Errorf("Server-Timing %q does not show the wait", a.header.Get("Server-Timing"))
	}
}
