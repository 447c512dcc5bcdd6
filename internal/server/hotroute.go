package server

import (
	"net/http"
	"strings"

	"toolpit/api"
)

// sessionExecute is the route that nearly all requests take.
const sessionExecute = "/sessions/{id}/execute"

// executesInSession tells whether a request is a plain POST to sessionExecute,
// and in which session. Those go past the router and the generated binding,
// which cost as much as all our checks together; whatever is unusual about a
// request sends it the long way, to the same answers.
func executesInSession(r *http.Request) (id string, ok bool) {
	if r.Method != http.MethodPost || r.URL.RawPath != "" {
		return "", false
	}
	if keys := r.Header["Idempotency-Key"]; len(keys) > 1 || len(keys) == 1 && (keys[0] == "" || strings.Contains(keys[0], "%")) {
		return "", false
	}
	if len(r.Header["Prefer"]) > 0 || len(r.Header["X-Lock-Token"]) > 0 {
		return "", false
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/sessions/")
	if !ok {
		return "", false
	}
	id, ok = strings.CutSuffix(rest, "/execute")
	return id, ok && id != "" && !strings.Contains(id, "/")
}

// executeInSession is admit, edge.ExecuteInSession and what the generated code
// does between them.
func (s *service) executeInSession(x *exchange, id string) {
	x.request.Pattern = sessionExecute
	response, err := s.executedInSession(x, id)
	if err == nil {
		err = response.send(x)
	}
	if err != nil {
		fail(x, x.request, err)
	}
}

// decodeCall is decodeBody for calls. Those that are not plain, or out of bounds,
// are read again: the envelope knows what to say about them.
func (s *service) decodeCall(x *exchange) (api.ExecuteRequest, error) {
	text, err := readBody(x, s.limits.BodyBytes, required)
	if err != nil {
		return api.ExecuteRequest{}, err
	}
	if call, ok := plainCall(text); ok && len(s.limits.execute(&call)) == 0 {
		return call, nil
	}
	call, err := executeBody.decode(text, s.limits.execute)
	if err != nil {
		return api.ExecuteRequest{}, err
	}
	return *call, nil
}

func (s *service) executedInSession(x *exchange, id string) (executed, error) {
	if err := s.admitted(x); err != nil {
		return executed{}, err
	}
	body, err := s.decodeCall(x)
	if err != nil {
		return executed{}, err
	}
	if err := checkSessionID(id); err != nil {
		return executed{}, err
	}
	var key *api.IdempotencyKey
	if keys := x.request.Header["Idempotency-Key"]; len(keys) == 1 {
		key = &keys[0]
	}
	return s.execute(x.request.Context(), x, id, key, &body)
}
