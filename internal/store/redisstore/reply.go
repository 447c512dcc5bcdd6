package redisstore

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// errTorn is found in a record that is shorter than it says.
var errTorn = errors.New("a record in the store is damaged")

// fields reads an answer or a record: numbers are big-endian, and texts have
// their length before them. The first error sticks.
type fields struct {
	rest string
	err  error
}

func (f *fields) more() bool { return f.err == nil && f.rest != "" }

// take reads the next n bytes.
func (f *fields) take(n int) string {
	if f.err == nil && (n < 0 || n > len(f.rest)) {
		f.err = errTorn
	}
	if f.err != nil {
		return ""
	}
	taken := f.rest[:n]
	f.rest = f.rest[n:]
	return taken
}

// number reads a number of that many bytes.
func (f *fields) number(size int) int64 {
	n := int64(0)
	for _, b := range []byte(f.take(size)) {
		n = n<<8 | int64(b)
	}
	return n
}

// sized reads a text after its length, a number of that many bytes.
func (f *fields) sized(size int) string { return f.take(int(f.number(size))) }

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// damaged reports a stored record that cannot be read.
func damaged(err error) error {
	return fault.New(fault.Internal, "A record in the store cannot be read.").Because(err)
}

// splitRefusal splits the refusal of one operation as a unit's results have it:
// its code, its place, and its particulars.
func splitRefusal(text string) []string { return strings.Split(text, "\x00") }

// record is what a token's record holds.
type record struct {
	kind     store.RecordKind
	body     fields
	replayed bool
}

// parts splits lua/apply.lua's reply to one unit. What follows an answer's first
// letter may hold NULs of its own.
func parts(reply string) []string {
	status, rest, _ := strings.Cut(reply, "\x00")
	if status == "E" {
		return append([]string{status}, strings.Split(rest, "\x00")...)
	}
	return []string{status, rest}
}

// parse splits a mutation's reply. Errors are the script's refusals.
func parse(reply []string, token store.Token, refusal func(code string, op int, args []string) error) (record, error) {
	if len(reply) == 0 {
		return record{}, damaged(errors.New("an empty reply"))
	}
	if reply[0] == "E" && len(reply) >= 3 {
		op, _ := strconv.Atoi(reply[2])
		return record{}, refusal(reply[1], op, reply[3:])
	}
	head := 1 + 6 // kind, when
	if token.Keyed() {
		head += 4 + 32 // incarnation, fingerprint
	}
	if len(reply) < 2 || len(reply[1]) < head {
		return record{}, damaged(errors.New("a short record"))
	}
	return record{kind: store.RecordKind(reply[1][0]), body: fields{rest: reply[1][head:]}, replayed: reply[0] == "R"}, nil
}

// sessionRefusal turns the codes that every session script can answer with
// into faults.
func sessionRefusal(code string, _ int, args []string) error {
	num := func(i int) int64 {
		if i >= len(args) {
			return 0
		}
		n, _ := strconv.ParseInt(args[i], 10, 64)
		return n
	}
	switch code {
	case "missing":
		return store.NoSession()
	case "expired":
		return store.ExpiredSession()
	case "readonly":
		return store.FrozenSession()
	case "reused":
		return store.ReusedKey()
	case "session":
		return store.TakenSession()
	case "conflict":
		return store.WrongSessionVersion(num(0))
	case "labels":
		return store.TooManyLabels(num(0))
	case "bytes":
		return store.TooManyBytes(num(0), num(1))
	case "variables":
		return store.TooManyVariables(num(0), num(1))
	case "locked":
		return lockedOf(args)
	case "incomplete":
		return store.IncompleteUpload()
	default:
		return fault.New(fault.Internal, "The store answered with an unknown code.").Because(errors.New(code))
	}
}

// parseSession reads a session as lua/prelude.lua's cold.snapshot has it.
func parseSession(ref store.Ref, f *fields) (store.Session, error) {
	s := parseHead(ref, f)
	for f.more() {
		label := f.sized(4)
		s.Labels[label] = f.sized(4)
	}
	if f.err != nil {
		return store.Session{}, damaged(f.err)
	}
	return s, nil
}

// parseHead reads what lua/prelude.lua calls HEAD.
func parseHead(ref store.Ref, f *fields) store.Session {
	s := store.Session{Ref: ref, Labels: map[string]string{}}
	s.Expires = instant(f.number(6))
	s.TTL = time.Duration(f.number(6)) * time.Millisecond
	f.number(6) // until when Redis keeps it
	s.Created = instant(f.number(6))
	s.Seq, s.Commands = f.number(6), f.number(6)
	f.number(6) // bytes
	s.Variables, s.Version = f.number(4), f.number(4)
	s.ReadOnly = f.number(1) == 1
	s.Epoch = f.take(8)
	return s
}

// parseVariable reads what lua/prelude.lua calls RECORD, with its payload; an
// empty one is a variable that is not there.
func parseVariable(name, rec string) (store.Variable, error) {
	v := store.Variable{Name: name}
	if rec == "" {
		return v, nil
	}
	f := &fields{rest: rec}
	kind := f.take(3) // type, codec, flag
	v.Version, v.Created, v.Updated, v.By = f.number(6), instant(f.number(6)), instant(f.number(6)), f.sized(1)
	if f.err == nil && (kind[2] == '+' || kind[2] == 'K') {
		constraints, metadata := int(f.number(2)), int(f.number(2))
		v.Constraints, v.Metadata = f.take(constraints), f.take(metadata)
	}
	if f.err == nil && kind[0] == value.Tensor.Letter() {
		f.take(digestLen + 6)
	}
	if f.err != nil {
		return v, damaged(fmt.Errorf("the record of the variable %q: %w", name, f.err))
	}
	typ, ok := value.TypeOfLetter(kind[0])
	if !ok {
		return v, damaged(fmt.Errorf("the variable %q is of type %q", name, kind[:1]))
	}
	v.Value = value.Stored(typ, f.rest)
	return v, nil
}

// digestLen is how long a digest is in a record.
const digestLen = 32

// payloadOf returns what a record of lua/prelude.lua ends with.
func payloadOf(v value.Value) string {
	d, ok := v.Descriptor()
	if !ok {
		return v.JSON()
	}
	digest, _ := hex.DecodeString(d.Digest) // a descriptor's is well formed
	return string(appendNumber(digest, d.Bytes, 6)) + v.JSON()
}

// lockedOf reads the particulars of the refusal "locked": the variable's name,
// which may hold anything, the holder, and until when.
func lockedOf(args []string) error {
	n := len(args)
	if n < 3 {
		return damaged(errors.New("a lock without particulars"))
	}
	until, _ := strconv.ParseInt(args[n-1], 10, 64)
	return store.LockedVariable(strings.Join(args[:n-2], "\x00"), store.Lock{Holder: args[n-2], Expires: instant(until)})
}
