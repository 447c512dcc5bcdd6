package variable

import (
	"context"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/invopop/jsonschema"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

type setManyIn struct {
	Updates map[string]jsontext.Value `json:"updates" jsonschema_description:"Names and values; any JSON but null."`
	Atomic  bool                      `json:"atomic" jsonschema:"default=false" jsonschema_description:"All or none. Otherwise what can be written is, and the result says what could not."`
}

// JSONSchemaExtend says how many updates there may be, and of which names.
func (setManyIn) JSONSchemaExtend(s *jsonschema.Schema) {
	updates, _ := s.Properties.Get("updates")
	least, most := uint64(1), uint64(store.MaxOps)
	updates.MinProperties, updates.MaxProperties = &least, &most
	updates.PropertyNames = tools.VariableName("").JSONSchema()
}

type setManyOut struct {
	Total        int                `json:"total"`
	UpdatedCount int                `json:"updated_count"`
	FailedCount  int                `json:"failed_count"`
	Successful   []string           `json:"successful"`
	Failed       []string           `json:"failed"`
	Results      map[string]setItem `json:"results"`
}

// setItem is what became of one update: it has a version or an error.
type setItem struct {
	Version int64    `json:"version,omitzero"`
	Error   *setFail `json:"error,omitzero"`
}

type setFail struct {
	Code   string       `json:"code"`
	Detail string       `json:"detail"`
	Errors []setFinding `json:"errors,omitempty"`
}

type setFinding struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

var setVariables = tools.New("set_variables", "Writes several variables, in one step.",
	func(ctx context.Context, c *tools.Call, in setManyIn) (setManyOut, error) {
		names := slices.Sorted(maps.Keys(in.Updates))
		ops := make([]store.Op, len(names))
		for i, name := range names {
			ops[i] = store.PutContent(name, store.Content{JSON: in.Updates[name]})
		}
		at := func(i int) places {
			place := "/updates/" + names[i] // names have no characters to escape
			return places{name: place, value: place}
		}
		applied, err := give(ctx, c, tools.Unit{Ops: ops, Each: !in.Atomic}, at)
		if err != nil {
			return setManyOut{}, err
		}
		out := setManyOut{Total: len(names), Successful: []string{}, Failed: []string{}, Results: map[string]setItem{}}
		for i, r := range applied.Results {
			if r.Refused == nil {
				out.Successful = append(out.Successful, names[i])
				out.Results[names[i]] = setItem{Version: r.Version}
				continue
			}
			out.Failed = append(out.Failed, names[i])
			out.Results[names[i]] = setItem{Error: failOf(at(i).blame(r.Refused))}
		}
		out.UpdatedCount, out.FailedCount = len(out.Successful), len(out.Failed)
		return out, nil
	},
	tools.InSession(),
	tools.Example("two at once", `{"updates":{"a":1,"b":"two"},"atomic":true}`,
		tools.Gives(`{"total":2,"updated_count":2,"failed_count":0,"successful":["a","b"],"failed":[],"results":{"a":{"version":1},"b":{"version":1}}}`)),
	tools.Example("one of them has no type", `{"updates":{"a":1,"b":null}}`),
	tools.Example("all or none", `{"updates":{"a":1,"b":null},"atomic":true}`, tools.Fails(fault.TypeMismatch)),
)

func failOf(err error) *setFail {
	e := fault.From(err)
	fail := &setFail{Code: string(e.Code), Detail: e.Detail}
	for _, v := range e.Violations {
		fail.Errors = append(fail.Errors, setFinding{Pointer: v.Pointer, Code: string(v.Code), Detail: v.Detail})
	}
	return fail
}
