package variable

import (
	"github.com/invopop/jsonschema"

	"toolpit/internal/value"
)

// typeName is a parameter that names a variable's type; "" asks nothing.
type typeName string

// JSONSchema lists the types.
func (typeName) JSONSchema() *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, t := range value.Types() {
		s.Enum = append(s.Enum, t.String())
	}
	return s
}

// valueType is the type of that name, 0 for none.
func (n typeName) valueType() value.Type {
	t, _ := value.TypeOf(string(n)) // the schema lets no other name pass
	return t
}
