package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"toolpit/api"
)

// load returns the document, validated with all its examples.
func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec())
	if err != nil {
		t.Fatalf("loading openapi.yaml: %v", err)
	}
	err = doc.Validate(t.Context(), openapi3.EnableExamplesValidation(),
		openapi3.EnableSchemaDefaultsValidation(), openapi3.EnableSchemaFormatValidation())
	if err != nil {
		t.Fatalf("validating openapi.yaml: %v", err)
	}
	return doc
}

// operations calls f as a subtest with every operation of the document.
func operations(t *testing.T, doc *openapi3.T, f func(t *testing.T, method string, item *openapi3.PathItem, op *openapi3.Operation)) {
	t.Helper()
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			t.Run(method+" "+path, func(t *testing.T) { f(t, method, item, op) })
		}
	}
}

func TestSpec(t *testing.T) {
	doc := load(t)
	if doc.OpenAPI != "3.0.3" {
		t.Errorf("openapi is %q, want 3.0.3", doc.OpenAPI)
	}
	if got, want := routes(doc), wantRoutes(); !slices.Equal(got, want) {
		t.Errorf("routes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSpecReturnsCopy(t *testing.T) {
	first := api.Spec()
	clear(first)
	if string(api.Spec()[:8]) != "openapi:" {
		t.Error("changing what Spec returned changed the document")
	}
}

func TestOperations(t *testing.T) {
	operations(t, load(t), func(t *testing.T, method string, item *openapi3.PathItem, op *openapi3.Operation) {
		if op.OperationID == "" || op.Summary == "" || op.Description == "" || len(op.Tags) != 1 {
			t.Error("wants an operationId, a summary, a description and one tag")
		}
		if response := op.Responses.Default(); response == nil || response.Ref != "#/components/responses/Problem" {
			t.Error("has no default problem response")
		}
		// A route that changes something can be repeated safely.
		want := method != http.MethodGet
		if got := parameter(item, op, "header", "Idempotency-Key"); got != want {
			t.Errorf("Idempotency-Key accepted: %t, want %t", got, want)
		}
		if op.RequestBody != nil {
			requestBody(t, op.RequestBody.Value)
		}
		for status, response := range op.Responses.Map() {
			t.Run(status, func(t *testing.T) { wellFormed(t, status, response) })
		}
	})
}

func requestBody(t *testing.T, body *openapi3.RequestBody) {
	t.Helper()
	media := body.Content["application/json"]
	if !body.Required || media == nil {
		t.Fatal("the body must be required, and application/json must be among its forms")
	}
	for name, other := range body.Content {
		if other != media && (other.Schema.Value.Format != "binary" || len(other.Examples) == 0) {
			t.Errorf("%s must be binary and have an example", name)
		}
	}
	if len(media.Examples) == 0 {
		t.Error("the body has no named example")
	}
	if more := media.Schema.Value.AdditionalProperties.Has; more == nil || *more {
		t.Error("the body accepts unknown members")
	}
}

func wellFormed(t *testing.T, status string, response *openapi3.ResponseRef) {
	t.Helper()
	if response.Value.Headers["X-Request-Id"] == nil {
		t.Error("the header X-Request-Id is not documented")
	}
	for name, header := range response.Value.Headers {
		if header.Value.Required || !header.Value.Schema.Value.Type.Is("string") {
			t.Errorf("header %s: want an optional string", name)
		}
	}
	for mediaType, media := range response.Value.Content {
		if len(media.Examples) == 0 {
			t.Errorf("%s has no named example", mediaType)
		}
	}
	// The overlay takes responses that are references for errors, and all others for what handlers answer.
	if problem := response.Value.Content["application/problem+json"]; (problem != nil) != (response.Ref != "") {
		t.Error("an error must be a reference to a component, anything else must not")
	} else if problem != nil && problem.Schema.Ref != "#/components/schemas/Problem" {
		t.Error("an error must be a Problem")
	}
	if status[0] < '4' && response.Ref != "" {
		t.Error("a success is declared as an error")
	}
}

// TestProblemExamples checks that an example shows the status it stands under
// and links to its code.
func TestProblemExamples(t *testing.T) {
	doc := load(t)
	status := map[string]map[string]bool{}
	operations(t, doc, func(_ *testing.T, _ string, _ *openapi3.PathItem, op *openapi3.Operation) {
		for s, response := range op.Responses.Map() {
			name := strings.TrimPrefix(response.Ref, "#/components/responses/")
			if status[name] == nil {
				status[name] = map[string]bool{}
			}
			status[name][s] = true
		}
	})
	for name, response := range doc.Components.Responses {
		if len(status[name]) != 1 {
			t.Errorf("%s is used for the statuses %v, want one", name, status[name])
		}
		for key, example := range response.Value.Content["application/problem+json"].Examples {
			value := example.Value.Value.(map[string]any)
			code := value["code"].(string)
			if want := strings.ToLower(code); key != want && key != "violations" && key != "unknown_parameter" {
				t.Errorf("%s: example %s shows %s", name, key, code)
			}
			if want := "/docs/errors#" + strings.ReplaceAll(strings.ToLower(code), "_", "-"); value["type"] != want {
				t.Errorf("%s: example %s has the type %v, want %s", name, key, value["type"], want)
			}
		}
	}
}

// TestErrorCodes checks that the generated constants and the document's
// enumeration are the same.
func TestErrorCodes(t *testing.T) {
	schema := load(t).Components.Schemas["ErrorCode"].Value
	for _, code := range schema.Enum {
		if !api.ErrorCode(code.(string)).Valid() {
			t.Errorf("%v is in the document and not in the generated code: run make generate", code)
		}
	}
	if names := schema.Extensions["x-enum-varnames"].([]any); len(names) != len(schema.Enum) {
		t.Errorf("%d names for %d codes", len(names), len(schema.Enum))
	}
}

// TestHeadersAreNotPrefilled guards against an example that Swagger UI would
// send with every request: each press of its button would be a repetition.
func TestHeadersAreNotPrefilled(t *testing.T) {
	for name, p := range load(t).Components.Parameters {
		if p.Value.In == "header" && (p.Value.Example != nil || len(p.Value.Examples) > 0 ||
			p.Value.Schema.Value.Example != nil || p.Value.Schema.Value.Default != nil) {
			t.Errorf("%s has an example or a default", name)
		}
	}
}

func parameter(item *openapi3.PathItem, op *openapi3.Operation, in, name string) bool {
	return op.Parameters.GetByInAndName(in, name) != nil || item.Parameters.GetByInAndName(in, name) != nil
}

func routes(doc *openapi3.T) []string {
	var list []string
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			list = append(list, method+" "+path+" "+op.OperationID)
		}
	}
	slices.Sort(list)
	return list
}

