package server_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"toolpit/api"
	"toolpit/internal/server"
)

// served loads the document that clients get, and validates it with all its
// examples.
func (r *running) served() *openapi3.T {
	r.t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(r.call("GET", "/openapi.json", "").wants(http.StatusOK).body)
	if err != nil {
		r.t.Fatalf("loading the served document: %v", err)
	}
	if err := doc.Validate(r.t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaDefaultsValidation()); err != nil {
		r.t.Fatalf("validating the served document: %v", err)
	}
	return doc
}

func TestServedDocumentDescribesEveryTool(t *testing.T) {
	s := start(t)
	doc := s.served()
	stateless := doc.Paths.Find("/execute").Post.RequestBody.Value.Content["application/json"].Examples
	inSession := doc.Paths.Find("/sessions/{id}/execute").Post.RequestBody.Value.Content["application/json"].Examples
	for _, info := range allInfos(t, s) {
		arguments, result := doc.Components.Schemas[info.Name+".arguments"], doc.Components.Schemas[info.Name+".result"]
		if arguments == nil || result == nil {
			t.Errorf("%s has no schemas", info.Name)
			continue
		}
		for i, example := range info.Examples {
			name := info.Name + "-" + string(rune('1'+i))
			request := inSession[name]
			if request == nil {
				t.Errorf("%s is missing", name)
				continue
			}
			value := request.Value.Value.(map[string]any)
			if value["tool"] != info.Name {
				t.Errorf("%s calls %v", name, value["tool"])
			}
			if err := arguments.Value.VisitJSON(value["arguments"]); err != nil {
				t.Errorf("%s does not fit its schema: %v", name, err)
			}
			if (stateless[name] == nil) != info.RequiresSession {
				t.Errorf("%s: among the calls without a session: %t", name, stateless[name] != nil)
			}
			if example.Result != nil {
				if err := result.Value.VisitJSON(jsonValue(t, example.Result)); err != nil {
					t.Errorf("the result of %s does not fit its schema: %v", name, err)
				}
			}
		}
	}
}

func jsonValue(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestServedDocumentKeepsTheOrder checks what Swagger UI depends on: it offers
// the first example first.
func TestServedDocumentKeepsTheOrder(t *testing.T) {
	text := string(start(t).call("GET", "/openapi.json", "").wants(http.StatusOK).body)
	at := 0
	for _, next := range []string{
		`"openapi":"3.0.3"`, `"info":`, `"paths":{"/":`, `"/sessions/{id}/execute":`, `"examples":{"increment_counter":`,
		`"value":{"tool":"increment_counter","arguments":{}}`, `"components":`, `"schemas":{"Root":`, `"increment_counter.arguments":`,
	} {
		i := strings.Index(text[at:], next)
		if i < 0 {
			t.Fatalf("after byte %d there is no %s", at, next)
		}
		at += i
	}
}

func TestServedDocumentStatesTheLimits(t *testing.T) {
	s := start(t, with(func(c *server.Config) {
		c.Limits = server.Limits{DefaultTTL: 2 * time.Minute, MaxTTL: time.Hour, DefaultTimeout: time.Second, MaxTimeout: 10 * time.Second}
	}))
	doc, err := openapi3.NewLoader().LoadFromData(s.call("GET", "/openapi.json", "").wants(http.StatusOK).body)
	if err != nil {
		t.Fatal(err)
	}
	member := func(schema, name string) *openapi3.Schema {
		return doc.Components.Schemas[schema].Value.Properties[name].Value
	}
	if got := *member("CreateSessionRequest", "ttl_seconds").Max; got != 3600 {
		t.Errorf("ttl_seconds at most %v", got)
	}
	if got := member("CreateSessionRequest", "ttl_seconds").Default; got != 120. {
		t.Errorf("ttl_seconds %v by default", got)
	}
	if got := *member("UpdateSessionRequest", "ttl_seconds").Max; got != 3600 {
		t.Errorf("ttl_seconds at most %v", got)
	}
	if got := *member("ExecuteRequest", "timeout_ms").Max; got != 10_000 {
		t.Errorf("timeout_ms at most %v", got)
	}
	s.call("POST", "/sessions", `{"ttl_seconds":3601}`).refused(400, "INVALID_REQUEST")
	s.call("POST", "/execute", `{"tool":"ping","timeout_ms":10001}`).refused(400, "INVALID_REQUEST")
	if got := s.call("POST", "/sessions", `{}`).raw("ttl_seconds"); got != "120" {
		t.Errorf("a session lives for %s seconds", got)
	}
}

// TestServedDocumentIsTheOneWritten takes the tools out again.
func TestServedDocumentIsTheOneWritten(t *testing.T) {
	s := start(t)
	got := s.served()
	want, err := openapi3.NewLoader().LoadFromData(api.Spec())
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range allInfos(t, s) {
		delete(got.Components.Schemas, info.Name+".arguments")
		delete(got.Components.Schemas, info.Name+".result")
	}
	for _, path := range []string{"/execute", "/sessions/{id}/execute"} {
		examples := got.Paths.Find(path).Post.RequestBody.Value.Content["application/json"].Examples
		for name := range examples {
			if strings.Contains(name, "-") {
				delete(examples, name)
			}
		}
	}
	got.Components.Schemas["ExecuteRequest"].Value.Properties["timeout_ms"].Value.Default = nil
	text := func(doc *openapi3.T) string {
		b, err := doc.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if diff := cmp.Diff(jsonValue(t, []byte(text(want))), jsonValue(t, []byte(text(got)))); diff != "" {
		t.Errorf("the served document differs (-written +served):\n%s", diff)
	}
	if body := s.call("GET", "/openapi.yaml", "").wants(http.StatusOK).body; string(body) != string(api.Spec()) {
		t.Error("/openapi.yaml is not the file")
	}
	file, err := os.ReadFile("../../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if string(file) != string(api.Spec()) {
		t.Error("the embedded document is not the file")
	}
}
