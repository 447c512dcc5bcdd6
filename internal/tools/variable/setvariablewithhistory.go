package variable

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/store"
	"toolpit/internal/tools"
)

type setWithHistoryIn struct {
	Name     tools.VariableName `json:"name"`
	Value    jsontext.Value     `json:"value" jsonschema_description:"Any JSON but null."`
	Metadata jsontext.Value     `json:"metadata,omitzero" jsonschema:"type=object" jsonschema_description:"Kept with this version, up to 4 KiB; when absent, the metadata stay."`
}

type setWithHistoryOut struct {
	Name                 string         `json:"name"`
	Value                jsontext.Value `json:"value"`
	PreviousValue        jsontext.Value `json:"previous_value" jsonschema_description:"null when there was no such variable."`
	PreviousValueOmitted bool           `json:"previous_value_omitted,omitzero" jsonschema_description:"The previous value is too large to be told here; get_variable_history has it."`
	Version              int64          `json:"version"`
	PreviousVersion      int64          `json:"previous_version" jsonschema_description:"0 when there was no such variable."`
	Metadata             jsontext.Value `json:"metadata" jsonschema:"type=object"`
}

// previous is what was there before, as the memo keeps it for a repetition.
type previous struct {
	Version int64          `json:"version"`
	Value   jsontext.Value `json:"value,omitzero"`
}

var setVariableWithHistory = tools.New("set_variable_with_history",
	"Writes a variable and tells what was there before. A write of somebody else in between is a VERSION_CONFLICT.",
	func(ctx context.Context, c *tools.Call, in setWithHistoryIn) (setWithHistoryOut, error) {
		name := string(in.Name)
		snapshot, err := c.Read(ctx, name)
		if err != nil {
			return setWithHistoryOut{}, err
		}
		memo, before, err := memoOf(snapshot.Variables[name])
		if err != nil {
			return setWithHistoryOut{}, err
		}
		// What was read is what is replaced, or nothing is.
		op := store.PutContent(name, store.Content{JSON: in.Value, Metadata: in.Metadata}).IfVersion(before)
		applied, err := give(ctx, c, tools.Unit{Ops: []store.Op{op}, Memo: memo}, func(int) places {
			return places{name: "/name", value: "/value", metadata: "/metadata"}
		})
		if err != nil {
			return setWithHistoryOut{}, err
		}
		var was previous
		if err := json.Unmarshal(applied.Memo, &was); err != nil {
			return setWithHistoryOut{}, fmt.Errorf("the memo of set_variable_with_history: %w", err)
		}
		r := applied.Results[0]
		out := setWithHistoryOut{
			Name: r.Name, Value: valueOf(r.Variable), PreviousValue: was.Value, Version: r.Version, PreviousVersion: was.Version,
			PreviousValueOmitted: was.Version > 0 && was.Value == nil, Metadata: object(r.Metadata),
		}
		if was.Value == nil {
			out.PreviousValue = jsontext.Value("null")
		}
		return out, nil
	},
	tools.InSession(),
	tools.Example("the first value", `{"name":"temperature","value":0.7,"metadata":{"reason":"default"}}`,
		tools.Gives(`{"name":"temperature","value":0.7,"previous_value":null,"version":1,"previous_version":0,"metadata":{"reason":"default"}}`)),
)

// memoOf keeps what a repetition cannot read any more: the version, and the
// value if it is small enough for a memo.
func memoOf(v store.Variable) (memo []byte, version int64, err error) {
	was := previous{Version: v.Version}
	if v.Version > 0 {
		was.Value = valueOf(v)
	}
	memo, err = json.Marshal(was, jsontext.PreserveRawStrings(true))
	if err == nil && len(memo) > store.MaxMemo {
		memo, err = json.Marshal(previous{Version: v.Version})
	}
	return memo, v.Version, err
}
