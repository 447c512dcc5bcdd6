package variable

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/tools"
)

type historyIn struct {
	Name   tools.VariableName `json:"name"`
	Limit  int                `json:"limit" jsonschema:"minimum=1,maximum=100,default=10"`
	Before *int64             `json:"before" jsonschema:"minimum=1" jsonschema_description:"Only versions older than this one."`
}

type historyOut struct {
	Name       string         `json:"name"`
	Versions   []historyEntry `json:"versions" jsonschema_description:"The newest first; fewer than limit where values are large."`
	Count      int            `json:"count"`
	NextBefore int64          `json:"next_before,omitzero" jsonschema_description:"What to give as before for older ones; absent when there are none."`
}

type historyEntry struct {
	Version   int64          `json:"version"`
	Type      string         `json:"type"`
	Value     jsontext.Value `json:"value"`
	Metadata  jsontext.Value `json:"metadata" jsonschema:"type=object"`
	UpdatedAt time.Time      `json:"updated_at"`
	UpdatedBy string         `json:"updated_by"`
}

var getVariableHistory = tools.New("get_variable_history", "Lists a variable's versions, the current one first.",
	func(ctx context.Context, c *tools.Call, in historyIn) (historyOut, error) {
		var before int64
		if in.Before != nil {
			before = *in.Before
		}
		page, err := c.History(ctx, string(in.Name), before, in.Limit)
		if err != nil {
			return historyOut{}, places{name: "/name"}.blame(err)
		}
		out := historyOut{Name: string(in.Name), Versions: []historyEntry{}, NextBefore: page.Next}
		bytes := 0
		for i, v := range page.Items {
			if bytes += len(v.Value.JSON()); i > 0 && bytes > largest {
				out.NextBefore = page.Items[i-1].Version
				break
			}
			out.Versions = append(out.Versions, historyEntry{
				Version: v.Version, Type: v.Value.Type().String(), Value: valueOf(v),
				Metadata: object(v.Metadata), UpdatedAt: v.Updated.UTC(), UpdatedBy: v.By,
			})
		}
		out.Count = len(out.Versions)
		return out, nil
	},
	tools.InSession(), tools.ReadOnly(), tools.Idempotent(),
	tools.Example("nobody registered it", `{"name":"temperature"}`, tools.Fails(fault.VariableNotFound)),
)
