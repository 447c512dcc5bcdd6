package tools

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	invopop "github.com/invopop/jsonschema"
	santhosh "github.com/santhosh-tekuri/jsonschema/v6"
)

// input knows what arguments a tool takes.
type input struct {
	tool     string
	freeForm bool
	// schema is nil when there is nothing to check but that the arguments are
	// an object.
	schema *santhosh.Schema
	// defaults is the object of all defaults, nil when there are none.
	defaults jsontext.Value
	options  jsonv2.Options // of decoding
	// empty is the verdict on {}. Many calls have no arguments, and for them
	// the schema need not be asked again.
	empty error
}

// define infers the schema of t and prepares everything that follows from it.
func (in *input) define(t reflect.Type) jsontext.Value {
	in.options = decodeOptions()
	if in.takesAnything(t) {
		return jsontext.Value(fmt.Sprintf(`{"$schema":%q,"type":"object"}`, invopop.Version))
	}
	if t.Kind() != reflect.Struct {
		mustNot(in.tool, fmt.Errorf("its input %s is no struct", t))
	}
	schema := reflector(false).ReflectFromType(t)
	relax(schema, t)
	if in.freeForm {
		schema.AdditionalProperties = nil
	}
	raw, err := json.Marshal(schema)
	mustNot(in.tool, err)
	in.schema, err = compile(raw)
	mustNot(in.tool, err)
	in.defaults, err = defaults(in.schema)
	mustNot(in.tool, err)
	in.empty = in.check([]byte(`{ }`)) // the blank keeps it from being its own answer
	return raw
}

// takesAnything tells whether a free-form tool declares no member at all.
func (in *input) takesAnything(t reflect.Type) bool {
	return in.freeForm && (t == reflect.TypeFor[jsontext.Value]() || t == reflect.TypeFor[map[string]jsontext.Value]())
}

func outputSchema(tool string, t reflect.Type) jsontext.Value {
	// Results may get new members, so their schema leaves objects open.
	raw, err := json.Marshal(reflector(true).ReflectFromType(t))
	mustNot(tool, err)
	return raw
}

func reflector(open bool) *invopop.Reflector {
	return &invopop.Reflector{
		DoNotReference:            true,
		Anonymous:                 true,
		ExpandedStruct:            true,
		AllowAdditionalProperties: open,
		Mapper: func(t reflect.Type) *invopop.Schema {
			switch t {
			case reflect.TypeFor[jsontext.Value]():
				return &invopop.Schema{} // any JSON value
			case reflect.TypeFor[int64](), reflect.TypeFor[int]():
				return &invopop.Schema{Type: "integer", Format: int64Format}
			}
			return nil
		},
	}
}

// relax removes pointers and members with a default from what s requires;
// invopop on its own goes by omitzero and omitempty alone.
func relax(s *invopop.Schema, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Slice && s.Items != nil:
		relax(s.Items, t.Elem())
	case t.Kind() == reflect.Struct && s.Properties != nil:
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" {
				name = f.Name
			}
			property, ok := s.Properties.Get(name)
			if !ok {
				continue
			}
			if f.Type.Kind() == reflect.Pointer || property.Default != nil {
				s.Required = slices.DeleteFunc(s.Required, func(r string) bool { return r == name })
			}
			relax(property, f.Type)
		}
	}
}

const schemaURL = "mem:///arguments.json"

// compile prepares a schema for checking. It reads nothing from outside.
func compile(raw []byte) (*santhosh.Schema, error) {
	doc, err := santhosh.UnmarshalJSON(strings.NewReader(string(raw)))
	if err != nil {
		return nil, err
	}
	c := santhosh.NewCompiler()
	c.DefaultDraft(santhosh.Draft2020)
	c.UseLoader(noLoader{})
	c.AssertFormat()
	c.RegisterFormat(&santhosh.Format{Name: int64Format, Validate: checkInt64})
	if err := c.AddResource(schemaURL, doc); err != nil {
		return nil, err
	}
	return c.Compile(schemaURL)
}

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("a tool's schema refers to %s, and must not refer to anything", url)
}

// int64Format makes the bounds of a Go integer part of the schema. OpenAPI
// knows the format by the same name.
const int64Format = "int64"

func checkInt64(v any) error {
	n, ok := v.(json.Number)
	if !ok {
		return nil
	}
	if _, ok := integer(n.String()); !ok {
		return errors.New("beyond 64 bits")
	}
	return nil
}

// integer reads a number literal that has no fraction, such as 12, 12.0 or
// 1.2e1, exactly. The literal has been checked: its exponent is small.
func integer(literal string) (int64, bool) {
	if i, err := strconv.ParseInt(literal, 10, 64); err == nil {
		return i, true
	}
	r, ok := new(big.Rat).SetString(literal)
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}

// defaults gathers what the schema's members default to, and makes sure that
// the schema would accept it.
func defaults(s *santhosh.Schema) (jsontext.Value, error) {
	all := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		property := s.Properties[name]
		if property.Default == nil {
			continue
		}
		if err := property.Validate(*property.Default); err != nil {
			return nil, fmt.Errorf("the default of %q: %w", name, err)
		}
		all[name] = *property.Default
	}
	if len(all) == 0 {
		return nil, nil
	}
	return json.Marshal(all)
}
