package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/tools"
)

// kind is what HTTP knows of a fault code; kinds.go has the table of them all.
type kind struct {
	code      fault.Code
	status    int
	title     string
	errorType string        // class-like name; a fault may bring its own
	retryable bool          // the same request may succeed later
	after     time.Duration // when that is, unless the fault says it
	cause     string        // for the page: how it comes about
	cure      string        // for the page: what the caller can do
}

// anchor is the name of the code's section in /docs/errors.
func (k kind) anchor() string {
	return strings.ReplaceAll(strings.ToLower(string(k.code)), "_", "-")
}

// statusFor returns the status of one fault. A tool that refuses a value
// answers like any other refusal of arguments.
func (k kind) statusFor(e *fault.Error) int {
	if k.code == fault.ToolFailed && e.Facts.ErrorType == tools.ValueError {
		return http.StatusUnprocessableEntity
	}
	return k.status
}

// fail answers with the problem that err is. It is the only way an error
// leaves the process: routes that are not there, parameters that do not bind,
// bodies, handlers, middleware and panics all end here. Once an answer has
// begun, the error only shows in the log.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	x, ok := w.(*exchange)
	if !ok {
		x = exchangeOf(r.Context())
	}
	if _, ok := errors.AsType[*net.OpError](err); ok && x.status != 0 {
		err = fault.New(fault.Cancelled, "The caller did not take the answer.").Because(err)
	}
	p := x.problem(r, err)
	if x.status != 0 {
		return
	}
	body, err := json.Marshal(p, jsontext.AllowInvalidUTF8(true)) // a path may hold any bytes
	if err != nil {
		x.fault = fault.New(fault.Internal, "").Because(err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.RetryAfterMS > 0 {
		h.Set("Retry-After", strconv.FormatInt((p.RetryAfterMS+999)/1000, 10))
	}
	if len(p.Allow) > 0 {
		h.Set("Allow", strings.Join(p.Allow, ", "))
	}
	if x.fault.Code == fault.Unauthenticated {
		h.Set("WWW-Authenticate", `Bearer realm="toolpit"`)
	}
	if x.timing[0] != "" {
		h["Server-Timing"] = x.timing[:]
	}
	if x.replayed {
		h.Set("Idempotency-Replayed", "true")
	}
	h.Del("Preference-Applied") // what was promised is not what is answered
	h.Del("Durability-Achieved")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // nobody is left to be told
}

// problem is what an error is to the caller, as a body or as the last event of a
// stream. It leaves the fault in the exchange.
func (x *exchange) problem(r *http.Request, err error) api.Problem {
	x.fault = faultOf(r, err)
	return x.described(x.fault)
}

// described is what a fault is to the caller, as a whole answer or as a part of
// one.
func (x *exchange) described(e *fault.Error) api.Problem {
	p := problemOf(kindOf(e.Code), e)
	p.Instance = x.request.URL.EscapedPath()
	p.RequestID = x.id
	return p
}

// problemOf fills in all but what belongs to the request. Every fact is a
// member of its own.
func problemOf(k kind, e *fault.Error) api.Problem {
	p := api.Problem{
		Type:           "/docs/errors#" + k.anchor(),
		Title:          k.title,
		Status:         k.statusFor(e),
		Detail:         e.Detail,
		Code:           api.ErrorCode(k.code),
		ErrorType:      k.errorType,
		Retryable:      k.retryable,
		RetryAfterMS:   milliseconds(e.RetryAfter),
		CurrentVersion: e.Facts.CurrentVersion,
		LimitBytes:     e.Facts.LimitBytes,
		Limit:          e.Facts.Limit,
		Current:        e.Facts.Current,
		TimeoutMS:      e.Facts.TimeoutMS,
		Phase:          e.Facts.Phase,
		Allow:          e.Facts.Allow,
		Suggestions:    e.Facts.Suggestions,
		Position:       e.Facts.Position,
		Holder:         e.Facts.Holder,
		ExpiresAt:      e.Facts.Expires,
	}
	if p.Detail == "" {
		p.Detail = k.title + "."
	}
	if e.Facts.ErrorType != "" {
		p.ErrorType = e.Facts.ErrorType
	}
	if p.RetryAfterMS == 0 {
		p.RetryAfterMS = milliseconds(k.after)
	}
	for _, v := range e.Violations {
		p.Errors = append(p.Errors, api.Violation{Pointer: v.Pointer, Code: api.ErrorCode(v.Code), Detail: v.Detail})
	}
	return p
}

// milliseconds rounds up: a client that comes back too early is refused again.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// faultOf finds out what an error means. What is no fault yet comes from the
// generated code or from a context; anything else is a mistake of ours.
func faultOf(r *http.Request, err error) *fault.Error {
	e := fault.From(err)
	if e.Code != fault.Internal {
		return e
	}
	if name, ok := parameterOf(err); ok {
		return refuseParameter(name, "does not have the form that is expected")
	}
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return fault.New(fault.Cancelled, "The caller went away.").Because(err)
	}
	return e
}

// parameterOf tells which parameter an error of the generated code is about.
func parameterOf(err error) (name string, ok bool) {
	if e, ok := errors.AsType[*api.InvalidParamFormatError](err); ok {
		return e.ParamName, true
	}
	if e, ok := errors.AsType[*api.TooManyValuesForParamError](err); ok {
		return e.ParamName, true
	}
	if e, ok := errors.AsType[*api.RequiredParamError](err); ok {
		return e.ParamName, true
	}
	if e, ok := errors.AsType[*api.RequiredHeaderError](err); ok {
		return e.ParamName, true
	}
	if e, ok := errors.AsType[*api.UnmarshalingParamError](err); ok {
		return e.ParamName, true
	}
	if e, ok := errors.AsType[*api.UnescapedCookieParamError](err); ok {
		return e.ParamName, true
	}
	return "", false
}

// refuseParameter is the fault of a parameter or a header that is malformed.
// The complaint goes on after its name.
func refuseParameter(name, complaint string) *fault.Error {
	detail := name + " " + complaint + "."
	return fault.Invalid(fault.InvalidRequest, detail, []fault.Violation{
		{Pointer: name, Code: fault.InvalidRequest, Detail: detail},
	})
}
