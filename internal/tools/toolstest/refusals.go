package toolstest

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/tools"
)

// inputSchema is what is needed of a tool's schema to get it wrong.
type inputSchema struct {
	Required             []string `json:"required"`
	AdditionalProperties *bool    `json:"additionalProperties"`
	Properties           map[string]struct {
		Type string `json:"type"`
	} `json:"properties"`
}

func testRefusals(t *testing.T, s Subject, tool tools.Tool) {
	var schema inputSchema
	if err := json.Unmarshal(tool.Info().InputSchema, &schema); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, s)
	sound := func() map[string]any {
		return decode(t, tool.Info().Examples[0].Arguments).(map[string]any)
	}
	refused := func(what string, arguments any, code fault.Code, pointer string) {
		t.Helper()
		raw, err := json.Marshal(arguments)
		if err != nil {
			t.Fatal(err)
		}
		_, refusal := b.call(t.Context(), 0, b.ref, tool, string(raw), "")
		if refusal == nil {
			t.Errorf("%s: nothing was refused", what)
			return
		}
		if !slices.ContainsFunc(refusal.Violations, func(v fault.Violation) bool {
			return v.Code == code && v.Pointer == pointer && v.Detail != ""
		}) {
			t.Errorf("%s: no %s at %s in %v %v", what, code, pointer, refusal, refusal.Violations)
		}
	}

	refused("arguments that are no object", []int{1}, fault.TypeMismatch, "/arguments")
	if schema.AdditionalProperties != nil && !*schema.AdditionalProperties {
		unknown := sound()
		unknown["no_such_parameter"] = 1
		refused("an unknown parameter", unknown, fault.UnknownParameter, "/arguments/no_such_parameter")
	}
	for _, name := range schema.Required {
		missing := sound()
		delete(missing, name)
		refused("a missing parameter", missing, fault.MissingParameter, "/arguments/"+name)
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		for _, wrong := range []any{nil, []any{}, map[string]any{}, true, "text", 1.5} {
			if fits(schema.Properties[name].Type, wrong) {
				continue
			}
			mistyped := sound()
			mistyped[name] = wrong
			refused("a value of the wrong type", mistyped, fault.TypeMismatch, "/arguments/"+name)
		}
	}
	if n := b.commands(t, b.ref); n != 0 {
		t.Errorf("%d executions were counted, though none began", n)
	}
}

func fits(schemaType string, v any) bool {
	switch v.(type) {
	case nil:
		return schemaType == "null" || schemaType == ""
	case []any:
		return schemaType == "array" || schemaType == ""
	case map[string]any:
		return schemaType == "object" || schemaType == ""
	case bool:
		return schemaType == "boolean" || schemaType == ""
	case string:
		return schemaType == "string" || schemaType == ""
	default:
		return schemaType == "number" || schemaType == ""
	}
}
