package tools_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/tools"
	"toolpit/internal/tools/basic"
	"toolpit/internal/tools/session"
)

// FuzzArguments gives every tool any bytes for arguments. Prepare must either
// take them or say what is wrong where.
func FuzzArguments(f *testing.F) {
	everyTool := slices.Concat(basic.Tools(), session.Tools(), tools.Group("test", soundTool()))
	registry, err := tools.NewRegistry(everyTool)
	if err != nil {
		f.Fatal(err)
	}
	engine := tools.NewEngine(tools.EngineConfig{Registry: registry})
	infos := registry.All()
	for i, info := range infos {
		for _, e := range info.Examples {
			f.Add(uint8(i), []byte(e.Arguments))
		}
	}
	for _, odd := range []string{
		``, `null`, `[]`, `{`, `{"a":1e999999999,"b":-0}`, `{"a":{"a":{"a":[[[]]]}},"a":1}`, "{\"\xff\":1}", `{"":"","~/":1}`,
		`{"count":1.0,"ratio":5e-324,"name":"abc","where":{"x":9223372036854775807}}`, `{"by":1e18,"min":-1.5,"max":"3"}`,
		`{"tags":["a","a",1,null,{}],"anything":{"deep":[1,[2,[3]]]}}`, `{"expression":"1+","operation":"add","a":1,"b":[]}`,
	} {
		for i := range infos {
			f.Add(uint8(i), []byte(odd))
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, arguments []byte) {
		inv := tools.Invocation{SessionID: "s", Tool: infos[int(n)%len(infos)].Name, Arguments: arguments}
		run, err := engine.Prepare(t.Context(), inv)
		if err == nil {
			if run == nil || len(arguments) > 0 && !jsontext.Value(arguments).IsValid() {
				t.Fatalf("%s took %q", inv.Tool, arguments)
			}
			return
		}
		refusal := fault.From(err)
		switch refusal.Code {
		case fault.InvalidRequest, fault.ValueTooLarge:
			return
		case fault.TypeMismatch, fault.ConstraintViolation:
		default:
			t.Fatalf("%s refused %q with %v", inv.Tool, arguments, err)
		}
		if len(refusal.Violations) == 0 || refusal.Detail == "" {
			t.Fatalf("%s refused %q without a reason: %v", inv.Tool, arguments, err)
		}
		for _, v := range refusal.Violations {
			if !pointsInto(arguments, v) || v.Detail == "" || len(v.Detail) > 600 {
				t.Fatalf("%s refused %q at %q: %s %s", inv.Tool, arguments, v.Pointer, v.Code, v.Detail)
			}
		}
	})
}

// pointsInto tells whether a violation's pointer leads to something in the
// arguments, or next to something when it is about what is missing.
func pointsInto(arguments []byte, v fault.Violation) bool {
	rest, ok := strings.CutPrefix(v.Pointer, "/arguments")
	if !ok {
		return false
	}
	p := jsontext.Pointer(rest)
	if !p.IsValid() {
		return false
	}
	if v.Code == fault.MissingParameter {
		p = p.Parent()
	}
	if p == "" {
		return true
	}
	// Find it by reading: the decoder says where it is.
	d := jsontext.NewDecoder(strings.NewReader(string(arguments)))
	for {
		if _, err := d.ReadToken(); err != nil {
			return false
		}
		if d.StackPointer() == p {
			return true
		}
	}
}
