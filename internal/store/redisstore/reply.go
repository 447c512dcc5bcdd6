package redisstore

import (
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

// fields reads the body of a record: netstrings ("5:hello3:abc"), or what
// lua/apply.lua writes. The first error sticks.
type fields struct {
	rest string
	err  error
}

func (f *fields) more() bool { return f.err == nil && f.rest != "" }

func (f *fields) text() string {
	if f.err != nil {
		return ""
	}
	size, rest, ok := strings.Cut(f.rest, ":")
	n, err := strconv.Atoi(size)
	if !ok || err != nil || n < 0 || n > len(rest) {
		f.err = errTorn
		return ""
	}
	f.rest = rest[n:]
	return rest[:n]
}

func (f *fields) number() int64 {
	return f.asNumber(f.text())
}

func (f *fields) asNumber(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("a record in the store has %q for a number", text)
	}
	return n
}

// take reads the next n bytes.
func (f *fields) take(n int) string {
	if f.err == nil && n > len(f.rest) {
		f.err = errTorn
	}
	if f.err != nil {
		return ""
	}
	taken := f.rest[:n]
	f.rest = f.rest[n:]
	return taken
}

// until reads the bytes before the next end, and end.
func (f *fields) until(end byte) string {
	i := strings.IndexByte(f.rest, end)
	if f.err == nil && i < 0 {
		f.err = errTorn
	}
	if f.err != nil {
		return ""
	}
	taken := f.rest[:i]
	f.rest = f.rest[i+1:]
	return taken
}

// upTo reads the number before the next end, and end.
func (f *fields) upTo(end byte) int64 { return f.asNumber(f.until(end)) }

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// damaged reports a stored record that cannot be read.
func damaged(err error) error {
	return fault.New(fault.Internal, "A record in the store cannot be read.").Because(err)
}

// record is what a token's record holds.
type record struct {
	kind     store.RecordKind
	body     fields
	replayed bool
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
	head := 1 + 13
	if token.Keyed() {
		head += 6 + 32
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
	default:
		return fault.New(fault.Internal, "The store answered with an unknown code.").Because(errors.New(code))
	}
}

// parseSession reads a session hash.
func parseSession(ref store.Ref, f *fields) (store.Session, error) {
	s := store.Session{Ref: ref, Labels: map[string]string{}}
	for f.more() {
		name, v := f.text(), f.text()
		if label, ok := strings.CutPrefix(name, "l:"); ok {
			s.Labels[label] = v
			continue
		}
		setSessionField(&s, name, v, f)
	}
	if f.err != nil {
		return store.Session{}, damaged(f.err)
	}
	return s, nil
}

func setSessionField(s *store.Session, name, v string, f *fields) {
	if name == "ep" {
		s.Epoch = v
		return
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("session field %s is %q", name, v)
	}
	switch name {
	case "cr":
		s.Created = instant(n)
	case "exp":
		s.Expires = instant(n)
	case "ttl":
		s.TTL = time.Duration(n) * time.Millisecond
	case "ver":
		s.Version = n
	case "seq":
		s.Seq = n
	case "cc":
		s.Commands = n
	case "nv":
		s.Variables = n
	case "ro":
		s.ReadOnly = n == 1
	}
}

// parseVariable reads a variable's header and payload; an empty header is a
// variable that is not there.
func parseVariable(name, header, payload string) (store.Variable, error) {
	v := store.Variable{Name: name}
	if header == "" {
		return v, nil
	}
	f := &fields{rest: header}
	kind := f.take(3) // type, codec, flag
	v.Version, v.Created, v.Updated, v.By = f.upTo('|'), instant(f.upTo('|')), instant(f.upTo('|')), unescape(f.rest)
	if f.err != nil {
		return v, damaged(fmt.Errorf("variable header %q: %w", header, f.err))
	}
	typ, ok := value.TypeOfLetter(kind[0])
	if !ok {
		return v, damaged(fmt.Errorf("variable header %q", header))
	}
	v.Value = value.Stored(typ, payload)
	return v, nil
}
