package variable

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

type setIn struct {
	Name            tools.VariableName `json:"name"`
	Value           jsontext.Value     `json:"value" jsonschema_description:"Any JSON but null. A variable that is there keeps its type and its constraints."`
	ExpectedVersion *int64             `json:"expected_version" jsonschema:"minimum=0" jsonschema_description:"Write only to this version; 0: only if there is no such variable."`
}

type setOut struct {
	Name    string         `json:"name"`
	Type    string         `json:"type"`
	Value   jsontext.Value `json:"value" jsonschema_description:"As it was converted; of a tensor, what describes it."`
	Version int64          `json:"version"`
	Created bool           `json:"created"`
}

var setVariable = tools.New("set_variable", "Writes a variable; one that is not there is created with the type of the value.",
	func(ctx context.Context, c *tools.Call, in setIn) (setOut, error) {
		op := store.PutContent(string(in.Name), store.Content{JSON: in.Value})
		op.Version = in.ExpectedVersion
		applied, err := give(ctx, c, tools.Unit{Ops: []store.Op{op}}, func(int) places {
			return places{name: "/name", value: "/value", version: given(in.ExpectedVersion != nil, "/expected_version")}
		})
		if err != nil {
			return setOut{}, err
		}
		r := applied.Results[0]
		return setOut{Name: r.Name, Type: r.Value.Type().String(), Value: valueOf(r.Variable), Version: r.Version, Created: !r.Existed}, nil
	},
	tools.InSession(),
	tools.Example("an integer no float can hold", `{"name":"id","value":9007199254740993}`,
		tools.Gives(`{"name":"id","type":"integer","value":9007199254740993,"version":1,"created":true}`)),
	tools.Example("only if it is new", `{"name":"flag","value":true,"expected_version":0}`,
		tools.Gives(`{"name":"flag","type":"boolean","value":true,"version":1,"created":true}`)),
	tools.Example("a version there is not", `{"name":"flag","value":true,"expected_version":3}`, tools.Fails(fault.VersionConflict)),
)
