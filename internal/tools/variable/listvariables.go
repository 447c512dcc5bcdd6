package variable

import (
	"context"
	"encoding/base64"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

type listIn struct {
	Pattern string   `json:"pattern,omitzero" jsonschema:"maxLength=128" jsonschema_description:"A glob for the whole name: * any characters, ? one, [a-c] one of these."`
	Prefix  string   `json:"prefix,omitzero" jsonschema:"maxLength=128" jsonschema_description:"What the name begins with."`
	Type    typeName `json:"type,omitzero"`
	Limit   int      `json:"limit" jsonschema:"minimum=1,maximum=1000,default=100"`
	Cursor  string   `json:"cursor,omitzero" jsonschema:"maxLength=256" jsonschema_description:"The next_cursor of the page before."`
}

type listOut struct {
	Items      []listItem `json:"items" jsonschema_description:"In the order of their names. A page may be short."`
	Count      int        `json:"count"`
	NextCursor string     `json:"next_cursor,omitzero" jsonschema_description:"Absent on the last page."`
}

type listItem struct {
	Name      string         `json:"name"`
	Type      string         `json:"type"`
	Version   int64          `json:"version"`
	SizeBytes int64          `json:"size_bytes" jsonschema_description:"Of the value as JSON; of a tensor, its elements."`
	Value     jsontext.Value `json:"value,omitzero" jsonschema_description:"Absent when it is larger than 1,024 bytes."`
	record
}

// inline is how large a value in a list may be.
const inline = 1024

var listVariables = tools.New("list_variables", "Lists the session's variables, or some of them.",
	func(ctx context.Context, c *tools.Call, in listIn) (listOut, error) {
		after, err := base64.RawURLEncoding.DecodeString(in.Cursor)
		if err != nil {
			return listOut{}, tools.Refuse("/cursor", fault.ConstraintViolation, "Expected the next_cursor of an earlier page.")
		}
		q := store.VariableQuery{Limit: in.Limit, After: string(after), Prefix: in.Prefix, Glob: in.Pattern, Type: in.Type.valueType()}
		if err := q.Check(); err != nil { // the limit has been checked by the schema
			return listOut{}, tools.Refuse("/pattern", fault.ConstraintViolation, "Expected a glob: *, ?, or a set such as [a-c].")
		}
		page, err := c.ListVariables(ctx, q)
		if err != nil {
			return listOut{}, err
		}
		out := listOut{Items: []listItem{}, Count: len(page.Items), NextCursor: base64.RawURLEncoding.EncodeToString([]byte(page.Next))}
		for _, v := range page.Items {
			item := listItem{
				Name: v.Name, Type: v.Value.Type().String(), Version: v.Version,
				SizeBytes: int64(len(v.Value.JSON())), record: recordOf(v),
			}
			if item.SizeBytes <= inline {
				item.Value = valueOf(v)
			}
			if d, ok := v.Value.Descriptor(); ok {
				item.SizeBytes = d.Bytes
			}
			out.Items = append(out.Items, item)
		}
		return out, nil
	},
	tools.InSession(), tools.ReadOnly(), tools.Idempotent(),
	tools.Example("a fresh session", `{}`, tools.Gives(`{"items":[],"count":0}`)),
	tools.Example("floats of a family", `{"pattern":"temp_*","type":"float","limit":10}`, tools.Gives(`{"items":[],"count":0}`)),
)
