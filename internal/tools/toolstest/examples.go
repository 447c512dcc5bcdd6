package toolstest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

func testExamples(t *testing.T, s Subject, tool tools.Tool) {
	info := tool.Info()
	schema := compile(t, info.OutputSchema)
	check := func(t *testing.T, e tools.ExampleCall, r tools.Result, err *fault.Error) {
		t.Helper()
		switch {
		case fault.CodeOf(asError(err)) != e.Fails:
			t.Fatalf("ended with %v, the example says %q", err, e.Fails)
		case err != nil:
			if err.Detail == "" {
				t.Error("the error says nothing")
			}
			return
		}
		if err := schema.Validate(decode(t, r.Value)); err != nil {
			t.Errorf("%s does not meet the output schema: %v", r.Value, err)
		}
		if e.Result != nil {
			if diff := cmp.Diff(decode(t, e.Result), decode(t, r.Value)); diff != "" {
				t.Errorf("result (-example +got):\n%s", diff)
			}
		}
		if !strings.HasPrefix(r.ExecutionID, "exe_") || r.Replayed {
			t.Errorf("execution %q, replayed %t", r.ExecutionID, r.Replayed)
		}
	}
	for _, e := range info.Examples {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, s)
			r, err := b.call(t.Context(), 0, b.ref, tool, string(e.Arguments), "")
			check(t, e, r, err)
			r, err = b.call(t.Context(), 0, store.Ref{}, tool, string(e.Arguments), "")
			if info.RequiresSession {
				if fault.CodeOf(asError(err)) != fault.InvalidRequest {
					t.Errorf("without a session: %v, want %s", err, fault.InvalidRequest)
				}
				return
			}
			check(t, e, r, err)
		})
	}
}

// asError keeps a nil *fault.Error nil.
func asError(e *fault.Error) error {
	if e == nil {
		return nil
	}
	return e
}

func compile(t *testing.T, raw []byte) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:///schema.json", decode(t, raw)); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("mem:///schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func decode(t *testing.T, raw []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s is no JSON: %v", raw, err)
	}
	return v
}
