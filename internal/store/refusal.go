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

// OutOfBounds is the answer to an OpAdd whose sum is beyond its bounds, which
// are those of the operation and of the variable.
func OutOfBounds(op Op, sum int64) *fault.Error {
	where := "out of bounds"
	switch {
	case op.Min != nil && sum < *op.Min:
		where = fmt.Sprintf("less than min, %d", *op.Min)
	case op.Max != nil && sum > *op.Max:
		where = fmt.Sprintf("more than max, %d", *op.Max)
	}
	return fault.Newf(fault.ConstraintViolation, "Adding %d to the variable %q gives %d, which is %s.", op.Delta, op.Name, sum, where)
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

// TooLargeMetadata is the answer to metadata beyond MaxMetadata.
func TooLargeMetadata(size int64) *fault.Error {
	return &fault.Error{
		Code: fault.ValueTooLarge, Detail: "The metadata are too large.",
		Facts: fault.Facts{LimitBytes: MaxMetadata, Current: size},
	}
}

// NoVersion is the answer for a version that the history does not have, or
// whose bytes are gone.
func NoVersion(name string, version int64) *fault.Error {
	return fault.Newf(fault.VersionNotFound, "The history of the variable %q does not have the version %d.", name, version)
}

// NoBytes is the answer for a tensor whose bytes are not there.
func NoBytes() *fault.Error {
	return fault.New(fault.VersionNotFound, "The bytes of this tensor are gone.")
}

// OtherConstraints is the answer to constraints that are not the variable's.
func OtherConstraints(name string) *fault.Error {
	return &fault.Error{
		Code: fault.InvalidConstraints, Detail: fmt.Sprintf("The variable %q has other constraints; PATCH changes them.", name),
		Violations: []fault.Violation{{
			Pointer: "/constraints", Code: fault.InvalidConstraints, Detail: "Expected the constraints that the variable has, or none.",
		}},
	}
}

// ChangedConstraints is the answer to a tensor whose elements were judged by
// constraints that are no longer the variable's.
func ChangedConstraints(name string) *fault.Error {
	return fault.Newf(fault.VersionConflict, "The constraints of the variable %q have changed meanwhile.", name)
}

// LockedVariable is the answer to a write to a variable that another holds.
func LockedVariable(name string, l Lock) *fault.Error {
	return &fault.Error{
		Code: fault.VariableLocked, Detail: fmt.Sprintf("The variable %q is locked.", name),
		Facts: fault.Facts{Holder: l.Holder, Expires: l.Expires},
	}
}

// TooManyLocks is the answer to more locks than a session may have.
func TooManyLocks(current int64) *fault.Error {
	return &fault.Error{
		Code: fault.SessionQuotaExceeded, Detail: "The session cannot have that many locks.",
		Facts: fault.Facts{Current: current, Limit: MaxLocks},
	}
}

// IncompleteUpload is the answer to a unit whose upload was not staged whole.
func IncompleteUpload() *fault.Error {
	return fault.New(fault.InvalidRequest, "The bytes of the tensor were not staged whole, or have waited too long.")
}

func badValue(name string, found []fault.Violation) *fault.Error {
	return fault.Invalid(fault.ConstraintViolation, fmt.Sprintf("The variable %q cannot have this value.", name),
		under("/value", found), fault.TypeMismatch, fault.InvalidRequest)
}

// brokenByValue is the answer to a patch of constraints that the value there is
// does not keep.
func brokenByValue(name string, found []fault.Violation) *fault.Error {
	return fault.Invalid(fault.ConstraintViolation, fmt.Sprintf("The value of the variable %q does not keep these constraints.", name),
		under("/constraints", found))
}

// unjudged is the answer to a patch that bounds a tensor's elements more than
// they were on their way in. To judge them again, all of them would have to be
// read, those in the history as well.
func unjudged(name string, bounds []string) *fault.Error {
	var found []fault.Violation
	for _, bound := range bounds {
		found = append(found, fault.Violation{
			Pointer: "/" + bound, Code: fault.InvalidConstraints,
			Detail: "Expected a bound that is not narrower than the one by which the elements were judged.",
		})
	}
	e := badConstraints(name, found)
	e.Detail = fmt.Sprintf("The elements of the tensor %q are judged as they come in, and are not read again. "+
		"To narrow min or max, delete the variable, create it with these constraints as a small tensor (register_variable), and send the elements again.", name)
	return e
}

func badConstraints(name string, found []fault.Violation) *fault.Error {
	return fault.Invalid(fault.InvalidConstraints, fmt.Sprintf("The variable %q cannot have these constraints.", name),
		under("/constraints", found), fault.InvalidConstraints)
}

func badMetadata() *fault.Error {
	return &fault.Error{
		Code: fault.TypeMismatch, Detail: "Metadata are a JSON object.",
		Violations: []fault.Violation{{Pointer: "/metadata", Code: fault.TypeMismatch, Detail: "Expected a JSON object."}},
	}
}

// under puts violations below a pointer.
func under(pointer string, found []fault.Violation) []fault.Violation {
	all := make([]fault.Violation, len(found))
	for i, v := range found {
		v.Pointer = pointer + v.Pointer
		all[i] = v
	}
	return all
}
