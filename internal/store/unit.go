package store

import (
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/value"
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
}

// OpKind says what an operation does.
type OpKind byte

// The kinds of operations.
const (
	OpPut    OpKind = 'P' // write
	OpCreate OpKind = 'C' // write, only when it is not there
	OpEnsure OpKind = 'N' // write when it is not there, else leave it
	OpAdd    OpKind = 'A' // add to an integer
	OpDelete OpKind = 'D'
	OpLoad   OpKind = 'L' // read in the same instant
	OpEnd    OpKind = 'E' // delete the session
)

// Op is one operation of a unit. Its fields are for back ends; tools build one
// with [Put], [Add], … and refine it with its methods.
type Op struct {
	Kind    OpKind
	Name    string
	Value   value.Value // OpPut, OpCreate, OpEnsure
	Delta   int64       // OpAdd
	Initial *int64      // OpAdd: what a missing variable starts from
	Min     *int64      // OpAdd: refuse a sum below
	Max     *int64      // OpAdd: refuse a sum above
	Version *int64      // the version it must have now; 0: it must not be there
}

// Put writes v under name. An existing variable keeps its type: another one is
// refused with fault.TypeMismatch.
func Put(name string, v value.Value) Op { return Op{Kind: OpPut, Name: name, Value: v} }

// Create is Put for a name that must be free; else fault.VariableExists.
func Create(name string, v value.Value) Op { return Op{Kind: OpCreate, Name: name, Value: v} }

// Ensure writes v when there is no variable of that name and leaves an
// existing one as it is, whatever its type; the result says which.
func Ensure(name string, v value.Value) Op { return Op{Kind: OpEnsure, Name: name, Value: v} }

// Add adds delta to an integer variable. Errors: fault.VariableNotFound unless
// StartingAt is given, fault.TypeMismatch, fault.CounterOverflow beyond 64
// bits, fault.ConstraintViolation beyond Within's bounds.
func Add(name string, delta int64) Op { return Op{Kind: OpAdd, Name: name, Delta: delta} }

// Delete removes a variable; one that is not there is no error.
func Delete(name string) Op { return Op{Kind: OpDelete, Name: name} }

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

// Result is what one operation did.
type Result struct {
	Variable      // as it is after the operation; the zero Variable when there is none
	Existed  bool // it was there before
}

// Applied is the answer to a unit.
type Applied struct {
	Results  []Result // one for each operation
	Memo     []byte   // of the first application
	Kind     RecordKind
	Replayed bool      // the token had been applied before, and this is what was answered then
	At       time.Time // the store's clock when it was applied
	// The session after the unit; for a unit that ended it, as it then was.
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
	var seen map[string]bool
	if len(u.Ops) > 1 {
		seen = make(map[string]bool, len(u.Ops))
	}
	for i, o := range u.Ops {
		if err := o.check(limits); err != nil {
			return err
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

func (o Op) check(limits Limits) error {
	if o.Kind == OpEnd {
		return nil
	}
	if o.Name == "" || len(o.Name) > MaxNameLen {
		return fault.Newf(fault.InvalidRequest, "A variable's name has 1 to %d bytes.", MaxNameLen)
	}
	switch o.Kind {
	case OpPut, OpCreate, OpEnsure:
		if o.Value.Type() == 0 {
			return fault.Newf(fault.InvalidRequest, "The variable %q is given no value.", o.Name)
		}
		if n := int64(len(o.Value.JSON())); n > limits.ValueBytes {
			return &fault.Error{
				Code:   fault.ValueTooLarge,
				Detail: "The value is too large to be kept in a variable.",
				Facts:  fault.Facts{LimitBytes: limits.ValueBytes, Current: n},
			}
		}
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
