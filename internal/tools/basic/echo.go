package basic

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/tools"
)

type echoOut struct {
	Echoed jsontext.Value `json:"echoed" jsonschema:"type=object" jsonschema_description:"The arguments as they were written: same order, same numbers."`
}

var echo = tools.New("echo", "Gives back its arguments, whatever they are.",
	func(_ context.Context, _ *tools.Call, in jsontext.Value) (echoOut, error) {
		return echoOut{in}, nil
	},
	tools.FreeForm(), tools.ReadOnly(), tools.Idempotent(),
	tools.Example("a greeting and numbers", `{"greeting":"hello","numbers":[1,2,3]}`,
		tools.Gives(`{"echoed":{"greeting":"hello","numbers":[1,2,3]}}`)),
	tools.Example("an integer no float can hold", `{"id":9007199254740993}`,
		tools.Gives(`{"echoed":{"id":9007199254740993}}`)),
)
