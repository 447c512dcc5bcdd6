package variable

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

type registerIn struct {
	Name         tools.VariableName `json:"name" jsonschema_description:"Of the new variable."`
	Type         typeName           `json:"type,omitzero" jsonschema_description:"When absent, the type that the value seems to have."`
	InitialValue jsontext.Value     `json:"initial_value" jsonschema_description:"Any JSON but null; numbers stay as exact as they are written. A tensor is an object with shape, data and perhaps dtype."`
	Constraints  jsontext.Value     `json:"constraints,omitzero" jsonschema:"type=object" jsonschema_description:"What the type allows, such as min and max of an integer."`
	Metadata     jsontext.Value     `json:"metadata,omitzero" jsonschema:"type=object" jsonschema_description:"Anything, up to 4 KiB."`
	Upsert       bool               `json:"upsert" jsonschema:"default=false" jsonschema_description:"Write to the variable if there is one already."`
}

type registerOut struct {
	Name        string         `json:"name"`
	Type        string         `json:"type"`
	Value       jsontext.Value `json:"value" jsonschema_description:"As it was converted; of a tensor, what describes it."`
	Version     int64          `json:"version"`
	Created     bool           `json:"created" jsonschema_description:"False when there was such a variable and it was written to."`
	Constraints jsontext.Value `json:"constraints" jsonschema:"type=object"`
	Metadata    jsontext.Value `json:"metadata" jsonschema:"type=object"`
}

var registerVariable = tools.New("register_variable", "Creates a typed variable, with constraints that every later value must keep.",
	func(ctx context.Context, c *tools.Call, in registerIn) (registerOut, error) {
		content := store.Content{JSON: in.InitialValue, Type: in.Type.valueType(), Constraints: in.Constraints, Metadata: in.Metadata}
		op := store.CreateContent(string(in.Name), content)
		if in.Upsert {
			op = store.PutContent(string(in.Name), content)
		}
		applied, err := give(ctx, c, tools.Unit{Ops: []store.Op{op}}, func(int) places {
			return places{
				name: "/name", typ: given(in.Type != "", "/type"), value: "/initial_value",
				constraints: "/constraints", metadata: "/metadata",
			}
		})
		if err != nil {
			return registerOut{}, err
		}
		r := applied.Results[0]
		return registerOut{
			Name: r.Name, Type: r.Value.Type().String(), Value: valueOf(r.Variable), Version: r.Version, Created: !r.Existed,
			Constraints: object(r.Constraints), Metadata: object(r.Metadata),
		}, nil
	},
	tools.InSession(),
	tools.Example("a bounded temperature", `{"name":"temperature","type":"float","initial_value":0.7,"constraints":{"min":0,"max":2}}`,
		tools.Gives(`{"name":"temperature","type":"float","value":0.7,"version":1,"created":true,"constraints":{"max":2,"min":0},"metadata":{}}`)),
	tools.Example("the type is inferred", `{"name":"layers","initial_value":[64,32],"metadata":{"source":"tuning"}}`,
		tools.Gives(`{"name":"layers","type":"integer_list","value":[64,32],"version":1,"created":true,"constraints":{},"metadata":{"source":"tuning"}}`)),
	tools.Example("a small tensor", `{"name":"weights","type":"tensor","initial_value":{"shape":[2,2],"data":[[1,0],[0,1]],"dtype":"f32"}}`),
	tools.Example("beyond its own bounds", `{"name":"temperature","initial_value":3.5,"constraints":{"max":2}}`, tools.Fails(fault.ConstraintViolation)),
)
