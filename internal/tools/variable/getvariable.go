package variable

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

type getIn struct {
	Name            tools.VariableName `json:"name"`
	IncludeMetadata bool               `json:"include_metadata" jsonschema:"default=false" jsonschema_description:"Tell constraints, metadata, times and writer, too."`
}

type getOut struct {
	Name    string         `json:"name"`
	Type    string         `json:"type"`
	Value   jsontext.Value `json:"value" jsonschema_description:"Of a tensor, what describes it."`
	Version int64          `json:"version"`
	record
}

var getVariable = tools.New("get_variable", "Reads a variable.",
	func(ctx context.Context, c *tools.Call, in getIn) (getOut, error) {
		// A Load in a unit rather than a Read: counting the execution costs a
		// unit anyway, and a repetition gets the same value however large it is.
		applied, err := c.Apply(ctx, store.Load(string(in.Name)))
		if err != nil {
			return getOut{}, err
		}
		v := applied.Results[0].Variable
		if v.Version == 0 {
			return getOut{}, tools.Blame("/name", store.NoVariable(string(in.Name)))
		}
		out := getOut{Name: v.Name, Type: v.Value.Type().String(), Value: valueOf(v), Version: v.Version}
		if in.IncludeMetadata {
			out.record = recordOf(v)
		}
		return out, nil
	},
	tools.InSession(), tools.ReadOnly(), tools.Idempotent(),
	tools.Example("nobody registered it", `{"name":"temperature"}`, tools.Fails(fault.VariableNotFound)),
	tools.Example("with everything about it", `{"name":"temperature","include_metadata":true}`, tools.Fails(fault.VariableNotFound)),
)
