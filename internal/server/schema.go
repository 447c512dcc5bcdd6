package server

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// openAPISchema writes a JSON Schema of 2020-12 in the form that OpenAPI 3.0
// has. A keyword without a counterpart is left out, which makes the schema a
// little looser; a reference would change its meaning and is an error.
func openAPISchema(schema *tree) (*tree, error) {
	switch {
	case schema.is("true"):
		return objectTree(), nil
	case schema.is("false"):
		never := objectTree()
		never.set("not", objectTree())
		return never, nil
	case schema.kind != jsontext.KindBeginObject:
		return nil, fmt.Errorf("a schema that is %s", schema.append(nil))
	}
	out := objectTree()
	for i, name := range schema.names {
		if err := openAPIKeyword(out, name, schema.items[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return out, nil
}

// openAPIKeyword adds to out what one keyword says.
func openAPIKeyword(out *tree, name string, value *tree) (err error) {
	switch name {
	case "title", "description", "default", "format", "pattern", "enum", "multipleOf", "uniqueItems",
		"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
		"readOnly", "writeOnly", "deprecated":
		out.set(name, value)
	case "minimum", "maximum":
		if out.get(name) == nil { // an exclusive bound has been there before
			out.set(name, value)
		}
	case "exclusiveMinimum", "exclusiveMaximum":
		out.set(map[string]string{"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}[name], value)
		out.set(name, scalar("true"))
	case "required":
		if len(value.items) > 0 {
			out.set(name, value)
		}
	case "const":
		out.set("enum", arrayTree(value))
	case "examples":
		if len(value.items) > 0 {
			out.set("example", value.items[0])
		}
	case "contentEncoding":
		if value.is(`"base64"`) {
			out.set("format", textTree("byte"))
		}
	case "type":
		openAPIType(out, value)
	case "properties":
		value, err = eachSchema(value)
		if err == nil {
			anything(value)
		}
		out.set(name, value)
	case "allOf", "anyOf", "oneOf":
		value, err = eachSchema(value)
		out.set(name, value)
	case "items", "not":
		value, err = openAPISchema(value)
		out.set(name, value)
	case "additionalProperties":
		if value.kind == jsontext.KindBeginObject {
			value, err = openAPISchema(value)
		}
		out.set(name, value)
	case "$ref", "$dynamicRef", "$defs":
		return fmt.Errorf("a tool's schema must not refer to others")
	}
	return err
}

// openAPIType turns a list of types into one type that may be null, or into
// alternatives.
func openAPIType(out, value *tree) {
	types := []*tree{value}
	if value.kind == jsontext.KindBeginArray {
		types = slices.Clone(value.items)
	}
	if i := slices.IndexFunc(types, func(t *tree) bool { return t.is(`"null"`) }); i >= 0 {
		out.set("nullable", scalar("true"))
		types = slices.Delete(types, i, i+1)
	}
	switch len(types) {
	case 0:
		out.set("enum", arrayTree(scalar("null")))
	case 1:
		out.set("type", types[0])
	default:
		alternatives := arrayTree()
		for _, t := range types {
			one := objectTree()
			one.set("type", t)
			alternatives.items = append(alternatives.items, one)
		}
		out.set("anyOf", alternatives)
	}
}

// anything lets members whose schemas ask for nothing be null: readers of the
// older form disagree about that.
func anything(properties *tree) {
	for _, property := range properties.items {
		asks := slices.ContainsFunc([]string{"type", "enum", "allOf", "anyOf", "oneOf", "not"}, func(keyword string) bool {
			return property.get(keyword) != nil
		})
		if !asks {
			property.set("nullable", scalar("true"))
		}
	}
}

// eachSchema translates the members of an object or the elements of an array.
func eachSchema(schemas *tree) (*tree, error) {
	out := &tree{kind: schemas.kind, names: schemas.names}
	for _, s := range schemas.items {
		translated, err := openAPISchema(s)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, translated)
	}
	return out, nil
}
