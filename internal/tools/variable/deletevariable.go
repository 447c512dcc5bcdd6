package variable

import (
	"context"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

type deleteIn struct {
	Name   tools.VariableName `json:"name"`
	Strict bool               `json:"strict" jsonschema:"default=false" jsonschema_description:"Refuse when there is no such variable."`
}

type deleteOut struct {
	Name    string `json:"name"`
	Deleted bool   `json:"deleted" jsonschema_description:"False when there was no such variable."`
}

var deleteVariable = tools.New("delete_variable", "Deletes a variable with its history.",
	func(ctx context.Context, c *tools.Call, in deleteIn) (deleteOut, error) {
		name := string(in.Name)
		applied, err := apply(ctx, c, tools.Unit{Ops: []store.Op{store.Delete(name)}}, func(int) places {
			return places{name: "/name"}
		})
		if err != nil {
			return deleteOut{}, err
		}
		existed := applied.Results[0].Existed
		if in.Strict && !existed {
			return deleteOut{}, tools.Blame("/name", store.NoVariable(name))
		}
		return deleteOut{Name: name, Deleted: existed}, nil
	},
	tools.InSession(), tools.Idempotent(),
	tools.Example("nothing to delete", `{"name":"temperature"}`, tools.Gives(`{"name":"temperature","deleted":false}`)),
	tools.Example("there should be one", `{"name":"temperature","strict":true}`, tools.Fails(fault.VariableNotFound)),
)
