package tools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/tools"
	"toolpit/internal/tools/basic"
	"toolpit/internal/tools/session"
)

func TestNew_Panics(t *testing.T) {
	t.Parallel()
	example := tools.Example("nothing", `{}`)
	for name, tt := range map[string]struct {
		define func()
		want   string
	}{
		"without an example":          {func() { reflection[nothing]() }, "no example"},
		"example of unknown names":    {func() { reflection[nothing](tools.Example("x", `{"x":1}`)) }, "/arguments/x UNKNOWN_PARAMETER"},
		"example that is no JSON":     {func() { reflection[nothing](tools.Example("x", `{`)) }, "not valid JSON"},
		"a default beyond its schema": {func() { reflection[everything](example) }, `the default of "step"`},
		"input that is no struct":     {func() { reflection[[]int](example) }, "no struct"},
		"a map that is not free":      {func() { reflection[map[string]jsontext.Value](example) }, "no struct"},
		"input without a schema":      {func() { reflection[struct{ F func() }](example) }, "unsupported type"},
		"a schema that is none": {func() {
			reflection[struct {
				S string `json:"s,omitzero" jsonschema:"pattern=("`
			}](example)
		}, "pattern"},
		"a reference to elsewhere": {func() {
			reflection[struct {
				S string `json:"s,omitzero" jsonschema:"oneof_ref=https://example.com/schema.json"`
			}](example)
		}, "must not refer to anything"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, tt.want) || !strings.Contains(p, `"reflection"`) && name != "input without a schema" {
					t.Errorf("panic %q, want one about %q that names the tool", p, tt.want)
				}
			}()
			tt.define()
		})
	}
}

func TestNew_RequiresWhatHasNoWayToBeLeftOut(t *testing.T) {
	t.Parallel()
	type inner struct {
		Plain    int64  `json:"plain"`
		Pointer  *int64 `json:"pointer"`
		WithBase int64  `json:"with_default" jsonschema:"default=0"`
	}
	type in struct {
		Plain     string   `json:"plain"`
		Pointer   *string  `json:"pointer"`
		Default   bool     `json:"default" jsonschema:"default=false"`
		OmitZero  string   `json:"omit_zero,omitzero"`
		OmitEmpty []string `json:"omit_empty,omitempty"`
		Inner     inner    `json:"inner"`
		List      []inner  `json:"list"`
	}
	tool := reflection[in](tools.Example("some", `{"plain":"","inner":{"plain":1},"list":[{"plain":2}]}`))
	var schema struct {
		Required   []string
		Properties map[string]struct {
			Required []string
			Items    struct{ Required []string }
		}
	}
	if err := json.Unmarshal(tool.Info().InputSchema, &schema); err != nil {
		t.Fatal(err)
	}
	diff(t, []string{"plain", "inner", "list"}, schema.Required)
	diff(t, []string{"plain"}, schema.Properties["inner"].Required)
	diff(t, []string{"plain"}, schema.Properties["list"].Items.Required)
}

func TestInfo_TellsTheOptions(t *testing.T) {
	t.Parallel()
	info := reflection[nothing](tools.InSession(), tools.ReadOnly(), tools.Idempotent(), tools.WithCost(tools.CPU),
		tools.Example("a", `{}`, tools.Gives(`{}`)), tools.Example("b", `{}`, tools.Fails(fault.ToolFailed))).Info()
	info.InputSchema, info.OutputSchema = nil, nil
	diff(t, tools.Info{
		Name: "reflection", Summary: "Answers with its arguments.",
		RequiresSession: true, ReadOnly: true, Idempotent: true, Cost: tools.CPU,
		Examples: []tools.ExampleCall{
			{Name: "a", Arguments: jsontext.Value(`{}`), Result: jsontext.Value(`{}`)},
			{Name: "b", Arguments: jsontext.Value(`{}`), Fails: fault.ToolFailed},
		},
	}, info)
}

func named(name string) tools.Tool {
	return tools.New(name, "", func(context.Context, *tools.Call, nothing) (nothing, error) { return nothing{}, nil },
		tools.Example("nothing", `{}`))
}

func TestNewRegistry_RefusesNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "A", "9a", "_a", "a-b", "a b", "a\n", "ä", strings.Repeat("a", 65)} {
		if _, err := tools.NewRegistry([]tools.Tool{named(name)}); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
	if _, err := tools.NewRegistry(tools.Group("one", named("a")), tools.Group("two", named("a"))); err == nil {
		t.Error("a name was taken twice")
	}
	if _, err := tools.NewRegistry(tools.Group("one", named("a"), named(strings.Repeat("a", 64)), named("a_9"))); err != nil {
		t.Error(err)
	}
}

