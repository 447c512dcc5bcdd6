package tools

import (
	"github.com/invopop/jsonschema"

	"toolpit/internal/store"
)

// VariableName is a parameter that names a variable.
type VariableName string

// JSONSchema says what names there are.
func (VariableName) JSONSchema() *jsonschema.Schema {
	longest := uint64(store.MaxNameLen)
	return &jsonschema.Schema{Type: "string", Pattern: `^[A-Za-z_][A-Za-z0-9_.-]*$`, MaxLength: &longest}
}
