package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/near"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// variableRef names a variable in a session of the caller's.
type variableRef struct {
	store.Ref

	name string
}

// variableOf checks both names in a path. Errors: InvalidRequest.
func variableOf(x *exchange, id, name string) (variableRef, error) {
	ref, err := refOf(x, id)
	if err == nil && !isVariableName(name) {
		err = refuseParameter("name", variableNameRule)
	}
	return variableRef{ref, name}, err
}

// apply applies operations as one unit of the request. Errors: those of
// store.Variables.Apply, InvalidRequest.
func (s *service) apply(ctx context.Context, x *exchange, ref store.Ref, key *string, u store.Unit) (store.Applied, error) {
	var err error
	if u.Write, err = s.write(ctx, x, key); err != nil {
		return store.Applied{}, err
	}
	if u.LockToken, err = lockToken(x); err != nil {
		return store.Applied{}, err
	}
	start := time.Now()
	applied, err := s.store.Apply(ctx, ref, u)
	x.stored(start)
	x.replay(applied.Replayed)
	return applied, err
}

// change applies one operation, if the condition holds.
func (s *service) change(ctx context.Context, x *exchange, at variableRef, key *string, op store.Op, c condition) (store.Applied, error) {
	op, err := c.on(op)
	if err != nil {
		return store.Applied{}, err
	}
	return s.apply(ctx, x, at.Ref, key, store.Unit{Ops: []store.Op{op}})
}

// written is the answer to a request after which there is a variable.
func written(x *exchange, at variableRef, applied store.Applied, status int) rendered {
	v := applied.Results[0].Variable
	a := rendered{
		exchange: x, status: status, etag: variableTag(applied.Epoch, v.Version),
		body: appendVariable(nil, at.Ref, v),
	}
	if status == http.StatusCreated {
		a.location = variablePath(at.Ref, v.Name)
	}
	return a
}

// GetVariable reads a variable.
func (s *service) GetVariable(ctx context.Context, req api.GetVariableRequestObject) (api.GetVariableResponseObject, error) {
	x := exchangeOf(ctx)
	at, err := variableOf(x, req.ID, req.Name)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	found, err := s.store.Read(ctx, at.Ref, at.name)
	x.stored(start)
	if err != nil {
		return nil, err
	}
	v, ok := found.Variables[at.name]
	if !ok {
		return nil, store.NoVariable(at.name)
	}
	tag := variableTag(found.Epoch, v.Version)
	same, err := unchanged(req.Params.IfNoneMatch, tag)
	if err != nil {
		return nil, err
	}
	if same {
		return rendered{exchange: x, status: http.StatusNotModified, etag: tag}, nil
	}
	return rendered{exchange: x, status: http.StatusOK, etag: tag, body: appendVariable(nil, at.Ref, v)}, nil
}

// PutVariable writes a variable, whether it is there or not.
func (s *service) PutVariable(ctx context.Context, req api.PutVariableRequestObject) (api.PutVariableResponseObject, error) {
	x := exchangeOf(ctx)
	at, err := variableOf(x, req.ID, req.Name)
	if err != nil {
		return nil, err
	}
	content, err := contentOf(req.Body, at.Ref, at.name)
	if err != nil {
		return nil, err
	}
	applied, err := s.change(ctx, x, at, req.Params.IdempotencyKey, store.PutContent(at.name, content), condition{
		ifMatch: req.Params.IfMatch, ifNoneMatch: req.Params.IfNoneMatch, expected: req.Body.ExpectedVersion,
	})
	if err != nil {
		return nil, explained(err, content, at.Ref, at.name)
	}
	if applied.Results[0].Existed {
		return written(x, at, applied, http.StatusOK), nil
	}
	return written(x, at, applied, http.StatusCreated), nil
}

// CreateVariable creates a variable under a name that is free.
func (s *service) CreateVariable(ctx context.Context, req api.CreateVariableRequestObject) (api.CreateVariableResponseObject, error) {
	x := exchangeOf(ctx)
	at, err := variableOf(x, req.ID, req.Body.Name)
	if err != nil {
		return nil, err
	}
	content, err := contentOf(&api.PutVariableRequest{
		Value: req.Body.Value, Type: req.Body.Type, Constraints: req.Body.Constraints, Metadata: req.Body.Metadata,
	}, at.Ref, at.name)
	if err != nil {
		return nil, err
	}
	applied, err := s.change(ctx, x, at, req.Params.IdempotencyKey, store.CreateContent(at.name, content), condition{expected: req.Body.ExpectedVersion})
	if err != nil {
		return nil, explained(err, content, at.Ref, at.name)
	}
	return written(x, at, applied, http.StatusCreated), nil
}

