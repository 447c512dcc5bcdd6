package store

import (
	"fmt"

	"toolpit/internal/fault"
	"toolpit/internal/value"
)

// The refusals below are in one place so that every back end words them alike:
// which one is used is to change nothing a client can see.

// NoSession is the answer for a session that is not there.
func NoSession() *fault.Error {
	return fault.New(fault.SessionNotFound, "There is no such session.")
}

// ExpiredSession is the answer for a session whose tombstone still lives.
func ExpiredSession() *fault.Error {
	return fault.New(fault.SessionExpired, "The session has expired.")
}

// FrozenSession is the answer to a write to a read-only session.
func FrozenSession() *fault.Error {
	return fault.New(fault.SessionReadOnly, "The session is read-only.")
}

// TakenSession is the answer to a creation under an id that lives.
func TakenSession() *fault.Error {
	return fault.New(fault.SessionExists, "There is a session of that id already.")
}

// ReusedKey is the answer to a key that was used for another request.
func ReusedKey() *fault.Error {
	return fault.New(fault.IdempotencyKeyReused, "The Idempotency-Key was used for another request.")
}

// WrongSessionVersion is the answer to a Match that does not hold; 0 stands for
// a session that is not there.
func WrongSessionVersion(current int64) *fault.Error {
	detail := "The session has changed: its tag is not the expected one."
	if current == 0 {
		detail = "There is no session that the condition could hold for."
	}
	return &fault.Error{Code: fault.VersionConflict, Detail: detail, Facts: fault.Facts{CurrentVersion: current}}
}

// WrongVersion is the answer to an operation whose IfVersion does not hold; 0
// stands for a variable that is not there.
func WrongVersion(name string, current int64) *fault.Error {
	return &fault.Error{
		Code:   fault.VersionConflict,
		Detail: fmt.Sprintf("The variable %q does not have the expected version.", name),
		Facts:  fault.Facts{CurrentVersion: current},
	}
}

// NoVariable is the answer for a variable that is not there.
func NoVariable(name string) *fault.Error {
	return fault.Newf(fault.VariableNotFound, "There is no variable %q.", name)
}

// TakenVariable is the answer to an OpCreate for a variable that is there.
func TakenVariable(name string) *fault.Error {
	return fault.Newf(fault.VariableExists, "There is a variable %q already.", name)
}

// WrongType is the answer to a value of another type than the variable's.
func WrongType(name string, have, want value.Type) *fault.Error {
	return fault.Newf(fault.TypeMismatch, "The variable %q is of type %s, not %s.", name, have, want)
}

// Overflow is the answer to an OpAdd whose sum leaves the 64-bit integers.
func Overflow(op Op) *fault.Error {
	return fault.Newf(fault.CounterOverflow, "Adding %d to the variable %q leaves the range of 64-bit integers.", op.Delta, op.Name)
}

// OutOfBounds is the answer to an OpAdd whose sum is beyond its bounds.
func OutOfBounds(op Op, sum string) *fault.Error {
	return fault.Newf(fault.ConstraintViolation, "Adding %d to the variable %q gives %s, which is out of bounds.", op.Delta, op.Name, sum)
}

// TooManyVariables is the answer to a unit beyond the quota of variables.
func TooManyVariables(current, limit int64) *fault.Error {
	return &fault.Error{
		Code: fault.VariableQuotaExceeded, Detail: "The session cannot hold that many variables.",
		Facts: fault.Facts{Current: current, Limit: limit},
	}
}

// TooManyBytes is the answer to a unit beyond the quota of bytes.
func TooManyBytes(current, limit int64) *fault.Error {
	return &fault.Error{
		Code: fault.SessionQuotaExceeded, Detail: "The session cannot hold that many bytes.",
		Facts: fault.Facts{Current: current, Limit: limit},
	}
}

// TooManyLabels is the answer to more labels than a session may have.
func TooManyLabels(current int64) *fault.Error {
	return &fault.Error{
		Code: fault.SessionQuotaExceeded, Detail: "The session cannot have that many labels.",
		Facts: fault.Facts{Current: current, Limit: MaxLabels},
	}
}

// TooLargeAnswer is the answer to a memo that Remember cannot keep.
func TooLargeAnswer(size int) *fault.Error {
	return &fault.Error{
		Code: fault.ValueTooLarge, Detail: "The answer is too large to be kept.",
		Facts: fault.Facts{LimitBytes: MaxAnswer, Current: int64(size)},
	}
}
