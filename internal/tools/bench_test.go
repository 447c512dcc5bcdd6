package tools_test

import (
	"context"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/tools"
)

// BenchmarkPrepare tells what checking costs before anything is executed.
func BenchmarkPrepare(b *testing.B) {
	registry, err := tools.NewRegistry([]tools.Tool{
		soundTool(),
		benchTool[optional]("optional"),
		benchTool[jsontext.Value]("free", tools.FreeForm()),
	})
	if err != nil {
		b.Fatal(err)
	}
	engine := tools.NewEngine(tools.EngineConfig{Registry: registry})
	for _, bm := range []struct{ name, tool, arguments string }{
		{"nothing", "optional", `{}`},
		{"one integer", "optional", `{"y":5}`},
		{"three members and defaults", "reflection", `{` + soundArguments + `}`},
		{"free form", "free", `{` + soundArguments + `}`},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := engine.Prepare(b.Context(), tools.Invocation{SessionID: "s", Tool: bm.tool, Arguments: []byte(bm.arguments)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type optional struct {
	Y int64  `json:"y" jsonschema:"default=7"`
	Z *int64 `json:"z"`
}

func benchTool[In any](name string, opts ...tools.Option) tools.Tool {
	return tools.New(name, "", func(context.Context, *tools.Call, In) (nothing, error) { return nothing{}, nil },
		append(opts, tools.Example("nothing", `{}`))...)
}