// UpdateVariable changes the constraints and the metadata of a variable.
func (s *service) UpdateVariable(ctx context.Context, req api.UpdateVariableRequestObject) (api.UpdateVariableResponseObject, error) {
	x := exchangeOf(ctx)
	at, err := variableOf(x, req.ID, req.Name)
	if err != nil {
		return nil, err
	}
	op := store.Patch(at.name, req.Body.Constraints, req.Body.Metadata)
	applied, err := s.change(ctx, x, at, req.Params.IdempotencyKey, op, condition{ifMatch: req.Params.IfMatch})
	if err != nil {
		return nil, err
	}
	return written(x, at, applied, http.StatusOK), nil
}

// DeleteVariable deletes a variable, whether it is there or not.
func (s *service) DeleteVariable(ctx context.Context, req api.DeleteVariableRequestObject) (api.DeleteVariableResponseObject, error) {
	x := exchangeOf(ctx)
	at, err := variableOf(x, req.ID, req.Name)
	if err != nil {
		return nil, err
	}
	applied, err := s.change(ctx, x, at, req.Params.IdempotencyKey, store.Delete(at.name), condition{ifMatch: req.Params.IfMatch})
	if err != nil {
		return nil, err
	}
	if req.Params.Strict != nil && *req.Params.Strict && !applied.Results[0].Existed {
		return nil, store.NoVariable(at.name)
	}
	return rendered{exchange: x, status: http.StatusNoContent}, nil
}

// IncrementVariable adds to an integer.
func (s *service) IncrementVariable(ctx context.Context, req api.IncrementVariableRequestObject) (api.IncrementVariableResponseObject, error) {
	x := exchangeOf(ctx)
	at, err := variableOf(x, req.ID, req.Name)
	if err != nil {
		return nil, err
	}
	by := int64(1)
	if req.Body.By != nil {
		by = *req.Body.By
	}
	op := store.Add(at.name, by).Within(req.Body.Min, req.Body.Max)
	if req.Body.Initial != nil {
		op = op.StartingAt(*req.Body.Initial)
	}
	applied, err := s.change(ctx, x, at, req.Params.IdempotencyKey, op, condition{ifMatch: req.Params.IfMatch})
	if err != nil {
		return nil, pointed(err, "/by", fault.ConstraintViolation, fault.CounterOverflow)
	}
	v := applied.Results[0].Variable
	b := append([]byte(`{"name":`), appendText(nil, v.Name)...)
	b = append(append(b, `,"value":`...), v.Value.JSON()...)
	b = strconv.AppendInt(append(b, `,"version":`...), v.Version, 10)
	return rendered{exchange: x, status: http.StatusOK, etag: variableTag(applied.Epoch, v.Version), body: append(b, '}')}, nil
}

// ListVariables lists the variables of a session.
func (s *service) ListVariables(ctx context.Context, req api.ListVariablesRequestObject) (api.ListVariablesResponseObject, error) {
	x := exchangeOf(ctx)
	ref, err := refOf(x, req.ID)
	if err != nil {
		return nil, err
	}
	q, err := variableQuery(req.Params)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	found, err := s.store.ListVariables(ctx, ref, q)
	x.stored(start)
	if err != nil {
		return nil, err
	}
	b := []byte(`{"items":[`)
	for i, v := range found.Items {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendVariable(b, ref, v)
	}
	a := rendered{exchange: x, status: http.StatusOK, body: append(b, ']')}
	if found.Next != "" {
		next := cursorAfter(variableCursor, found.Next)
		a.body = appendText(append(a.body, `,"next_cursor":`...), next)
		a.link = *nextLink("/sessions/"+ref.ID+"/variables", q.Limit, next, filters(req.Params))
	}
	a.body = append(a.body, '}')
	return a, nil
}

