package binary

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/invopop/jsonschema"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/value"
)

type similarityIn struct {
	A jsontext.Value `json:"a"`
	B jsontext.Value `json:"b"`
}

// Bounds and defaults of what is compared.
const (
	maxVector       = 4096
	maxText         = 65536
	textDimensions  = 256 // of texts that are compared with each other
	operandForms    = "The name of an embedding, of a list of numbers or of a tensor with one axis, a vector, or a text to embed as create_embedding does, with as many dimensions as the other side has, or 256."
	operandExpected = `a variable's name, an array of numbers, or {"text": …}`
)

// JSONSchemaExtend says what can be compared.
func (similarityIn) JSONSchemaExtend(s *jsonschema.Schema) {
	for _, name := range []string{"a", "b"} {
		text := jsonschema.NewProperties()
		text.Set("text", &jsonschema.Schema{Type: "string", MinLength: new(uint64(1)), MaxLength: new(uint64(maxText))})
		operand, _ := s.Properties.Get(name)
		operand.Description = operandForms
		operand.OneOf = []*jsonschema.Schema{
			tools.VariableName("").JSONSchema(),
			{Type: "array", Items: &jsonschema.Schema{Type: "number"}, MinItems: new(uint64(1)), MaxItems: new(uint64(maxVector))},
			{Type: "object", Properties: text, Required: []string{"text"}, AdditionalProperties: jsonschema.FalseSchema},
		}
	}
}

type similarityOut struct {
	Cosine     *float64 `json:"cosine,omitzero" jsonschema_description:"From -1 to 1; absent when a vector is zero."`
	Dot        float64  `json:"dot"`
	Euclidean  float64  `json:"euclidean" jsonschema_description:"Distance."`
	Dimensions int      `json:"dimensions"`
}

var similarity = tools.New("similarity", "Compares two vectors: stored embeddings, numbers, or texts.",
	func(ctx context.Context, c *tools.Call, in similarityIn) (similarityOut, error) {
		a, err := readOperand("/a", in.A)
		if err != nil {
			return similarityOut{}, err
		}
		b, err := readOperand("/b", in.B)
		if err != nil {
			return similarityOut{}, err
		}
		if err := lookUp(ctx, c, a, b); err != nil {
			return similarityOut{}, err
		}
		a.embed(b.dimensions())
		b.embed(len(a.vector))
		if len(a.vector) != len(b.vector) {
			return similarityOut{}, tools.Refuse("/b", fault.ConstraintViolation,
				fmt.Sprintf("Expected as many dimensions as a has, %d, got %d.", len(a.vector), len(b.vector)))
		}
		out := similarityOut{Dot: dot(a.vector, b.vector), Euclidean: distance(a.vector, b.vector), Dimensions: len(a.vector)}
		if cos, ok := cosine(a.vector, b.vector); ok {
			out.Cosine = &cos
		}
		if beyond(out.Dot) || beyond(out.Euclidean) {
			return similarityOut{}, tools.Refuse("/b", fault.ConstraintViolation, "The numbers are so large that a result is beyond the range of a 64-bit float.")
		}
		return out, nil
	},
	tools.InSession(), tools.ReadOnly(), tools.Idempotent(), tools.WithCost(tools.CPU),
	tools.Example("two vectors", `{"a":[3,4],"b":[4,3]}`, tools.Gives(`{"cosine":0.96,"dot":24,"euclidean":1.4142135623730951,"dimensions":2}`)),
	tools.Example("two texts", `{"a":{"text":"the cats sat on a mat"},"b":{"text":"a cat sits on the mat"}}`),
	tools.Example("nobody stored it", `{"a":"greeting","b":{"text":"hello"}}`, tools.Fails(fault.VariableNotFound)),
)

func beyond(f float64) bool { return math.IsNaN(f) || math.IsInf(f, 0) }

// operand is one side of a comparison.
type operand struct {
	at     string
	name   string // of a variable, or ""
	text   string // that is to be embedded, or ""
	vector []float64
}

func readOperand(at string, raw jsontext.Value) (*operand, error) {
	o := &operand{at: at}
	var err error
	switch raw.Kind() {
	case jsontext.KindString:
		err = json.Unmarshal(raw, &o.name)
	case jsontext.KindBeginArray:
		v, found := value.Convert(value.Embedding, raw)
		if found != nil {
			return nil, tools.Relocate(fault.Invalid(fault.ConstraintViolation, "This is no vector.", found, fault.TypeMismatch), map[string]string{"": at})
		}
		o.vector, _ = v.Floats()
	case jsontext.KindBeginObject:
		var object struct {
			Text string `json:"text"`
		}
		err = json.Unmarshal(raw, &object)
		o.text = object.Text
	}
	if err != nil || o.name == "" && o.text == "" && o.vector == nil { // the schema lets nothing else pass
		return nil, tools.Refuse(at, fault.TypeMismatch, "Expected "+operandExpected+".")
	}
	return o, nil
}

// lookUp reads the variables that are named, both of one instant.
func lookUp(ctx context.Context, c *tools.Call, operands ...*operand) error {
	var names []string
	for _, o := range operands {
		if o.name != "" && (len(names) == 0 || names[0] != o.name) {
			names = append(names, o.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	snapshot, err := c.Read(ctx, names...)
	if err != nil {
		return err
	}
	for _, o := range operands {
		if o.name == "" {
			continue
		}
		v, ok := snapshot.Variables[o.name]
		if !ok {
			return tools.Blame(o.at, store.NoVariable(o.name))
		}
		if d, isTensor := v.Value.Descriptor(); isTensor {
			if err := o.read(ctx, c, d); err != nil {
				return err
			}
		} else if o.vector, ok = v.Value.Floats(); !ok {
			return tools.Refuse(o.at, fault.TypeMismatch, fmt.Sprintf("Expected an embedding, a list of numbers or a tensor; %q is a %s.", o.name, v.Value.Type()))
		}
		if slices.ContainsFunc(o.vector, beyond) {
			return tools.Refuse(o.at, fault.ConstraintViolation, fmt.Sprintf("Expected finite numbers; %q has others.", o.name))
		}
	}
	return nil
}

// read takes the elements of a tensor as the vector.
func (o *operand) read(ctx context.Context, c *tools.Call, d value.Descriptor) error {
	if len(d.Shape) != 1 || d.Shape[0] < 1 || d.Shape[0] > maxVector {
		return tools.Refuse(o.at, fault.ConstraintViolation,
			fmt.Sprintf("Expected a tensor with one axis, of 1 to %d elements; the shape of %q is %v.", maxVector, o.name, d.Shape))
	}
	elements, err := c.ReadTensor(ctx, d)
	if err != nil {
		return err
	}
	o.vector = floatsOf(d.Dtype, elements)
	return nil
}

// dimensions is what a text on the other side is embedded in.
func (o *operand) dimensions() int {
	if o.text != "" || len(o.vector) == 0 {
		return textDimensions
	}
	return len(o.vector)
}

// embed makes the vector of a text.
func (o *operand) embed(dimensions int) {
	if o.text != "" {
		o.vector = embed(o.text, dimensions)
		unit(o.vector)
	}
}
