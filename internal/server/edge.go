package server

import (
	"errors"
	"net/http"

	"toolpit/api"
	"toolpit/internal/fault"
)

// edge is the generated handler, except for the operations whose body or query
// the generated code would read too leniently.
type edge struct {
	api.ServerInterface

	service *service
}

// Execute reads the body strictly and executes a tool without a session.
func (e *edge) Execute(w http.ResponseWriter, r *http.Request, params api.ExecuteParams) {
	if body, ok := read(e, w, r, executeBody, required, e.service.limits.execute); ok {
		response, err := e.service.Execute(r.Context(), api.ExecuteRequestObject{Params: params, Body: body})
		finish(w, r, response, err, api.ExecuteResponseObject.VisitExecuteResponse)
	}
}

// ExecuteInSession reads the body strictly and executes a tool in a session.
func (e *edge) ExecuteInSession(w http.ResponseWriter, r *http.Request, id api.SessionID, params api.ExecuteInSessionParams) {
	if body, ok := read(e, w, r, executeBody, required, e.service.limits.execute); ok {
		response, err := e.service.ExecuteInSession(r.Context(), api.ExecuteInSessionRequestObject{ID: id, Params: params, Body: body})
		finish(w, r, response, err, api.ExecuteInSessionResponseObject.VisitExecuteInSessionResponse)
	}
}

// CreateSession reads the body strictly, or none, and creates a session.
func (e *edge) CreateSession(w http.ResponseWriter, r *http.Request, params api.CreateSessionParams) {
	if body, ok := read(e, w, r, createBody, optional, e.service.limits.create); ok {
		response, err := e.service.CreateSession(r.Context(), api.CreateSessionRequestObject{Params: params, Body: body})
		finish(w, r, response, err, api.CreateSessionResponseObject.VisitCreateSessionResponse)
	}
}

// UpdateSession reads the body strictly and changes a session.
func (e *edge) UpdateSession(w http.ResponseWriter, r *http.Request, id api.SessionID, params api.UpdateSessionParams) {
	if body, ok := read(e, w, r, updateBody, required, e.service.limits.update); ok {
		response, err := e.service.UpdateSession(r.Context(), api.UpdateSessionRequestObject{ID: id, Params: params, Body: body})
		finish(w, r, response, err, api.UpdateSessionResponseObject.VisitUpdateSessionResponse)
	}
}

// TouchSession takes no body. What comes all the same is part of the request
// that a key stands for.
func (e *edge) TouchSession(w http.ResponseWriter, r *http.Request, id api.SessionID, params api.TouchSessionParams) {
	if err := ignoredBody(exchangeOf(r.Context()), e.service.limits.BodyBytes); err != nil {
		fail(w, r, err)
		return
	}
	e.ServerInterface.TouchSession(w, r, id, params)
}

// DeleteSession takes no body, as TouchSession.
func (e *edge) DeleteSession(w http.ResponseWriter, r *http.Request, id api.SessionID, params api.DeleteSessionParams) {
	if err := ignoredBody(exchangeOf(r.Context()), e.service.limits.BodyBytes); err != nil {
		fail(w, r, err)
		return
	}
	e.ServerInterface.DeleteSession(w, r, id, params)
}

// ListSessions checks the query strictly and lists sessions.
func (e *edge) ListSessions(w http.ResponseWriter, r *http.Request, params api.ListSessionsParams) {
	if err := checkQuery(r.URL.RawQuery); err != nil {
		fail(w, r, err)
		return
	}
	e.ServerInterface.ListSessions(w, r, params)
}

// ListTools checks the query strictly and lists tools.
func (e *edge) ListTools(w http.ResponseWriter, r *http.Request, params api.ListToolsParams) {
	if err := checkQuery(r.URL.RawQuery); err != nil {
		fail(w, r, err)
		return
	}
	e.ServerInterface.ListTools(w, r, params)
}

// read reads and decodes the body of a request. Where that fails, it answers
// with what is wrong, and ok is false.
func read[T any](e *edge, w http.ResponseWriter, r *http.Request, b *envelope[T], p presence, bounds func(*T) []fault.Violation) (body *T, ok bool) {
	body, err := decodeBody(exchangeOf(r.Context()), e.service.limits.BodyBytes, b, p, bounds)
	if err != nil {
		fail(w, r, err)
	}
	return body, err == nil
}

func decodeBody[T any](x *exchange, limit int64, e *envelope[T], p presence, bounds func(*T) []fault.Violation) (*T, error) {
	text, err := readBody(x, limit, p)
	if err != nil {
		return nil, err
	}
	return e.decode(text, bounds)
}

// finish sends what an operation returned.
func finish[R any](w http.ResponseWriter, r *http.Request, response R, err error, visit func(R, http.ResponseWriter) error) {
	if err == nil {
		if any(response) == nil {
			err = fault.New(fault.Internal, "").Because(errors.New("an operation answered nothing"))
		} else {
			err = visit(response, w)
		}
	}
	if err != nil {
		fail(w, r, err)
	}
}
