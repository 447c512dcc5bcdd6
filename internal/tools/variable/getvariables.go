package variable

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/value"
)

type getManyIn struct {
	Names []tools.VariableName `json:"names" jsonschema:"minItems=1,maxItems=128,uniqueItems=true"`
}

type getManyOut struct {
	Variables map[string]jsontext.Value `json:"variables" jsonschema_description:"The values of those that exist, all of one instant; of a tensor, what describes it."`
	Versions  map[string]int64          `json:"versions"`
	Missing   []string                  `json:"missing" jsonschema_description:"In the order in which they were asked for."`
	Count     int                       `json:"count" jsonschema_description:"Of those that exist."`
}

var getVariables = tools.New("get_variables", "Reads several variables as they are at one instant.",
	func(ctx context.Context, c *tools.Call, in getManyIn) (getManyOut, error) {
		names := make([]string, len(in.Names))
		for i, name := range in.Names {
			names[i] = string(name)
		}
		// What comes with the values, other than in the answer, is not to count.
		const beside = store.MaxOps * (store.MaxMetadata + value.MaxConstraints + 256)
		snapshot, err := c.ReadPart(ctx, largest+beside, names...)
		if err != nil {
			return getManyOut{}, err
		}
		out := getManyOut{Variables: map[string]jsontext.Value{}, Versions: map[string]int64{}, Missing: []string{}}
		bytes := 0
		for _, name := range names[:len(names)-snapshot.Left] { // values that are left make the others too large
			v, ok := snapshot.Variables[name]
			if !ok {
				out.Missing = append(out.Missing, name)
				continue
			}
			if bytes += len(v.Value.JSON()); bytes > largest {
				return getManyOut{}, tools.Blame("/names", &fault.Error{
					Code: fault.ValueTooLarge, Detail: "These values are too large to be read together.",
					Facts: fault.Facts{LimitBytes: largest},
				})
			}
			out.Variables[name], out.Versions[name] = valueOf(v), v.Version
		}
		out.Count = len(out.Variables)
		return out, nil
	},
	tools.InSession(), tools.ReadOnly(), tools.Idempotent(),
	tools.Example("none of them is there", `{"names":["temperature","layers"]}`,
		tools.Gives(`{"variables":{},"versions":{},"missing":["temperature","layers"],"count":0}`)),
)