// variableQuery is what a list of variables was asked for. Errors:
// InvalidRequest.
func variableQuery(params api.ListVariablesParams) (store.VariableQuery, error) {
	p, err := page(params.Limit, params.Cursor)
	if err != nil {
		return store.VariableQuery{}, err
	}
	q := store.VariableQuery{Limit: p.Limit}
	if p.Cursor != "" {
		name, ok := nameIn(variableCursor, p.Cursor)
		if !ok || name == "" || len(name) > store.MaxNameLen {
			return q, refuseCursor()
		}
		q.After = name
	}
	if params.Prefix != nil {
		if q.Prefix = *params.Prefix; len(q.Prefix) > store.MaxNameLen {
			return q, refuseParameter("prefix", "has at most 128 bytes")
		}
	}
	if params.Type != nil {
		var ok bool
		if q.Type, ok = value.TypeOf(string(*params.Type)); !ok {
			return q, refuseParameter("type", "is one of "+listed(typeNames()))
		}
	}
	if params.Glob != nil {
		q.Glob = *params.Glob
	}
	if len(q.Glob) > maxGlob || q.Check() != nil {
		return q, refuseParameter("glob", "is a pattern of at most 256 bytes such as layer_*, with every [ closed and something behind every backslash")
	}
	return q, nil
}

// filters are the parameters of a list that hold for its next page, too.
func filters(params api.ListVariablesParams) url.Values {
	kept := url.Values{}
	for name, value := range map[string]*string{"prefix": params.Prefix, "glob": params.Glob, "type": (*string)(params.Type)} {
		if value != nil {
			kept.Set(name, *value)
		}
	}
	return kept
}

// contentOf is what a body gives a variable. Errors: UnknownType, TypeMismatch.
func contentOf(b *api.PutVariableRequest, ref store.Ref, name string) (store.Content, error) {
	c := store.Content{JSON: b.Value, Constraints: b.Constraints, Metadata: b.Metadata}
	if b.Type == nil {
		return c, nil
	}
	var known bool
	if c.Type, known = value.TypeOf(*b.Type); !known {
		return c, unknownType(*b.Type)
	}
	if c.Type == value.Tensor {
		return c, tensorElsewhere(ref, name)
	}
	return c, nil
}

func unknownType(name string) *fault.Error {
	e := fault.Newf(fault.UnknownType, "There is no type %.64q; there are %s.", name, listed(typeNames()))
	e.Violations = []fault.Violation{{Pointer: "/type", Code: fault.UnknownType, Detail: e.Detail}}
	e.Facts.Suggestions = near.Names(name, typeNames(), maxNear)
	return e
}

func typeNames() []string {
	var names []string
	for _, t := range value.Types() {
		names = append(names, t.String())
	}
	return names
}

// pointed says which member of the body a refusal is about that has one of the
// codes and does not say so itself.
func pointed(err error, at string, codes ...fault.Code) error {
	e := fault.From(err)
	if len(e.Violations) > 0 || !slices.Contains(codes, e.Code) {
		return err
	}
	told := *e
	told.Violations = []fault.Violation{{Pointer: at, Code: e.Code, Detail: e.Detail}}
	return &told
}

// explained is the refusal of a value. What makes a tensor of it is known only
// there: an existing variable may be a map, to which shape and data are members
// like any other.
func explained(err error, c store.Content, ref store.Ref, name string) error {
	if c.Type != 0 {
		return pointed(err, "/type", fault.TypeMismatch)
	}
	e := fault.From(err)
	if e.Code != fault.TypeMismatch || len(e.Violations) == 0 || e.Violations[0].Pointer != "/value" {
		return err
	}
	if _, tensor, _ := value.Infer(c.JSON); tensor == nil {
		return err
	}
	return tensorElsewhere(ref, name)
}

// tensorElsewhere is the answer to a tensor that is sent as a value.
func tensorElsewhere(ref store.Ref, name string) *fault.Error {
	e := fault.Newf(fault.TypeMismatch, "A tensor is no value of a body like this; send it with PUT to %s.", tensorPath(ref, name))
	e.Violations = []fault.Violation{{Pointer: "/value", Code: fault.TypeMismatch, Detail: e.Detail}}
	return e
}
