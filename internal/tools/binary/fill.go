package binary

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"toolpit/internal/fault"
	"toolpit/internal/tools"
	"toolpit/internal/value"
)

// What a tensor can be filled with.
const (
	fillZeros  = "zeros"
	fillOnes   = "ones"
	fillValue  = "value"
	fillArange = "arange" // 0, 1, 2, …
	fillRandom = "random" // floats from [0,1), integers from 0 to 255, false and true alike
)

// isFloat tells whether elements of a type are made as floats.
func isFloat(d value.Dtype) bool { return d == value.F64 || d == value.F32 }

// fill prepares the elements that were asked for; count of them will be read.
// rng is asked for randomness only if there is no seed. Errors: violations of
// the arguments.
func (in tensorIn) fill(d value.Dtype, count int64, rng func() *rand.Rand) (*elements, error) {
	switch in.filling() {
	case fillZeros:
		return constant(d, 0), nil
	case fillOnes:
		return constant(d, 1), nil
	case fillValue:
		return in.constant(d)
	case fillArange:
		return arange(d, count)
	}
	if in.Seed == nil {
		return random(d, rng()), nil
	}
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(*in.Seed))
	return random(d, rand.New(rand.NewChaCha8(seed))), nil
}

// filling is what was asked for; a value alone asks for itself.
func (in tensorIn) filling() string {
	switch {
	case in.Fill != "":
		return in.Fill
	case in.FillValue != nil:
		return fillValue
	default:
		return fillZeros
	}
}

// contradiction finds arguments that do not go together.
func (in tensorIn) contradiction() error {
	switch fill := in.filling(); {
	case fill == fillValue && in.FillValue == nil:
		return tools.Refuse("/fill_value", fault.MissingParameter, `The parameter "fill_value" is missing; fill "value" needs it.`)
	case fill != fillValue && in.FillValue != nil:
		return tools.Refuse("/fill_value", fault.ConstraintViolation, fmt.Sprintf("Expected none, as fill is %q.", fill))
	case fill != fillRandom && in.Seed != nil:
		return tools.Refuse("/seed", fault.ConstraintViolation, fmt.Sprintf("Expected none, as fill is %q.", fill))
	}
	return nil
}

func constant(d value.Dtype, n int64) *elements {
	return &elements{dtype: d, floats: ifFloat(d, func() float64 { return float64(n) }), ints: func() int64 { return n }}
}

// ifFloat keeps f for types whose elements are made as floats.
func ifFloat(d value.Dtype, f func() float64) func() float64 {
	if isFloat(d) {
		return f
	}
	return nil
}

// constant reads fill_value as an element of that type.
func (in tensorIn) constant(d value.Dtype) (*elements, error) {
	if in.FillValue.Kind() == '"' { // which a tensor takes for NaN and the infinities
		return nil, tools.Refuse("/fill_value", fault.TypeMismatch, "Expected a number or a boolean, got a string.")
	}
	one, found := value.ConvertTensor(fmt.Appendf(nil, `{"shape":[],"dtype":%q,"data":%s}`, d, in.FillValue))
	if found != nil {
		refused := fault.Invalid(fault.ConstraintViolation, "The elements cannot have this value.", found, fault.TypeMismatch)
		return nil, tools.Relocate(refused, map[string]string{"/data": "/fill_value"})
	}
	switch d {
	case value.F64:
		f := math.Float64frombits(binary.LittleEndian.Uint64(one.Bytes))
		return &elements{dtype: d, floats: func() float64 { return f }}, nil
	case value.F32:
		f := float64(math.Float32frombits(binary.LittleEndian.Uint32(one.Bytes)))
		return &elements{dtype: d, floats: func() float64 { return f }}, nil
	case value.I64:
		return constant(d, int64(binary.LittleEndian.Uint64(one.Bytes))), nil
	case value.I32:
		return constant(d, int64(int32(binary.LittleEndian.Uint32(one.Bytes)))), nil
	default:
		return constant(d, int64(one.Bytes[0])), nil
	}
}

// arange counts up, as far as the type does.
func arange(d value.Dtype, count int64) (*elements, error) {
	most := int64(math.MaxInt64)
	switch d {
	case value.U8:
		most = 1 << 8
	case value.B8:
		most = 2
	}
	// All others count farther than a tensor of maxTensor has elements: f32 does
	// so exactly up to 2^24.
	if count > most {
		return nil, tools.Refuse("/shape", fault.ConstraintViolation,
			fmt.Sprintf("Expected at most %d elements, as %s counts no farther, got %d.", most, d, count))
	}
	n := int64(-1)
	next := func() int64 { n++; return n }
	return &elements{dtype: d, floats: ifFloat(d, func() float64 { return float64(next()) }), ints: next}, nil
}

func random(d value.Dtype, rng *rand.Rand) *elements {
	e := &elements{dtype: d}
	switch d {
	case value.F64:
		e.floats = rng.Float64
	case value.F32:
		e.floats = func() float64 { return float64(rng.Float32()) }
	case value.B8:
		e.ints = func() int64 { return rng.Int64N(2) }
	default:
		e.ints = func() int64 { return rng.Int64N(256) }
	}
	return e
}
