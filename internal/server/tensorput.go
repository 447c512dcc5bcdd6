package server

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// PutTensor streams the body and writes a tensor.
func (e *edge) PutTensor(w http.ResponseWriter, r *http.Request, id api.SessionID, name api.VariableName, params api.PutTensorParams) {
	response, err := e.service.PutTensor(r.Context(), api.PutTensorRequestObject{ID: id, Name: name, Params: params})
	finish(w, r, response, err, api.PutTensorResponseObject.VisitPutTensorResponse)
}

// VisitPutTensorResponse sends the answer.
func (a rendered) VisitPutTensorResponse(w http.ResponseWriter) error { return a.send(w) }

// tensorPut is a request that brings a tensor.
type tensorPut struct {
	service    *service
	exchange   *exchange
	at         variableRef
	key        *string
	op         store.Op // without its content
	durability store.Durability
	lockToken  string
	digest     []byte // that the body must have; nil for any
	now        store.Variable
	limits     value.Constraints // of the variable
	repeats    bool              // something was done under the key
}

// PutTensor writes a tensor. It reads the body itself: see openTensor.
func (s *service) PutTensor(ctx context.Context, req api.PutTensorRequestObject) (api.PutTensorResponseObject, error) {
	x := exchangeOf(ctx)
	at, err := variableOf(x, req.ID, req.Name)
	if err != nil {
		return nil, err
	}
	form, err := sentForm(x.request.Header)
	if err != nil {
		return nil, err
	}
	p := &tensorPut{service: s, exchange: x, at: at, key: req.Params.IdempotencyKey}
	if err := p.prepare(ctx, req.Params); err != nil {
		return nil, err
	}
	if p.repeats {
		return p.repeat(ctx, form)
	}
	body, err := s.openTensor(x, form, p.limits, p.digest != nil)
	if err != nil {
		return nil, err
	}
	if found := p.limits.CheckTensor(body.head.dtype, body.head.shape); found != nil {
		return nil, badTensor(found)
	}
	release, err := s.room(ctx, min(2*store.ChunkSize, body.head.bytes))
	if err != nil {
		return nil, err
	}
	defer release()
	return p.upload(ctx, body)
}

// prepare does what can be done before the body is there, so that one that will
// be refused is not sent.
func (p *tensorPut) prepare(ctx context.Context, params api.PutTensorParams) (err error) {
	x, s := p.exchange, p.service
	if p.lockToken, err = lockToken(x); err != nil {
		return err
	}
	if p.digest, err = contentDigest(x.request.Header); err != nil {
		return err
	}
	if p.durability, err = s.preferred(ctx, x); err != nil {
		return err
	}
	if p.repeats, err = p.used(ctx); err != nil || p.repeats {
		return err
	}
	refused := p.check(ctx, params)
	if refused != nil { // what speaks against it may be what the same request has just done
		p.repeats, err = p.used(ctx)
	}
	if err == nil && !p.repeats {
		err = refused
	}
	return err
}

// check looks at what is there.
func (p *tensorPut) check(ctx context.Context, params api.PutTensorParams) error {
	x, s := p.exchange, p.service
	start := time.Now()
	found, err := s.store.Read(ctx, p.at.Ref, p.at.name)
	x.stored(start)
	if err != nil {
		return err
	}
	p.now = found.Variables[p.at.name]
	c := condition{ifMatch: params.IfMatch, ifNoneMatch: params.IfNoneMatch}
	if c.ifMatch != nil && namesTensor(*c.ifMatch, p.now) {
		c.ifMatch = new(variableTag(found.Epoch, p.now.Version))
	}
	if p.op, err = c.on(store.Op{Kind: store.OpPut, Name: p.at.name}); err != nil {
		return err
	}
	if p.now.Value.Type() == value.Tensor {
		if p.limits, err = store.ConstraintsOf(p.now); err != nil {
			return err
		}
	}
	switch {
	case p.now.Value.Type() != 0 && p.now.Value.Type() != value.Tensor:
		return store.WrongType(p.at.name, p.now.Value.Type(), value.Tensor)
	case !p.op.Holds(found.Epoch, p.now.Version):
		return store.WrongVersion(p.at.name, p.now.Version)
	}
	return nil
}

