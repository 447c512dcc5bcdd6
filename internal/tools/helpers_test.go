package tools_test

import (
	"context"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"toolpit/internal/fault"
	"toolpit/internal/tools"
)

// prepare runs Prepare alone: no store is needed to find what it finds.
func prepare(t *testing.T, tool tools.Tool, arguments string) *fault.Error {
	t.Helper()
	_, err := engineOf(t, nil, tool).Prepare(t.Context(), tools.Invocation{
		Owner: "default", SessionID: "s", Tool: tool.Info().Name, Arguments: []byte(arguments),
	})
	return fault.From(err)
}

func engineOf(t *testing.T, st tools.Store, members ...tools.Tool) *tools.Engine {
	t.Helper()
	registry, err := tools.NewRegistry(tools.Group("test", members...))
	if err != nil {
		t.Fatal(err)
	}
	return tools.NewEngine(tools.EngineConfig{Registry: registry, Store: st, Replica: tools.Replica{ID: "rep_test", PID: 1}})
}

// result executes outside any session and without a store.
func result(t *testing.T, tool tools.Tool, arguments string) (string, error) {
	t.Helper()
	run, err := engineOf(t, nil, tool).Prepare(t.Context(), tools.Invocation{Tool: tool.Info().Name, Arguments: []byte(arguments)})
	if err != nil {
		return "", err
	}
	r, err := run.Do(t.Context())
	return string(r.Value), err
}

func diff(t *testing.T, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("mismatch (-want +got):\n%s", d)
	}
}

// reflection is a tool that answers with its decoded arguments.
func reflection[In any](opts ...tools.Option) tools.Tool {
	return tools.New("reflection", "Answers with its arguments.",
		func(_ context.Context, _ *tools.Call, in In) (In, error) { return in, nil }, opts...)
}

// free is a tool that takes anything.
var free = reflection[jsontext.Value](tools.FreeForm(), tools.Example("nothing", `{}`))
