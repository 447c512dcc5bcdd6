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

// fields reads a sequence of netstrings ("5:hello3:abc"), the format of every
// body a script returns. The first error sticks.
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
		f.err = errors.New("a record in the store is damaged")
		return ""
	}
	f.rest = rest[n:]
	return rest[:n]
}

func (f *fields) number() int64 {
	text := f.text()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("a record in the store has %q for a number", text)
	}
	return n
}

func (f *fields) instant() time.Time { return instant(f.number()) }

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
	part := strings.SplitN(header, "|", 4)
	if len(part) != 4 || len(part[0]) < 4 {
		return v, damaged(fmt.Errorf("variable header %q", header))
	}
	typ, ok := value.TypeOfLetter(part[0][0])
	version, err1 := strconv.ParseInt(part[0][3:], 10, 64)
	created, err2 := strconv.ParseInt(part[1], 10, 64)
	updated, err3 := strconv.ParseInt(part[2], 10, 64)
	if !ok || err1 != nil || err2 != nil || err3 != nil {
		return v, damaged(fmt.Errorf("variable header %q", header))
	}
	v.Value = value.Stored(typ, payload)
	v.Version, v.Created, v.Updated, v.By = version, instant(created), instant(updated), unescape(part[3])
	return v, nil
}
