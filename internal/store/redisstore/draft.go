package redisstore

import (
	"errors"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// draft is a unit on its way to becoming arguments.
type draft struct {
	store.Unit
	limits store.Limits
	// broken is why an operation cannot be done, by its index; nil is none.
	broken map[int]error
	known  []known // of each operation's variable; nil: nothing
	gone   error   // why there is no session to look at
	last   bool    // a refusal is final, whatever the variable is meanwhile
}

// uploads tells whether an operation brings bytes.
func (d *draft) uploads() bool {
	return slices.ContainsFunc(d.Ops, func(o store.Op) bool { return o.Upload != nil })
}

// known is what was found of an operation's variable.
type known struct {
	now  store.Variable
	then *store.Variable // OpRollback: the version that is wanted
}

// errOtherwise is the refusal of a unit that was made for another variable.
var errOtherwise = errors.New("a variable is not what the unit was made for")

// arguments returns those of lua/apply.lua; complete is false when one must look
// at the variables first.
func (d *draft) arguments() (args []string, complete bool) {
	const own = 5 // arguments that a unit begins with
	args = append(make([]string, 0, own+8*len(d.Ops)), d.Token.Bytes(), fingerprintOf(d.Write), "", string(d.Memo), d.By)
	ops := len(d.Ops)
	if d.LockToken != "" {
		args = append(args, "T-", d.LockToken)
		ops++
	}
	for i := range d.Ops {
		var ok bool
		if args, ok = d.appendOp(args, i); !ok {
			return nil, false
		}
	}
	mode := byte('0')
	if d.Count {
		mode++
	}
	if d.Each {
		mode += 2
	}
	head := append(make([]byte, 0, 5), byte(d.Kind), mode, byte(ops))
	args[2] = string(appendNumber(head, int64(len(args)), 2))
	return args, true
}

// appendOp adds the arguments of one operation.
func (d *draft) appendOp(args []string, i int) ([]string, bool) {
	o := d.Ops[i]
	begin := func(kind string, typ value.Type) {
		letter := "-"
		if typ != 0 {
			letter = string(rune(typ.Letter()))
		}
		args = append(args, kind+letter+condition(o), o.Name)
	}
	if err := d.broken[i]; err != nil {
		begin("X", 0)
		return append(args, "", refusalText(err)), true
	}
	switch o.Kind {
	case store.OpDelete, store.OpLoad, store.OpEnd, store.OpUnlock:
		begin(string(rune(o.Kind)), 0)
		return args, true
	case store.OpLock:
		begin("K", 0)
		holder := "+" + o.Lease.Holder
		if o.Lease.Keep {
			holder = "=" + o.Lease.Holder
		}
		return append(args, o.Lease.Token, holder, itoa(o.Lease.TTL.Milliseconds())), true
	case store.OpAdd:
		if d.known == nil && o.Min == nil && o.Max == nil {
			begin("A", 0)
			return append(args, itoa(o.Delta), optional(o.Initial)), true
		}
	case store.OpPut, store.OpCreate, store.OpEnsure: // a replacement needs to know what goes
		if d.known == nil && d.simple(o) {
			begin(string(rune(o.Kind)), o.Value.Type())
			return append(args, o.Value.JSON()), true
		}
		if d.known == nil && o.Constraints != nil && o.Kind != store.OpCreate {
			return nil, false
		}
	default:
		if d.known == nil {
			return nil, false
		}
	}
	k := d.of(i)
	if d.gone != nil {
		begin("X", 0)
		return append(args, "", refusalText(d.gone)), true
	}
	if exists := k.now.Value.Type() != 0; exists && o.Kind == store.OpCreate {
		begin("X", 0)
		return append(args, d.seen(k), refusalText(store.TakenVariable(o.Name))), true
	} else if exists && o.Kind == store.OpEnsure {
		begin("W", 0)
		return append(args, "Nv", "", itoa(k.now.Version), "=", "=", ""), true // nothing is written
	}
	r, err := o.Resolve(k.now, k.then, d.limits)
	if err != nil {
		if d.known == nil {
			return nil, false
		}
		begin("X", 0)
		return append(args, d.seen(k), refusalText(err)), true
	}
	if o.Kind == store.OpAdd {
		begin("B", 0)
		return append(args, itoa(o.Delta), optional(o.Initial), optional(r.Min), optional(r.Max), k.now.Constraints), true
	}
	begin("W", r.Value.Type())
	return append(args, written(o, k.now, r)...), true
}

// condition is an operation's condition, as lua/apply.lua has it.
func condition(o store.Op) string {
	switch {
	case o.Version == nil:
		return ""
	case *o.Version == store.AnyVersion:
		return "*"
	case o.Epoch != "":
		return itoa(*o.Version) + "@" + o.Epoch
	default:
		return itoa(*o.Version)
	}
}

// seen is the version that a refusal depends on.
func (d *draft) seen(k known) string {
	if d.last {
		return ""
	}
	return itoa(k.now.Version)
}

// simple tells whether an operation is one that most are: a value and nothing
// else.
func (d *draft) simple(o store.Op) bool {
	return !d.Each && o.JSON == nil && o.Constraints == nil && o.Metadata == nil && o.Value.Type() != value.Tensor
}

// of returns what is known of an operation's variable.
func (d *draft) of(i int) known {
	if d.known == nil {
		return known{now: store.Variable{Name: d.Ops[i].Name}}
	}
	return d.known[i]
}

// written returns the arguments of a W after its name.
func written(o store.Op, now store.Variable, r store.Resolved) []string {
	exists := now.Value.Type() != 0
	how, at, constraints, metadata := string(rune(o.Kind)), "", "=", "="
	letter := string(rune(store.ValueChanged))
	if o.Kind == store.OpPatch || o.Kind == store.OpRollback {
		how, letter = "M", string(rune(r.Kind))
	}
	if o.Kind == store.OpPatch {
		at, constraints = itoa(now.Version), "+"+r.Constraints
	}
	if !exists && r.Constraints != "" {
		constraints = "+" + r.Constraints
		if o.Kind != store.OpCreate {
			at = "0"
		}
	}
	if o.Kind == store.OpReplace {
		at, constraints, metadata = "", "+"+r.Constraints, "+"+r.Metadata // the script sees what it was
	}
	if o.Metadata != nil || o.Kind == store.OpRollback {
		metadata = "+" + r.Metadata
	}
	how += letter
	if o.Kind != store.OpPatch && o.Kind != store.OpRollback && o.Kind != store.OpReplace && (o.JSON == nil || o.Type != 0) {
		how += "s"
	}
	if o.Upload != nil {
		how += "u"
	}
	return []string{how, now.Constraints, at, constraints, metadata, payloadOf(r.Value)}
}

// refusal words a refusal of the script.
func (d *draft) refusal(code string, op int, args []string) error {
	if code == "schema" {
		return errOtherwise
	}
	if d.LockToken != "" {
		op--
	}
	if op < 1 || op > len(d.Ops) {
		return sessionRefusal(code, op, args)
	}
	return &store.OpError{Index: op - 1, Err: fault.From(opRefusal(d.Ops[op-1].Name, code, args))}
}

// opRefusal words the refusal of one operation. It needs nothing else of it:
// what it was is not known when somebody repeats a minted token.
func opRefusal(name, code string, args []string) error {
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	number, _ := strconv.ParseInt(arg(0), 10, 64)
	sum := func(delta string) store.Op {
		n, _ := strconv.ParseInt(delta, 10, 64)
		return store.Add(name, n)
	}
	switch code {
	case "conflict":
		return store.WrongVersion(name, number)
	case "type":
		return store.WrongType(name, typeOf(arg(0)), typeOf(arg(1)))
	case "exists":
		return store.TakenVariable(name)
	case "notfound":
		return store.NoVariable(name)
	case "overflow":
		return store.Overflow(sum(arg(0)))
	case "bounds":
		return store.OutOfBounds(sum(arg(1)).Within(boundOf(arg(2)), boundOf(arg(3))), number)
	case "locks":
		return store.TooManyLocks(number)
	case "gone":
		return store.NoBytes()
	case "refused":
		return refusalOf(arg(0))
	default:
		return sessionRefusal(code, 0, args)
	}
}

// keptRefusal is what is kept of a refusal that was made here.
type keptRefusal struct {
	Code       fault.Code
	Detail     string
	Violations []fault.Violation
	Facts      fault.Facts
}

// refusalText is a refusal that was made here, as the script keeps it.
func refusalText(err error) string {
	e := fault.From(err)
	text, _ := json.Marshal(keptRefusal{e.Code, e.Detail, e.Violations, e.Facts}) // plain fields only
	return string(text)
}

func refusalOf(text string) error {
	var k keptRefusal
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		return damaged(err)
	}
	return &fault.Error{Code: k.Code, Detail: k.Detail, Violations: k.Violations, Facts: k.Facts}
}

// boundOf reads a bound of a sum; nil for none, and where it was not kept.
func boundOf(text string) *int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

func typeOf(letter string) value.Type {
	if len(letter) != 1 {
		return 0
	}
	t, _ := value.TypeOfLetter(letter[0])
	return t
}
