package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/slicing"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// tensorRoute is where tensors are written and read.
const tensorRoute = "/sessions/{id}/tensors/{name}"

// readsTensor tells whether a request is one that is answered in the form that
// it accepts.
func readsTensor(r *http.Request) bool { return r.Pattern == tensorRoute && r.Method != http.MethodPut }

// GetTensor reads a tensor, or a part of it.
func (s *service) GetTensor(ctx context.Context, req api.GetTensorRequestObject) (api.GetTensorResponseObject, error) {
	x := exchangeOf(ctx)
	at, err := variableOf(x, req.ID, req.Name)
	if err != nil {
		return nil, err
	}
	g := tensorGet{service: s, exchange: x, at: at, params: req.Params}
	if g.form, err = acceptedForm(x.request.Header); err != nil {
		return nil, varying(x, err)
	}
	if req.Params.Slice != nil {
		slice, err := slicing.Parse(*req.Params.Slice)
		if e, ok := errors.AsType[*slicing.SyntaxError](err); ok {
			return nil, refuseSlice(fault.InvalidRequest, e.Axis, e.Detail)
		}
		if err != nil {
			return nil, err
		}
		g.slice = &slice
	}
	return g, nil
}

// tensorGet is a request that takes a tensor.
type tensorGet struct {
	service  *service
	exchange *exchange
	at       variableRef
	params   api.GetTensorParams
	form     tensorForm
	slice    *slicing.Slice // nil: all of it
}

// bytesTries is how often the variable is read when the bytes it named are gone
// by the time they are asked for: whoever writes a tensor all the time must not
// make it unreadable.
const bytesTries = 3

// VisitGetTensorResponse sends the answer. It is the only one of its kind that
// fails as long as nothing was sent, since only then is it known whether the
// bytes are still there.
func (g tensorGet) VisitGetTensorResponse(w http.ResponseWriter) (err error) {
	for range bytesTries {
		if err = g.answer(w); !errors.Is(err, fault.VersionNotFound) || g.exchange.status != 0 {
			return varying(w, err)
		}
	}
	return err
}

// varying marks an answer as one of several that the same request might have got
// in another form: forms have their own tags and sizes.
func varying(w http.ResponseWriter, err error) error {
	switch fault.CodeOf(err) {
	case fault.NotAcceptable, fault.VersionConflict, fault.RangeNotSatisfiable:
		w.Header().Set("Vary", "Accept")
	}
	return err
}

func (g tensorGet) answer(w http.ResponseWriter) error {
	ctx := g.exchange.request.Context()
	d, version, err := g.read(ctx)
	if err != nil {
		return err
	}
	part, err := g.part(d)
	if err != nil {
		return err
	}
	part.etag = part.tag()
	if done, err := g.conditions(w, part, version); done || err != nil {
		return err
	}
	if err := part.limit(g.exchange, w.Header()); err != nil {
		return err
	}
	if g.exchange.request.Method == http.MethodHead {
		part.begin(w)
		return nil
	}
	release, err := g.service.room(ctx, part.memory())
	if err != nil {
		return err
	}
	defer release()
	return part.send(ctx, g.service.store, &g.service.buffers, g.at.Ref, w)
}

// read finds the tensor. Errors: SessionNotFound, SessionExpired,
// VariableNotFound, TypeMismatch.
func (g tensorGet) read(ctx context.Context) (value.Descriptor, int64, error) {
	start := time.Now()
	found, err := g.service.store.Read(ctx, g.at.Ref, g.at.name)
	g.exchange.stored(start)
	if err != nil {
		return value.Descriptor{}, 0, err
	}
	v, ok := found.Variables[g.at.name]
	if !ok {
		return value.Descriptor{}, 0, store.NoVariable(g.at.name)
	}
	d, ok := v.Value.Descriptor()
	if !ok {
		return value.Descriptor{}, 0, store.WrongType(g.at.name, v.Value.Type(), value.Tensor)
	}
	return d, v.Version, nil
}

// part finds what is wanted of the tensor. Errors: RangeNotSatisfiable,
// ConstraintViolation.
func (g tensorGet) part(d value.Descriptor) (*tensorPart, error) {
	p := &tensorPart{exchange: g.exchange, form: g.form, whole: d, box: slicing.Whole(d.Shape), sliced: g.slice != nil}
	p.head = tensorHead{dtype: d.Dtype, shape: d.Shape, order: d.Order, bytes: d.Bytes}
	fortran := !p.head.header().RowMajor()
	if g.slice == nil && (g.form != jsonText || !fortran) {
		p.ranges = func(yield func(slicing.Range) bool) {
			if d.Bytes > 0 {
				yield(slicing.Range{Length: d.Bytes})
			}
		}
		return p, nil
	}
	if g.slice != nil {
		var err error
		if p.box, err = g.slice.Within(d.Shape); err != nil {
			if e, ok := errors.AsType[*slicing.RangeError](err); ok {
				return nil, refuseSlice(fault.RangeNotSatisfiable, e.Axis, e.Detail+"; the tensor has the shape ["+shapeText(d.Shape)+"]")
			}
			return nil, err
		}
	}
	if fortran && d.Bytes > slicing.MaxTurned {
		return nil, fault.Newf(fault.ConstraintViolation,
			"The tensor is column-major and has %d bytes; up to %d it can be turned to row-major order, which JSON and slices have. Read all of it as bytes, or write it in row-major order.", d.Bytes, slicing.MaxTurned)
	}
	p.turned = fortran
	p.head.shape, p.head.order, p.head.bytes = p.box.Shape, value.RowMajor, p.box.Elements()*d.Dtype.Size()
	p.ranges = p.box.Ranges(int(d.Dtype.Size()), fortran)
	return p, nil
}

// conditions answers where If-None-Match or If-Match leaves nothing to send.
func (g tensorGet) conditions(w http.ResponseWriter, p *tensorPart, version int64) (done bool, err error) {
	if g.params.IfMatch != nil {
		tags, anything, ok := entityTags(*g.params.IfMatch)
		if !ok {
			return false, refuseParameter("If-Match", `is * or a list of entity tags such as "abc", with their quotes`)
		}
		holds := anything
		for _, t := range tags {
			holds = holds || !t.weak && quoted(t.text) == p.etag
		}
		if !holds {
			return false, store.WrongVersion(g.at.name, version)
		}
	}
	same, err := unchanged(g.params.IfNoneMatch, p.etag)
	if err != nil || !same {
		return false, err
	}
	p.describe(w.Header())
	w.WriteHeader(http.StatusNotModified)
	return true, nil
}

func refuseSlice(code fault.Code, axis int, complaint string) *fault.Error {
	e := fault.Newf(code, "slice: axis %d %s.", axis, complaint)
	e.Violations = []fault.Violation{{Pointer: "slice", Code: code, Detail: e.Detail}}
	return e
}
