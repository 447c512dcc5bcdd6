package fault

import (
	"errors"
	"fmt"
	"time"
)

// Error is one failure, in a public and a private half.
type Error struct {
	Code       Code
	Detail     string        // one sentence for the caller; never a driver's message
	Violations []Violation   // everything that is wrong with the input, not only the first thing
	RetryAfter time.Duration // when trying again makes sense; 0 says nothing
	Facts      Facts         // machine-readable particulars of the code
	Err        error         // the cause; logged, never sent
}

// Violation is one thing that is wrong with the input.
type Violation struct {
	Pointer string // JSON Pointer (RFC 6901) into the body, or a parameter's or header's name
	Code    Code
	Detail  string
}

// Facts are the particulars some codes carry. A zero field is not reported.
type Facts struct {
	CurrentVersion int64     // VERSION_CONFLICT; 0: the thing does not exist
	LimitBytes     int64     // BODY_TOO_LARGE, VALUE_TOO_LARGE
	Limit          int64     // quotas: what is allowed
	Current        int64     // quotas: what there is
	TimeoutMS      int64     // DEADLINE_EXCEEDED: the budget that ran out
	Phase          string    // DEADLINE_EXCEEDED: queue, tool or store
	ErrorType      string    // overrides the code's class-like name
	Allow          []string  // METHOD_NOT_ALLOWED
	Suggestions    []string  // near names of something unknown
	Position       *int      // byte offset inside an expression
	Holder         string    // VARIABLE_LOCKED: who holds the lock
	Expires        time.Time // VARIABLE_LOCKED: when the lock ends by itself
}

// New builds an error with a fixed detail.
func New(code Code, detail string) *Error { return &Error{Code: code, Detail: detail} }

// Newf builds an error with a formatted detail. What it formats is shown to
// the caller; a cause belongs into [Error.Because].
func Newf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Because adds the private cause and returns e.
func (e *Error) Because(err error) *Error {
	e.Err = err
	return e
}

// Retry adds the time after which trying again makes sense and returns e.
func (e *Error) Retry(after time.Duration) *Error {
	e.RetryAfter = after
	return e
}

// Error describes both halves; it is meant for logs.
func (e *Error) Error() string {
	s := string(e.Code)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the private cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the error's code.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// From returns err as an *Error. An error that is none yet becomes Internal
// with err as its private cause, a bare Code becomes an Error of that code;
// nil stays nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if c, ok := errors.AsType[Code](err); ok {
		return &Error{Code: c}
	}
	return &Error{Code: Internal, Err: err}
}

// CodeOf returns the code of err, Internal when it has none, and "" for nil.
func CodeOf(err error) Code {
	if e := From(err); e != nil {
		return e.Code
	}
	return ""
}

// Invalid gathers violations under one error. The error's code is the code
// that all violations share when that code is one of own, and general
// otherwise; detail says what was refused.
func Invalid(general Code, detail string, violations []Violation, own ...Code) *Error {
	e := &Error{Code: general, Detail: detail, Violations: violations}
	for _, c := range own {
		if allHave(violations, c) {
			e.Code = c
		}
	}
	return e
}

func allHave(violations []Violation, c Code) bool {
	for _, v := range violations {
		if v.Code != c {
			return false
		}
	}
	return len(violations) > 0
}
