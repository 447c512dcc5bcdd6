package store

import (
	"time"

	"toolpit/internal/fault"
)

// Bounds of a unit, the same for every back end.
const (
	MaxOps       = 128              // operations in one unit
	MaxMemo      = 4 << 10          // bytes of an effect's memo
	MaxAnswer    = 64 << 10         // bytes of a stored answer
	MaxNameLen   = 128              // bytes of a variable's name
	MaxWriterLen = 64               // bytes of Write.By
	MaxLabels    = 64               // labels of a session
	MintedTTL    = 10 * time.Minute // how long minted tokens are remembered
)

// RecordKind says what a token's record holds.
type RecordKind byte

// The kinds of records.
const (
	// Effect is a unit's results and its memo.
	Effect RecordKind = 'e'
	// Answer is a whole answer in the memo: the tool wrote nothing.
	Answer RecordKind = 'a'
	// Draft holds the token's place: the execution is counted, the answer is
	// owed. A later unit under the same token goes on from there, and is not
	// counted again.
	Draft RecordKind = 'd'
)

// Unit is one atomic change of one session.
type Unit struct {
	Write
	Kind  RecordKind // what is recorded; the zero value means Effect
	Count bool       // count one execution
	Memo  []byte
	Ops   []Op // no two may name the same variable
	// LockToken is what the caller knows of locks: it opens those that were
	// taken with it.
	LockToken string
	// Each applies the operations one by one instead of all or none: one that is
	// refused changes nothing and has its reason in its result. What concerns
	// the unit as a whole (session, quotas, MaxLocks) still refuses all of it.
	Each bool
}

// Result is what one operation did. Of one that was refused it has Name and
// Refused only.
type Result struct {
	Variable              // as it is after the operation; only Name when there is none
	Existed  bool         // it was there before
	Lock     *Lock        // OpLock: what was granted
	Refused  *fault.Error // in a unit with Each: why nothing was done
}

// OpError is the refusal of a unit because of one of its operations.
type OpError struct {
	Index int // of the operation
	Err   *fault.Error
}

// Error describes the fault.
func (e *OpError) Error() string { return e.Err.Error() }

// Unwrap returns the fault.
func (e *OpError) Unwrap() error { return e.Err }

// Applied is the answer to a unit.
type Applied struct {
	Results  []Result // one for each operation
	Memo     []byte   // of the first application
	Kind     RecordKind
	Replayed bool      // the token had been applied before, and this is what was answered then
	At       time.Time // the store's clock when it was applied
	// The session after the unit; for a unit that ended it, as it then was.
	Epoch     string
	Seq       int64
	Commands  int64
	Variables int64
	Created   time.Time
}

// Check refuses a unit that no back end may be given. Errors: InvalidRequest,
// ValueTooLarge.
func (u Unit) Check(limits Limits) error {
	limit := MaxMemo
	if u.Kind == Answer {
		limit = MaxAnswer
	}
	if len(u.Memo) > limit {
		return &fault.Error{Code: fault.ValueTooLarge, Detail: "The memo of a unit is too large.", Facts: fault.Facts{LimitBytes: int64(limit)}}
	}
	if len(u.Ops) > MaxOps {
		return fault.Newf(fault.InvalidRequest, "A unit has at most %d operations.", MaxOps)
	}
	if err := u.Write.Check(); err != nil {
		return err
	}
	if len(u.LockToken) > MaxLockToken {
		return fault.Newf(fault.InvalidRequest, "A lock's token has at most %d bytes.", MaxLockToken)
	}
	var seen map[string]bool
	if len(u.Ops) > 1 {
		seen = make(map[string]bool, len(u.Ops))
	}
	for i, o := range u.Ops {
		if err := o.check(limits); err != nil {
			if e := fault.From(err); !u.Each || e.Code == fault.InvalidRequest {
				return &OpError{i, e}
			}
		}
		if o.Kind == OpEnd {
			if i != len(u.Ops)-1 {
				return fault.New(fault.InvalidRequest, "End must be the last operation of a unit.")
			}
			continue
		}
		if seen[o.Name] {
			return fault.Newf(fault.InvalidRequest, "A unit names the variable %q twice.", o.Name)
		}
		if seen != nil {
			seen[o.Name] = true
		}
	}
	if n := len(u.Ops); n > 0 && u.Ops[n-1].Kind == OpEnd && u.writes() {
		return fault.New(fault.InvalidRequest, "A unit that ends the session writes nothing else.")
	}
	return nil
}

// writes tells whether any operation writes a variable.
func (u Unit) writes() bool {
	for _, o := range u.Ops {
		if o.Kind != OpLoad && o.Kind != OpEnd {
			return true
		}
	}
	return false
}
