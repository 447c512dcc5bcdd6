package variable

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/store"
)

// largest is how many bytes of values an answer holds together.
const largest = 1 << 20

// record is everything there is to say about a variable but its value.
type record struct {
	Constraints jsontext.Value `json:"constraints,omitzero" jsonschema:"type=object"`
	Metadata    jsontext.Value `json:"metadata,omitzero" jsonschema:"type=object"`
	CreatedAt   time.Time      `json:"created_at,omitzero"`
	UpdatedAt   time.Time      `json:"updated_at,omitzero"`
	UpdatedBy   string         `json:"updated_by,omitzero" jsonschema_description:"The tool or the route that wrote this version."`
}

func recordOf(v store.Variable) record {
	return record{
		Constraints: object(v.Constraints), Metadata: object(v.Metadata),
		CreatedAt: v.Created.UTC(), UpdatedAt: v.Updated.UTC(), UpdatedBy: v.By,
	}
}

// object is an object as a variable has it, where "" stands for an empty one.
func object(text string) jsontext.Value {
	if text == "" {
		return jsontext.Value("{}")
	}
	return jsontext.Value(text)
}

// valueOf is a variable's value as JSON; of a tensor it is the descriptor.
func valueOf(v store.Variable) jsontext.Value { return jsontext.Value(v.Value.JSON()) }
