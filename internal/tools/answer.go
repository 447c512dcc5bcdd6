package tools

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// answer is how an execution ended: in a result or in a fault.
type answer struct {
	result   jsontext.Value
	fault    *fault.Error
	replayed bool // it had been given before, under the same key
}

func failed(e *fault.Error) answer { return answer{fault: e} }

// final tells whether the answer is a verdict on arguments and state, so that
// a repetition under the same key must get it again. Everything else (a
// panic, a store that does not answer, a deadline, a lock that will end) says
// nothing about the request, and a repetition is there to try again.
func (a answer) final() bool {
	if a.fault == nil {
		return true
	}
	switch a.fault.Code {
	case fault.InvalidRequest, fault.MissingParameter, fault.UnknownParameter,
		fault.TypeMismatch, fault.ConstraintViolation, fault.CounterOverflow, fault.ValueTooLarge,
		fault.VariableNotFound, fault.VariableExists, fault.VersionConflict,
		fault.UnknownType, fault.InvalidConstraints, fault.VersionNotFound,
		fault.SessionQuotaExceeded, fault.VariableQuotaExceeded:
		return true
	case fault.ToolFailed:
		return a.fault.Facts.ErrorType == ValueError
	default:
		return false
	}
}

// ValueError is the error type of a tool that fails because of a value it was
// given; any other type of fault.ToolFailed is a failure of the tool itself.
const ValueError = "ValueError"

// answerVersion is the version of the stored form.
const answerVersion = 1

// stored is an answer as the store keeps it.
type stored struct {
	Version int            `json:"v"`
	Result  jsontext.Value `json:"result,omitzero"`
	Fault   *storedFault   `json:"fault,omitzero"`
}

type storedFault struct {
	Code         fault.Code        `json:"code"`
	Detail       string            `json:"detail,omitzero"`
	Violations   []storedViolation `json:"violations,omitzero"`
	RetryAfterMS int64             `json:"retry_after_ms,omitzero"`
	Facts        storedFacts       `json:"facts,omitzero"`
}

// The two types below have the fields of package fault's, so that one converts
// into the other; the tags are what is promised to later versions.
type storedViolation struct {
	Pointer string     `json:"pointer"`
	Code    fault.Code `json:"code"`
	Detail  string     `json:"detail"`
}

type storedFacts struct {
	CurrentVersion int64     `json:"current_version,omitzero"`
	LimitBytes     int64     `json:"limit_bytes,omitzero"`
	Limit          int64     `json:"limit,omitzero"`
	Current        int64     `json:"current,omitzero"`
	TimeoutMS      int64     `json:"timeout_ms,omitzero"`
	Phase          string    `json:"phase,omitzero"`
	ErrorType      string    `json:"error_type,omitzero"`
	Allow          []string  `json:"allow,omitzero"`
	Suggestions    []string  `json:"suggestions,omitzero"`
	Position       *int      `json:"position,omitzero"`
	Holder         string    `json:"holder,omitzero"`
	Expires        time.Time `json:"expires,omitzero"`
}

// memo writes the answer in its stored form; ok is false for an answer that
// is not to be stored. That includes one that is too large: a tool that gives
// it wrote nothing, and on a repetition it runs again.
func (a answer) memo() (memo []byte, ok bool) {
	if !a.final() || len(a.result) > store.MaxAnswer {
		return nil, false
	}
	s := stored{Version: answerVersion, Result: a.result}
	if e := a.fault; e != nil {
		s.Fault = &storedFault{Code: e.Code, Detail: e.Detail, RetryAfterMS: e.RetryAfter.Milliseconds(), Facts: storedFacts(e.Facts)}
		for _, v := range e.Violations {
			s.Fault.Violations = append(s.Fault.Violations, storedViolation(v))
		}
	}
	memo, err := json.Marshal(s, jsontext.PreserveRawStrings(true))
	return memo, err == nil && len(memo) <= store.MaxAnswer
}

// recalled reads an answer back from its stored form.
func recalled(memo []byte) answer {
	var s stored
	err := json.Unmarshal(memo, &s)
	if err == nil && (s.Version != answerVersion || (s.Fault == nil) == (s.Result == nil)) {
		err = fmt.Errorf("a stored answer of version %d", s.Version)
	}
	if err != nil {
		return failed(fault.New(fault.Internal, "The stored answer cannot be read.").Because(err))
	}
	a := answer{result: s.Result, replayed: true}
	if f := s.Fault; f != nil {
		a.fault = &fault.Error{
			Code: f.Code, Detail: f.Detail, Facts: fault.Facts(f.Facts),
			RetryAfter: time.Duration(f.RetryAfterMS) * time.Millisecond,
		}
		for _, v := range f.Violations {
			a.fault.Violations = append(a.fault.Violations, fault.Violation(v))
		}
	}
	return a
}
