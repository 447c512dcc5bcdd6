package binary

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/invopop/jsonschema"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/value"
)

// maxTensor is how many bytes a tensor that is made here may have.
const maxTensor = 64 << 20

type tensorIn struct {
	Name      tools.VariableName `json:"name" jsonschema_description:"Of the tensor variable; one that is there gets a new version."`
	Shape     []int64            `json:"shape" jsonschema:"minItems=1,maxItems=8,minimum=1" jsonschema_description:"The lengths of the dimensions; at most 64 MiB in all."`
	Dtype     string             `json:"dtype" jsonschema:"default=f64,enum=f64,enum=f32,enum=i64,enum=i32,enum=u8,enum=bool"`
	Fill      string             `json:"fill,omitzero" jsonschema:"enum=zeros,enum=ones,enum=value,enum=arange,enum=random" jsonschema_description:"When absent, fill_value if that is given, else zeros. random: floats from [0,1), integers from 0 to 255."`
	FillValue jsontext.Value     `json:"fill_value,omitzero" jsonschema_description:"A number that the type can hold, or a boolean for bool."`
	Seed      *int64             `json:"seed" jsonschema_description:"Makes random elements the same ones each time."`
	SizeBytes *int64             `json:"size_bytes" jsonschema:"minimum=1" jsonschema_description:"What you think the size is; refused when it is another."`
}

// JSONSchemaExtend says what a fill value can be.
func (tensorIn) JSONSchemaExtend(s *jsonschema.Schema) {
	fill, _ := s.Properties.Get("fill_value")
	fill.OneOf = []*jsonschema.Schema{{Type: "number"}, {Type: "boolean"}}
}

type tensorOut struct {
	Name      string  `json:"name"`
	Shape     []int64 `json:"shape"`
	Dtype     string  `json:"dtype"`
	SizeBytes int64   `json:"size_bytes"`
	Elements  int64   `json:"elements"`
	Encoding  string  `json:"encoding" jsonschema_description:"How the store has the elements: raw-le is their bytes, little-endian, in row-major order."`
	Checksum  string  `json:"checksum" jsonschema_description:"SHA-256 of these bytes."`
	Version   int64   `json:"version"`
	Created   bool    `json:"created"`
}

var createTensor = tools.New("create_tensor", "Makes a tensor, element by element, and stores it as a variable.",
	func(ctx context.Context, c *tools.Call, in tensorIn) (tensorOut, error) {
		d, count, err := in.check()
		if err != nil {
			return tensorOut{}, err
		}
		applied, found, err := c.Recall(ctx)
		if err != nil {
			return tensorOut{}, err
		}
		if !found {
			if applied, err = in.create(ctx, c, d, count); err != nil {
				return tensorOut{}, err
			}
		}
		r := applied.Results[0]
		t, ok := r.Value.Descriptor()
		if !ok {
			return tensorOut{}, fmt.Errorf("the tensor became %s", r.Value.Type())
		}
		return tensorOut{
			Name: r.Name, Shape: t.Shape, Dtype: t.Dtype.String(), SizeBytes: t.Bytes, Elements: t.Bytes / t.Dtype.Size(),
			Encoding: "raw-le", Checksum: t.Digest, Version: r.Version, Created: !r.Existed,
		}, nil
	},
	tools.InSession(), tools.WithCost(tools.CPU),
	tools.Example("zeros", `{"name":"weights","shape":[3,4]}`,
		tools.Gives(`{"name":"weights","shape":[3,4],"dtype":"f64","size_bytes":96,"elements":12,"encoding":"raw-le",`+
			`"checksum":"2ea9ab9198d1638007400cd2c3bef1cc745b864b76011a0e1bc52180ac6452d4","version":1,"created":true}`)),
	tools.Example("random, the same each time", `{"name":"noise","shape":[64,64],"dtype":"f32","fill":"random","seed":7}`),
	tools.Example("random, another each time", `{"name":"noise","shape":[16],"fill":"random"}`),
	tools.Example("one value", `{"name":"half","shape":[2,2,2],"fill_value":0.5,"size_bytes":64}`),
	tools.Example("a size that is not that of the shape", `{"name":"half","shape":[2,2],"size_bytes":64}`, tools.Fails(fault.ConstraintViolation)),
)

// check finds what is wrong with the arguments alone, before anything is
// made, and returns the type and the number of elements.
func (in tensorIn) check() (value.Dtype, int64, error) {
	d, _ := value.DtypeOf(in.Dtype) // the schema lets no other pass
	size, ok := value.Size(d, in.Shape)
	switch {
	case !ok:
		return 0, 0, tools.Refuse("/shape", fault.ConstraintViolation, "Expected a shape whose elements 64 bits can count.")
	case size > maxTensor:
		return 0, 0, tools.Refuse("/shape", fault.ConstraintViolation,
			fmt.Sprintf("Expected a tensor of at most %d bytes, got %d.", maxTensor, size))
	case in.SizeBytes != nil && *in.SizeBytes != size:
		return 0, 0, tools.Refuse("/size_bytes", fault.ConstraintViolation,
			fmt.Sprintf("Expected %d, as the shape and %s say, got %d.", size, d, *in.SizeBytes))
	}
	return d, size / d.Size(), in.contradiction()
}

// create makes the tensor under the constraints of the variable that it goes
// into.
func (in tensorIn) create(ctx context.Context, c *tools.Call, d value.Dtype, count int64) (store.Applied, error) {
	name := string(in.Name)
	e, err := in.fill(d, count, c.Rand)
	if err != nil {
		return store.Applied{}, err
	}
	snapshot, err := c.Read(ctx, name)
	if err != nil {
		return store.Applied{}, err
	}
	limits, judged, err := constraintsFor(snapshot.Variables[name])
	if err != nil {
		return store.Applied{}, err
	}
	if found := limits.CheckTensor(d, in.Shape); found != nil {
		return store.Applied{}, in.refused(found)
	}
	e.check = limits.Elements()
	content, err := c.StageTensor(ctx, d, in.Shape, e)
	switch {
	case errors.Is(err, errRefused):
		return store.Applied{}, in.refused(e.check.Violations())
	case err != nil:
		return store.Applied{}, err
	}
	content.Judged = judged
	applied, err := c.Apply(ctx, store.PutContent(name, content))
	return applied, blame(err, "/shape")
}

// constraintsFor returns what a tensor must keep that is written to the
// variable: nothing for one that is not there, or is none. The store refuses
// the latter.
func constraintsFor(now store.Variable) (c value.Constraints, judged string, err error) {
	if now.Value.Type() != value.Tensor {
		return value.Constraints{}, "", nil
	}
	c, err = store.ConstraintsOf(now)
	return c, now.Constraints, err
}

// refused points at the argument that the first violation comes from.
func (in tensorIn) refused(found []fault.Violation) error {
	at := "/fill"
	switch pointer := found[0].Pointer; {
	case pointer == "/shape" || pointer == "/dtype":
		at = pointer
	case in.FillValue != nil:
		at = "/fill_value"
	}
	return tools.Refuse(at, found[0].Code, found[0].Detail)
}