func TestRegistry_OrdersByNameAndKnowsGroups(t *testing.T) {
	t.Parallel()
	r, err := tools.NewRegistry(tools.Group("two", named("c"), named("a")), tools.Group("one", named("b")))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, info := range r.All() {
		got = append(got, info.Name+" of "+info.Group)
	}
	diff(t, []string{"a of two", "b of one", "c of two"}, got)
	tool, ok := r.Lookup("b")
	if !ok || tool.Info().Name != "b" {
		t.Errorf("b is %v, %t", tool.Info(), ok)
	}
	if _, ok := r.Lookup("d"); ok {
		t.Error("d was found")
	}
}

func TestRegistry_SuggestsNearNames(t *testing.T) {
	t.Parallel()
	r, err := tools.NewRegistry(basic.Tools(), session.Tools())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		want []string
	}{
		{"pingg", []string{"ping"}},
		{"Ping", []string{"ping"}},
		{"eco", []string{"echo"}},
		{"incremetn_counter", []string{"increment_counter"}},
		{"counter", []string{"get_counter", "increment_counter", "set_counter"}},
		{"get_conter", []string{"get_counter"}},
		{"init", []string{"init_session"}},
		{"x", nil},
		{"", nil},
		{"train_model", nil},
		{strings.Repeat("ping", 100), nil},
	} {
		_, err := r.Find(tt.name)
		got := fault.From(err)
		if got == nil || got.Code != fault.ToolNotFound {
			t.Fatalf("%q: %v", tt.name, err)
		}
		diff(t, tt.want, got.Facts.Suggestions)
		if len(got.Detail) > 200 {
			t.Errorf("%q: a long detail: %s", tt.name, got.Detail)
		}
	}
}

func TestPrepare_RefusesUnknownToolsAndMissingSessions(t *testing.T) {
	t.Parallel()
	e := engineOf(t, nil, named("plain"), tools.New("stateful", "",
		func(context.Context, *tools.Call, nothing) (nothing, error) { return nothing{}, nil },
		tools.InSession(), tools.Example("nothing", `{}`)))
	for _, tt := range []struct {
		inv  tools.Invocation
		code fault.Code
	}{
		{tools.Invocation{Tool: "stateless"}, fault.ToolNotFound},
		{tools.Invocation{Tool: "stateful"}, fault.InvalidRequest},
		{tools.Invocation{Tool: "stateful", SessionID: "s"}, ""},
		{tools.Invocation{Tool: "plain"}, ""},
	} {
		_, err := e.Prepare(t.Context(), tt.inv)
		if fault.CodeOf(err) != tt.code {
			t.Errorf("%s in session %q: %v, want %q", tt.inv.Tool, tt.inv.SessionID, err, tt.code)
		}
	}
}

func TestExecutionID_IsTheTokenInItsScope(t *testing.T) {
	t.Parallel()
	e := engineOf(t, nil, named("plain"))
	id := func(owner, session, key string) string {
		t.Helper()
		run, err := e.Prepare(t.Context(), tools.Invocation{Owner: owner, SessionID: session, Tool: "plain", Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return run.ExecutionID()
	}
	one := id("o", "s", "k")
	if len(one) != len("exe_")+26 || !strings.HasPrefix(one, "exe_") {
		t.Errorf("id %q", one)
	}
	if id("o", "s", "k") != one {
		t.Error("the same key in the same scope is another execution")
	}
	for _, other := range []string{id("p", "s", "k"), id("o", "t", "k"), id("o", "", "k"), id("o", "s", "l"), id("o", "s", "")} {
		if other == one {
			t.Error("another scope or key is the same execution")
		}
	}
	if id("o", "s", "") == id("o", "s", "") {
		t.Error("two executions without a key have the same id")
	}
}

func TestBlame_KeepsWhatItKnows(t *testing.T) {
	t.Parallel()
	if tools.Blame("/x", nil) != nil {
		t.Error("no error became one")
	}
	cause := &fault.Error{Code: fault.CounterOverflow, Detail: "Too much.", Facts: fault.Facts{Position: new(3)}}
	got := fault.From(tools.Blame("/x", cause))
	diff(t, []fault.Violation{{Pointer: "/arguments/x", Code: fault.CounterOverflow, Detail: "Too much."}}, got.Violations)
	if got.Code != fault.CounterOverflow || *got.Facts.Position != 3 || cause.Violations != nil {
		t.Errorf("got %+v of %+v", got, cause)
	}
}
