package store

import (
	"math"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/value"
)

// OpKind says what an operation does.
type OpKind byte

// The kinds of operations.
const (
	OpPut      OpKind = 'P' // write
	OpCreate   OpKind = 'C' // write, only when it is not there
	OpEnsure   OpKind = 'N' // write when it is not there, else leave it
	OpReplace  OpKind = 'O' // write, whatever was there
	OpPatch    OpKind = 'M' // merge into constraints and metadata
	OpAdd      OpKind = 'A' // add to an integer
	OpRollback OpKind = 'R' // write an earlier version again
	OpDelete   OpKind = 'D'
	OpLock     OpKind = 'K' // take or renew a lease
	OpUnlock   OpKind = 'U'
	OpLoad     OpKind = 'L' // read in the same instant
	OpEnd      OpKind = 'E' // delete the session
)

// Op is one operation of a unit. What speaks against one is reported in this
// order: its version, a lock, whether the variable is there, and then its type,
// constraints and size; in a unit that is all or nothing it is the first
// operation's. Its fields are for back ends; tools build one with [Put], [Add],
// … and refine it with its methods.
type Op struct {
	Kind OpKind
	Name string
	Content
	Delta   int64  // OpAdd
	Initial *int64 // OpAdd: what a missing variable starts from
	Min     *int64 // OpAdd: refuse a sum below
	Max     *int64 // OpAdd: refuse a sum above
	Target  int64  // OpRollback: the version whose value is wanted
	Lease   Lease  // OpLock
	Version *int64 // the version it must have now; 0: it must not be there; AnyVersion: it must be there
	Epoch   string // of the session in which Version was seen; "" when that does not matter
}

// AnyVersion stands for a variable that is there, whatever its version.
const AnyVersion int64 = math.MinInt64

// Content is what a variable is given. Constraints and Metadata of nil leave
// what there is; a new variable, or one that is replaced, has none then.
type Content struct {
	// Value is the value itself, which must be of the variable's type and keep
	// its constraints. It, or JSON.
	Value value.Value
	// JSON is converted to the variable's type under its constraints when the
	// operation is applied. A new variable gets Type, or the type that
	// value.Infer finds. A tensor has no JSON: see Upload.
	JSON []byte
	// Type is the type that an existing variable must have, unless it is
	// replaced; 0 asks nothing.
	Type value.Type
	// Constraints is a JSON object. A variable that is there must have just
	// these; OpPatch merges them, OpReplace replaces them.
	Constraints []byte
	// Metadata is a JSON object of at most MaxMetadata bytes that replaces what
	// there is; OpPatch merges it.
	Metadata []byte
	// Upload brings a tensor's bytes. A tensor without one must have bytes that
	// the session has already, in a variable or its history.
	Upload *Upload
	// Judged are the constraints (as Variable.Constraints has them) by which a
	// tensor's elements were judged on their way in. Other constraints that
	// bound elements refuse it with fault.VersionConflict.
	Judged string
}

// Lease is the wish for a lock.
type Lease struct {
	Token  string        // who knows it holds the lock; 1 to MaxLockToken bytes
	Holder string        // what others are told of who holds it; at most MaxWriterLen bytes
	Keep   bool          // a lock that is renewed keeps the holder it has
	TTL    time.Duration // at least a millisecond, at most MaxLease
}

// Bounds of content and leases, the same for every back end.
const (
	MaxMetadata  = 4 << 10
	MaxLockToken = 128
	MaxLocks     = 128 // live locks in a session
	MaxLease     = 24 * time.Hour
)

// Lock is a lease that was granted. It ends by itself.
type Lock struct {
	Token   string
	Holder  string
	Fence   int64 // greater than that of every earlier lock in the session; stays when it is renewed
	Expires time.Time
}

// Put writes v under name. An existing variable keeps its type and its
// constraints: another one is refused with fault.TypeMismatch, a value beyond
// them with fault.ConstraintViolation.
func Put(name string, v value.Value) Op { return PutContent(name, Content{Value: v}) }

// PutContent is Put with more to say.
func PutContent(name string, c Content) Op { return Op{Kind: OpPut, Name: name, Content: c} }

// Create is Put for a name that must be free; else fault.VariableExists.
func Create(name string, v value.Value) Op { return CreateContent(name, Content{Value: v}) }

// CreateContent is Create with more to say.
func CreateContent(name string, c Content) Op { return Op{Kind: OpCreate, Name: name, Content: c} }

// Ensure writes v when there is no variable of that name and leaves an
// existing one as it is, whatever its type; the result says which. A lock
// refuses it like every other write.
func Ensure(name string, v value.Value) Op {
	return Op{Kind: OpEnsure, Name: name, Content: Content{Value: v}}
}

// Replace makes the variable just what c says, type, constraints and metadata
// too, whatever it was; what c leaves out is empty. Its versions go on and its
// lock stays. Under another type it counts as registered anew: its history goes.
func Replace(name string, c Content) Op { return Op{Kind: OpReplace, Name: name, Content: c} }

// Patch merges (RFC 7396) into a variable's constraints and metadata; nil leaves
// one as it is. The value must keep the new constraints. Errors:
// fault.VariableNotFound, fault.InvalidConstraints, fault.ConstraintViolation.
func Patch(name string, constraints, metadata []byte) Op {
	return Op{Kind: OpPatch, Name: name, Content: Content{Constraints: constraints, Metadata: metadata}}
}

