package server

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"toolpit/internal/fault"
	"toolpit/internal/npy"
	"toolpit/internal/value"
)

// The headers that say what the bytes of a tensor are.
const (
	dtypeHeader = "X-Tensor-Dtype"
	shapeHeader = "X-Tensor-Shape"
	orderHeader = "X-Tensor-Order"
)

// tensorHead is what is known of a tensor before its elements.
type tensorHead struct {
	dtype value.Dtype
	shape []int64
	order value.Order
	bytes int64 // of the elements
}

// readTensorHead reads the headers of an octet stream. It allocates nothing in
// proportion to what they say. Errors: InvalidRequest, MissingParameter,
// UnknownType.
func readTensorHead(h http.Header) (t tensorHead, err error) {
	if t.dtype, err = dtypeOf(h); err != nil {
		return t, err
	}
	if t.shape, err = shapeOf(h); err != nil {
		return t, err
	}
	if t.order, err = orderOf(h); err != nil {
		return t, err
	}
	var ok bool
	if t.bytes, ok = value.Size(t.dtype, t.shape); !ok {
		return t, refuseParameter(shapeHeader, "has more elements than can be counted")
	}
	return t, nil
}

// onlyValue returns a header's only value. Errors: InvalidRequest.
func onlyValue(h http.Header, name string) (text string, found bool, err error) {
	values := h[name]
	if len(values) > 1 {
		return "", false, refuseParameter(name, "is given more than once")
	}
	if len(values) == 0 {
		return "", false, nil
	}
	return strings.TrimSpace(values[0]), true, nil
}

func missingHeader(name, complaint string) *fault.Error {
	detail := name + " is missing; " + complaint + "."
	return fault.Invalid(fault.InvalidRequest, detail, []fault.Violation{
		{Pointer: name, Code: fault.MissingParameter, Detail: detail},
	}, fault.MissingParameter)
}

const dtypes = "f64, f32, i64, i32, u8 and bool"

func dtypeOf(h http.Header) (value.Dtype, error) {
	text, found, err := onlyValue(h, dtypeHeader)
	if err != nil {
		return 0, err
	}
	if !found {
		return 0, missingHeader(dtypeHeader, "it is one of "+dtypes)
	}
	d, ok := value.DtypeOf(text)
	if !ok {
		detail := fmt.Sprintf("%s is one of %s, not %.16q.", dtypeHeader, dtypes, text)
		return 0, fault.Invalid(fault.UnknownType, detail, []fault.Violation{
			{Pointer: dtypeHeader, Code: fault.UnknownType, Detail: detail},
		})
	}
	return d, nil
}

// maxShapeText is what the longest shape needs: so many numbers of 19 digits,
// commas and blanks.
const maxShapeText = value.MaxRank * 21

func shapeOf(h http.Header) ([]int64, error) {
	text, found, err := onlyValue(h, shapeHeader)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, missingHeader(shapeHeader, "it lists the lengths, such as 2,3, and is empty for a single element")
	}
	if text == "" {
		return []int64{}, nil
	}
	const rule = "lists at most 8 lengths with commas between, each a decimal number below 2^63, such as 2,3"
	if len(text) > maxShapeText {
		return nil, refuseParameter(shapeHeader, rule)
	}
	shape := make([]int64, 0, value.MaxRank)
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.Trim(entry, " \t")
		n, err := strconv.ParseInt(entry, 10, 64)
		if err != nil || entry[0] == '+' || n < 0 || len(shape) == value.MaxRank {
			return nil, refuseParameter(shapeHeader, rule)
		}
		shape = append(shape, n)
	}
	return shape, nil
}

func orderOf(h http.Header) (value.Order, error) {
	text, found, err := onlyValue(h, orderHeader)
	switch {
	case err != nil:
		return 0, err
	case !found || text == "C":
		return value.RowMajor, nil
	case text == "F":
		return value.ColumnMajor, nil
	default:
		return 0, refuseParameter(orderHeader, "is C for row-major or F for column-major")
	}
}

// noTensorHead refuses the headers of an octet stream beside a body that says
// itself what it is. Errors: InvalidRequest.
func noTensorHead(h http.Header) error {
	for _, name := range []string{dtypeHeader, shapeHeader, orderHeader} {
		if len(h[name]) > 0 {
			return refuseParameter(name, "belongs to application/octet-stream; this body says itself what it is")
		}
	}
	return nil
}

// shapeText writes a shape as X-Tensor-Shape has it.
func shapeText(shape []int64) string {
	var b []byte
	for i, n := range shape {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return string(b)
}

// descrOf is NumPy's name for a type.
func descrOf(d value.Dtype) string {
	switch d {
	case value.F64:
		return "<f8"
	case value.F32:
		return "<f4"
	case value.I64:
		return "<i8"
	case value.I32:
		return "<i4"
	case value.U8:
		return "|u1"
	default:
		return "|b1"
	}
}

// headOf is what an .npy file says.
func headOf(h npy.Header) tensorHead {
	t := tensorHead{shape: h.Shape, order: value.RowMajor, bytes: h.Bytes()}
	for _, d := range []value.Dtype{value.F64, value.F32, value.I64, value.I32, value.U8, value.B8} {
		if descrOf(d) == h.Descr {
			t.dtype = d
		}
	}
	if h.Fortran {
		t.order = value.ColumnMajor
	}
	return t
}

// header is the header of an .npy file.
func (t tensorHead) header() npy.Header {
	return npy.Header{Descr: descrOf(t.dtype), Shape: t.shape, Fortran: t.order == value.ColumnMajor}
}

// badFile is what an error of the package npy means; others stay as they are.
func badFile(err error) error {
	if e, ok := errors.AsType[*npy.MalformedError](err); ok {
		return fault.Newf(fault.InvalidRequest, "The body is no .npy file: %s.", e.Detail)
	}
	if e, ok := errors.AsType[*npy.UnsupportedError](err); ok {
		code := fault.UnknownType
		if e.Axes {
			code = fault.ConstraintViolation
		}
		return fault.Newf(code, "The .npy file cannot be taken: %s.", e.Detail)
	}
	if e, ok := errors.AsType[*npy.LengthError](err); ok {
		return otherSize(e.Want, e.Got)
	}
	return err
}

// otherSize is the fault of elements that have another size than was said.
func otherSize(want, got int64) *fault.Error {
	if got > want {
		return &fault.Error{
			Code:   fault.BodyTooLarge,
			Detail: fmt.Sprintf("The body goes on after the %d bytes that the shape has.", want),
			Facts:  fault.Facts{LimitBytes: want},
		}
	}
	return fault.Newf(fault.InvalidRequest, "The shape has %d bytes of elements, and the body has %d.", want, got)
}