// namesTensor tells whether If-Match is one entity tag that GET gives this
// tensor.
func namesTensor(ifMatch string, v store.Variable) bool {
	d, ok := v.Value.Descriptor()
	tags, _, formed := entityTags(ifMatch)
	if !ok || !formed || len(tags) != 1 || tags[0].weak {
		return false
	}
	for _, form := range tensorForms() {
		g := tensorGet{form: form}
		if p, err := g.part(d); err == nil && quoted(tags[0].text) == p.tag() {
			return true
		}
	}
	return false
}

// upload stages the elements and applies the unit that makes them the tensor.
func (p *tensorPut) upload(ctx context.Context, body *tensorBody) (api.PutTensorResponseObject, error) {
	s, x := p.service, p.exchange
	w := store.NewBlobWriter(ctx, s.store, p.at.Ref, body.head.bytes)
	w.Buffers = &s.buffers
	if !body.judged {
		if check := newElementCheck(body.head.dtype, p.limits); check != nil {
			w.Inspect = check.chunk
		}
	}
	defer p.close(w)
	if _, err := w.ReadFrom(body.elements); err != nil {
		return nil, p.broken(err)
	}
	staged, digest, err := w.Finish()
	if err != nil {
		return nil, err
	}
	if err := p.verify(body, digest); err != nil {
		return nil, err
	}
	v, err := body.head.describe(digest)
	if err != nil {
		return nil, err
	}
	x.body = fingerprinted(x, &v)
	write, err := x.write(p.key)
	if err != nil {
		return nil, err
	}
	write.Durability = p.durability
	p.op.Content = store.Content{Value: v, Upload: &staged, Judged: p.now.Constraints}
	start := time.Now()
	applied, err := s.store.Apply(ctx, p.at.Ref, store.Unit{Write: write, Ops: []store.Op{p.op}, LockToken: p.lockToken})
	x.stored(start)
	if undecided(err) || err == nil && !applied.Replayed {
		w.Keep()
	}
	if err != nil {
		return nil, err
	}
	x.replay(applied.Replayed)
	return p.written(applied), nil
}

// describe makes the value of a tensor whose elements have that digest.
func (t tensorHead) describe(digest string) (value.Value, error) {
	return value.Descriptor{Dtype: t.dtype, Shape: t.shape, Order: t.order, Bytes: t.bytes, Digest: digest}.Value()
}

// verify compares the body with its Content-Digest. Errors: InvalidRequest.
func (p *tensorPut) verify(body *tensorBody, digest string) error {
	if p.digest == nil {
		return nil
	}
	sum, err := hex.DecodeString(digest)
	if body.sum != nil {
		sum = body.sum()
	}
	if err != nil || !bytes.Equal(sum, p.digest) {
		return wrongDigest()
	}
	return nil
}

// fingerprinted is what stands for the body and its headers where a request is
// told from another under the same key: what is in it, or for JSON, whose dtype
// may follow from the constraints of the moment, the body itself, which was kept.
func fingerprinted(x *exchange, v *value.Value) []byte {
	b := []byte(x.request.Header.Get("Content-Type") + "\n")
	if x.body != nil || v == nil {
		return append(b, x.body...)
	}
	return append(b, v.JSON()...)
}

// broken is the refusal of a body that was not read to its end.
func (p *tensorPut) broken(err error) error {
	p.exchange.guest.rest()
	p.exchange.Header().Set("Connection", "close") // where the next request begins is unknown
	return err
}

// undecided tells whether a unit may have been applied although it failed.
func undecided(err error) bool {
	switch fault.CodeOf(err) {
	case fault.OutcomeUnknown, fault.DurabilityNotReached, fault.DeadlineExceeded, fault.Cancelled:
		return true
	default:
		return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	}
}

// close drops what no unit has taken. Where that fails the store does it later.
func (p *tensorPut) close(w *store.BlobWriter) {
	if err := w.Close(); err != nil {
		p.service.log.Debug("staged bytes wait for their end", "request_id", p.exchange.id, "error", err)
	}
}

func (p *tensorPut) written(applied store.Applied) rendered {
	a := rendered{
		exchange: p.exchange, status: http.StatusOK, body: appendVariable(nil, p.at.Ref, applied.Results[0].Variable),
	}
	if d, ok := applied.Results[0].Value.Descriptor(); ok {
		a.etag = quoted(d.Digest)
	}
	if !applied.Results[0].Existed {
		a.status, a.location = http.StatusCreated, tensorPath(p.at.Ref, p.at.name)
	}
	return a
}