// Add adds delta to an integer variable. Errors: fault.VariableNotFound unless
// StartingAt is given, fault.TypeMismatch, fault.CounterOverflow beyond 64
// bits, fault.ConstraintViolation beyond Within's bounds or the variable's own.
func Add(name string, delta int64) Op { return Op{Kind: OpAdd, Name: name, Delta: delta} }

// Rollback writes the value and the metadata of an earlier version as a new
// version, under today's constraints; the metadata get the member
// rollback_from. The present version counts as one of the history. Errors:
// fault.VariableNotFound, fault.VersionNotFound when the history does not have
// it, fault.TypeMismatch, fault.ConstraintViolation.
func Rollback(name string, to int64) Op { return Op{Kind: OpRollback, Name: name, Target: to} }

// Delete removes a variable with its history and its lock; one that is not
// there is no error.
func Delete(name string) Op { return Op{Kind: OpDelete, Name: name} }

// AcquireLock takes the lock of a variable, or renews it for the one who has
// its token. While it lasts, every operation that writes the variable, and
// every end of the session, is refused with fault.VariableLocked unless the
// unit has the token. Errors: fault.VariableNotFound, fault.VariableLocked,
// fault.SessionQuotaExceeded beyond MaxLocks.
func AcquireLock(name string, l Lease) Op { return Op{Kind: OpLock, Name: name, Lease: l} }

// ReleaseLock gives the lock up that the unit's LockToken holds; without a
// living lock, or a variable, nothing happens. Errors: fault.VariableLocked for
// another token.
func ReleaseLock(name string) Op { return Op{Kind: OpUnlock, Name: name} }

// Load reads a variable as it is after the unit.
func Load(name string) Op { return Op{Kind: OpLoad, Name: name} }

// End deletes the session and all that is in it. It must be the unit's last
// operation, and no other of the unit's operations may write.
func End() Op { return Op{Kind: OpEnd} }

// IfVersion makes the operation depend on the variable's version; 0 means that
// there must be none. Otherwise fault.VersionConflict.
func (o Op) IfVersion(v int64) Op {
	o.Version = &v
	return o
}

// IfSeen is IfVersion for a version that was seen in one incarnation of the
// session: in another one it does not hold.
func (o Op) IfSeen(epoch string, v int64) Op {
	o.Version, o.Epoch = &v, epoch
	return o
}

// Holds tells whether the operation's condition does, for a variable of that
// version (0: there is none) in a session of that epoch.
func (o Op) Holds(epoch string, version int64) bool {
	switch {
	case o.Version == nil:
		return true
	case *o.Version == AnyVersion:
		return version != 0
	default:
		return *o.Version == version && (o.Epoch == "" || o.Epoch == epoch)
	}
}

// StartingAt lets an Add begin at initial when there is no variable yet.
func (o Op) StartingAt(initial int64) Op {
	o.Initial = &initial
	return o
}

// Within bounds the sum of an Add; nil leaves a side open.
func (o Op) Within(minimum, maximum *int64) Op {
	o.Min, o.Max = minimum, maximum
	return o
}

// Writes tells whether the operation is one that may change the variable's
// record, and so needs its lock.
func (o Op) Writes() bool {
	switch o.Kind {
	case OpLoad, OpEnd, OpLock, OpUnlock:
		return false
	default:
		return true
	}
}

// gives tells whether the operation gives a variable a value of its own.
func (o Op) gives() bool {
	switch o.Kind {
	case OpPut, OpCreate, OpEnsure, OpReplace:
		return true
	default:
		return false
	}
}

func (o Op) check(limits Limits) error {
	if o.Kind == OpEnd {
		return nil
	}
	if o.Name == "" || len(o.Name) > MaxNameLen {
		return fault.Newf(fault.InvalidRequest, "A variable's name has 1 to %d bytes.", MaxNameLen)
	}
	if len(o.Metadata) > MaxMetadata {
		return TooLargeMetadata(int64(len(o.Metadata)))
	}
	switch {
	case o.Kind == OpLock:
		return o.Lease.check()
	case o.gives():
		if (o.Value.Type() == 0) == (o.JSON == nil) {
			return fault.Newf(fault.InvalidRequest, "The variable %q is given no value.", o.Name)
		}
		if o.Upload != nil && o.Value.Type() != value.Tensor {
			return fault.Newf(fault.InvalidRequest, "The variable %q is given bytes and is no tensor.", o.Name)
		}
		return checkSize(o.Value, limits)
	}
	return nil
}

// checkSize refuses a value that is too large for a variable.
func checkSize(v value.Value, limits Limits) error {
	n, limit := int64(len(v.JSON())), limits.ValueBytes
	if d, ok := v.Descriptor(); ok {
		n, limit = d.Bytes, limits.TensorBytes
	}
	if n <= limit {
		return nil
	}
	return &fault.Error{
		Code:   fault.ValueTooLarge,
		Detail: "The value is too large to be kept in a variable.",
		Facts:  fault.Facts{LimitBytes: limit, Current: n},
	}
}

func (l Lease) check() error {
	switch {
	case l.Token == "" || len(l.Token) > MaxLockToken:
		return fault.Newf(fault.InvalidRequest, "A lock's token has 1 to %d bytes.", MaxLockToken)
	case len(l.Holder) > MaxWriterLen:
		return fault.Newf(fault.InvalidRequest, "A lock's holder has at most %d bytes.", MaxWriterLen)
	case l.TTL < time.Millisecond || l.TTL > MaxLease:
		return fault.Newf(fault.InvalidRequest, "A lock lasts between a millisecond and %d hours.", int64(MaxLease.Hours()))
	}
	return nil
}
