package server

import (
	"net/http"

	"toolpit/api"
)

// PutVariable reads the body strictly and writes a variable.
func (e *edge) PutVariable(w http.ResponseWriter, r *http.Request, id api.SessionID, name api.VariableName, params api.PutVariableParams) {
	if body, ok := read(e, w, r, putBody, required, putVariable); ok {
		response, err := e.service.PutVariable(r.Context(), api.PutVariableRequestObject{ID: id, Name: name, Params: params, Body: body})
		finish(w, r, response, err, api.PutVariableResponseObject.VisitPutVariableResponse)
	}
}

// CreateVariable reads the body strictly and creates a variable.
func (e *edge) CreateVariable(w http.ResponseWriter, r *http.Request, id api.SessionID, params api.CreateVariableParams) {
	if body, ok := read(e, w, r, createVariableBody, required, createVariable); ok {
		response, err := e.service.CreateVariable(r.Context(), api.CreateVariableRequestObject{ID: id, Params: params, Body: body})
		finish(w, r, response, err, api.CreateVariableResponseObject.VisitCreateVariableResponse)
	}
}

// UpdateVariable reads the body strictly and changes what is said about a variable.
func (e *edge) UpdateVariable(w http.ResponseWriter, r *http.Request, id api.SessionID, name api.VariableName, params api.UpdateVariableParams) {
	if body, ok := read(e, w, r, patchBody, required, patchVariable); ok {
		response, err := e.service.UpdateVariable(r.Context(), api.UpdateVariableRequestObject{ID: id, Name: name, Params: params, Body: body})
		finish(w, r, response, err, api.UpdateVariableResponseObject.VisitUpdateVariableResponse)
	}
}

// IncrementVariable reads the body strictly and adds to a variable.
func (e *edge) IncrementVariable(w http.ResponseWriter, r *http.Request, id api.SessionID, name api.VariableName, params api.IncrementVariableParams) {
	if body, ok := read(e, w, r, incrementBody, required, incrementVariable); ok {
		response, err := e.service.IncrementVariable(r.Context(), api.IncrementVariableRequestObject{ID: id, Name: name, Params: params, Body: body})
		finish(w, r, response, err, api.IncrementVariableResponseObject.VisitIncrementVariableResponse)
	}
}

// RollbackVariable reads the body strictly and returns to an earlier version.
func (e *edge) RollbackVariable(w http.ResponseWriter, r *http.Request, id api.SessionID, name api.VariableName, params api.RollbackVariableParams) {
	if body, ok := read(e, w, r, rollbackBody, required, rollbackVariable); ok {
		response, err := e.service.RollbackVariable(r.Context(), api.RollbackVariableRequestObject{ID: id, Name: name, Params: params, Body: body})
		finish(w, r, response, err, api.RollbackVariableResponseObject.VisitRollbackVariableResponse)
	}
}

// LockVariable reads the body strictly and locks a variable.
func (e *edge) LockVariable(w http.ResponseWriter, r *http.Request, id api.SessionID, name api.VariableName, params api.LockVariableParams) {
	if body, ok := read(e, w, r, lockBody, required, lockVariable); ok {
		response, err := e.service.LockVariable(r.Context(), api.LockVariableRequestObject{ID: id, Name: name, Params: params, Body: body})
		finish(w, r, response, err, api.LockVariableResponseObject.VisitLockVariableResponse)
	}
}

// BatchVariables reads the body strictly and reads or writes variables.
func (e *edge) BatchVariables(w http.ResponseWriter, r *http.Request, id api.SessionID, params api.BatchVariablesParams) {
	if body, ok := read(e, w, r, batchBody, required, batchVariables); ok {
		response, err := e.service.BatchVariables(r.Context(), api.BatchVariablesRequestObject{ID: id, Params: params, Body: body})
		finish(w, r, response, err, api.BatchVariablesResponseObject.VisitBatchVariablesResponse)
	}
}

// DeleteVariable checks the query strictly, and takes no body, as TouchSession.
func (e *edge) DeleteVariable(w http.ResponseWriter, r *http.Request, id api.SessionID, name api.VariableName, params api.DeleteVariableParams) {
	query, err := queryOf(r.URL.RawQuery)
	for _, strict := range query["strict"] {
		if strict != "true" && strict != "false" {
			err = refuseParameter("strict", "is true or false")
		}
	}
	if err == nil {
		err = ignoredBody(exchangeOf(r.Context()), e.service.limits.BodyBytes)
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	e.ServerInterface.DeleteVariable(w, r, id, name, params)
}

// UnlockVariable takes no body, as TouchSession.
func (e *edge) UnlockVariable(w http.ResponseWriter, r *http.Request, id api.SessionID, name api.VariableName, params api.UnlockVariableParams) {
	if err := ignoredBody(exchangeOf(r.Context()), e.service.limits.BodyBytes); err != nil {
		fail(w, r, err)
		return
	}
	e.ServerInterface.UnlockVariable(w, r, id, name, params)
}

// ListVariables checks the query strictly and lists variables.
func (e *edge) ListVariables(w http.ResponseWriter, r *http.Request, id api.SessionID, params api.ListVariablesParams) {
	if err := checkQuery(r.URL.RawQuery); err != nil {
		fail(w, r, err)
		return
	}
	e.ServerInterface.ListVariables(w, r, id, params)
}

// GetVariableHistory checks the query strictly and lists versions.
func (e *edge) GetVariableHistory(w http.ResponseWriter, r *http.Request, id api.SessionID, name api.VariableName, params api.GetVariableHistoryParams) {
	query, err := queryOf(r.URL.RawQuery)
	if err == nil {
		err = checkNumber(query, "before", versionRule)
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	e.ServerInterface.GetVariableHistory(w, r, id, name, params)
}
