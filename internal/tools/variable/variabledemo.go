package variable

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/value"
)

type demoIn struct {
	Name  tools.VariableName `json:"name"`
	Value jsontext.Value     `json:"value" jsonschema_description:"Any JSON but null."`
}

type demoOut struct {
	Name         string         `json:"name"`
	InferredType string         `json:"inferred_type" jsonschema_description:"What the value alone seems to be."`
	Type         string         `json:"type" jsonschema_description:"What the variable is."`
	Value        jsontext.Value `json:"value"`
	Version      int64          `json:"version"`
	Created      bool           `json:"created"`
	History      []demoVersion  `json:"history" jsonschema_description:"The latest versions, the new one first."`
}

type demoVersion struct {
	Version   int64     `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
	UpdatedBy string    `json:"updated_by"`
}

// shownVersions is how many versions the demo shows, so few that a memo holds
// all but the new one.
const shownVersions = 10

var variableDemo = tools.New("variable_demo", "Shows what becomes of a value: its type is inferred, the variable is written, and the versions are listed.",
	func(ctx context.Context, c *tools.Call, in demoIn) (demoOut, error) {
		v, tensor, found := value.Infer(in.Value)
		inferred := v.Type()
		if tensor != nil {
			inferred = value.Tensor
		}
		if found != nil {
			refused := fault.Invalid(fault.ConstraintViolation, "The value has no type.", found, fault.TypeMismatch)
			return demoOut{}, tools.Relocate(refused, map[string]string{"": "/value"})
		}
		earlier, err := c.History(ctx, string(in.Name), 0, shownVersions-1)
		if err != nil && fault.CodeOf(err) != fault.VariableNotFound {
			return demoOut{}, err
		}
		memo, before, err := demoMemo(earlier.Items)
		if err != nil {
			return demoOut{}, err
		}
		op := store.PutContent(string(in.Name), store.Content{JSON: in.Value}).IfVersion(before)
		applied, err := give(ctx, c, tools.Unit{Ops: []store.Op{op}, Memo: memo}, func(int) places {
			return places{name: "/name", value: "/value"}
		})
		if err != nil {
			return demoOut{}, err
		}
		r := applied.Results[0]
		out := demoOut{
			Name: r.Name, InferredType: inferred.String(), Type: r.Value.Type().String(), Value: valueOf(r.Variable),
			Version: r.Version, Created: !r.Existed, History: []demoVersion{versionOf(r.Variable)},
		}
		var was []demoVersion
		if err := json.Unmarshal(applied.Memo, &was); err != nil {
			return demoOut{}, fmt.Errorf("the memo of variable_demo: %w", err)
		}
		out.History = append(out.History, was...)
		return out, nil
	},
	tools.InSession(),
	tools.Example("a list of numbers", `{"name":"rates","value":[0.1,0.01]}`),
	tools.Example("no type", `{"name":"nothing","value":null}`, tools.Fails(fault.TypeMismatch)),
)

// demoMemo keeps the versions there were, and returns the latest, 0 for none.
func demoMemo(earlier []store.Variable) (memo []byte, latest int64, err error) {
	was := []demoVersion{}
	for _, v := range earlier {
		was = append(was, versionOf(v))
	}
	if len(was) > 0 {
		latest = was[0].Version
	}
	memo, err = json.Marshal(was)
	return memo, latest, err
}

func versionOf(v store.Variable) demoVersion {
	return demoVersion{Version: v.Version, UpdatedAt: v.Updated.UTC(), UpdatedBy: v.By}
}
