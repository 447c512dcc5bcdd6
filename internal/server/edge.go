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
	body, err := read(e.service.limits, r, executeBody, required, e.service.limits.execute)
	if err != nil {
		fail(w, r, err)
		return
	}
	response, err := e.service.Execute(r.Context(), api.ExecuteRequestObject{Params: params, Body: body})
	finish(w, r, response, err, api.ExecuteResponseObject.VisitExecuteResponse)
}

// ExecuteInSession reads the body strictly and executes a tool in a session.
func (e *edge) ExecuteInSession(w http.ResponseWriter, r *http.Request, id api.SessionID, params api.ExecuteInSessionParams) {
	body, err := read(e.service.limits, r, executeBody, required, e.service.limits.execute)
	if err != nil {
		fail(w, r, err)
		return
	}
	response, err := e.service.ExecuteInSession(r.Context(), api.ExecuteInSessionRequestObject{ID: id, Params: params, Body: body})
	finish(w, r, response, err, api.ExecuteInSessionResponseObject.VisitExecuteInSessionResponse)
}

// CreateSession reads the body strictly, or none, and creates a session.
func (e *edge) CreateSession(w http.ResponseWriter, r *http.Request, params api.CreateSessionParams) {
	body, err := read(e.service.limits, r, createBody, optional, e.service.limits.create)
	if err != nil {
		fail(w, r, err)
		return
	}
	response, err := e.service.CreateSession(r.Context(), api.CreateSessionRequestObject{Params: params, Body: body})
	finish(w, r, response, err, api.CreateSessionResponseObject.VisitCreateSessionResponse)
}

// UpdateSession reads the body strictly and changes a session.
func (e *edge) UpdateSession(w http.ResponseWriter, r *http.Request, id api.SessionID, params api.UpdateSessionParams) {
	body, err := read(e.service.limits, r, updateBody, required, e.service.limits.update)
	if err != nil {
		fail(w, r, err)
		return
	}
	response, err := e.service.UpdateSession(r.Context(), api.UpdateSessionRequestObject{ID: id, Params: params, Body: body})
	finish(w, r, response, err, api.UpdateSessionResponseObject.VisitUpdateSessionResponse)
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

// read reads and decodes the body of a request.
func read[T any](l Limits, r *http.Request, e *envelope[T], p presence, bounds func(*T) []fault.Violation) (*T, error) {
	return decodeBody(exchangeOf(r.Context()), l.BodyBytes, e, p, bounds)
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