// wantRoutes lists what is served so far. A route is added here by the change
// that serves it.
func wantRoutes() []string {
	return []string{
		"DELETE /sessions/{id} deleteSession",
		"DELETE /sessions/{id}/variables/{name} deleteVariable",
		"DELETE /sessions/{id}/variables/{name}/lock unlockVariable",
		"GET / getRoot",
		"GET /docs getDocs",
		"GET /docs/errors getErrorDocs",
		"GET /livez getLivez",
		"GET /metrics getMetrics",
		"GET /openapi.json getOpenAPIJSON",
		"GET /openapi.yaml getOpenAPIYAML",
		"GET /readyz getReadyz",
		"GET /sessions listSessions",
		"GET /sessions/{id} getSession",
		"GET /sessions/{id}/tensors/{name} getTensor",
		"GET /sessions/{id}/usage getSessionUsage",
		"GET /sessions/{id}/variables listVariables",
		"GET /sessions/{id}/variables/{name} getVariable",
		"GET /sessions/{id}/variables/{name}/history getVariableHistory",
		"GET /sessions/{id}/watch watchSession",
		"GET /tools listTools",
		"GET /tools/{name} getTool",
		"PATCH /sessions/{id} updateSession",
		"PATCH /sessions/{id}/variables/{name} updateVariable",
		"POST /execute execute",
		"POST /sessions createSession",
		"POST /sessions/import importSession",
		"POST /sessions/{id}/execute executeInSession",
		"POST /sessions/{id}/export exportSession",
		"POST /sessions/{id}/fork forkSession",
		"POST /sessions/{id}/touch touchSession",
		"POST /sessions/{id}/variables createVariable",
		"POST /sessions/{id}/variables/{name}/increment incrementVariable",
		"POST /sessions/{id}/variables/{name}/rollback rollbackVariable",
		"POST /sessions/{id}/variables:batch batchVariables",
		"PUT /sessions/{id}/tensors/{name} putTensor",
		"PUT /sessions/{id}/variables/{name} putVariable",
		"PUT /sessions/{id}/variables/{name}/lock lockVariable",
	}
}
