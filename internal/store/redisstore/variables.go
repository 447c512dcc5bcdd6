package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// Read implements store.Variables.
func (s *Store) Read(ctx context.Context, ref store.Ref, names ...string) (store.Snapshot, error) {
	if len(names) > store.MaxOps {
		return store.Snapshot{}, fault.Newf(fault.InvalidRequest, "At most %d variables can be read at once.", store.MaxOps)
	}
	session, rest, at, err := s.read(ctx, ref, names)
	if err != nil {
		return store.Snapshot{}, err
	}
	snap := store.Snapshot{Variables: make(map[string]store.Variable, len(names)), At: instant(at), Commands: session.Commands}
	for i, name := range names {
		v, err := parseVariable(name, rest[i])
		if err != nil {
			return store.Snapshot{}, err
		}
		if v.Version != 0 {
			snap.Variables[name] = v
		}
	}
	return snap, nil
}

// read runs the read script and returns the session, a record for each name,
// and the store's clock.
func (s *Store) read(ctx context.Context, ref store.Ref, names []string) (store.Session, []string, int64, error) {
	args := append(make([]string, 0, 1+len(names)), s.settings())
	args = append(args, names...)
	reply, err := s.query(ctx, s.scripts.read, sessionKeys(ref, 0), args)
	if err != nil {
		return store.Session{}, nil, 0, err
	}
	if len(reply) >= 2 && reply[0] == "E" {
		return store.Session{}, nil, 0, sessionRefusal(reply[1], 0, nil)
	}
	if len(reply) != 3+len(names) {
		return store.Session{}, nil, 0, damaged(fmt.Errorf("%d fields for %d names", len(reply), len(names)))
	}
	at, err := strconv.ParseInt(reply[1], 10, 64)
	if err != nil {
		return store.Session{}, nil, 0, damaged(err)
	}
	session, err := parseSession(ref, &fields{rest: reply[2]})
	return session, reply[3:], at, err
}

func (s *Store) offset() string { return itoa(s.cfg.Offset().Milliseconds()) }

// settings returns the argument that every session script begins with.
func (s *Store) settings() string {
	b := make([]byte, 0, 8+3*6)
	b = binary.BigEndian.AppendUint64(b, uint64(s.cfg.Offset().Milliseconds()))
	for _, d := range [...]time.Duration{s.cfg.TombstoneTTL, s.cfg.KeyTTL, store.MintedTTL} {
		b = appendNumber(b, d.Milliseconds(), 6)
	}
	return string(b)
}

// appendNumber appends the last size bytes of a number that is not negative.
func appendNumber(b []byte, n int64, size int) []byte {
	for i := size - 1; i >= 0; i-- {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

// head returns the arguments every mutating session script but apply begins with.
func (s *Store) head(w store.Write, capacity int) []string {
	return append(make([]string, 0, 3+capacity), s.settings(), w.Token.Bytes(), fingerprintOf(w))
}

// fingerprintOf returns what a session's answer to a token is compared by.
func fingerprintOf(w store.Write) string {
	if !w.Token.Keyed() {
		return ""
	}
	return string(w.Fingerprint[:])
}

// Apply implements store.Variables.
func (s *Store) Apply(ctx context.Context, ref store.Ref, u store.Unit) (store.Applied, error) {
	if err := u.Check(s.cfg.Limits); err != nil {
		return store.Applied{}, err
	}
	kind := u.Kind
	if kind == 0 {
		kind = store.Effect
	}
	const own = 5 // arguments that a unit begins with
	args := append(make([]string, 0, own+6*len(u.Ops)), u.Token.Bytes(), fingerprintOf(u.Write), "", string(u.Memo), u.By)
	script, ends := s.scripts.apply, false
	for _, o := range u.Ops {
		args = appendOp(args, o)
		if o.Kind == store.OpEnd {
			script, ends = s.scripts.end, true
		}
	}
	head := append(make([]byte, 0, 5), byte(kind), flag(u.Count)[0], byte(len(u.Ops)))
	args[2] = string(appendNumber(head, int64(len(args)), 2))
	cmd := command{script: script, args: args, replicas: s.confirmed(u.Write), unit: unitTarget{s, ref, minuteOf(u.Token)}}
	if ends {
		cmd.keys, cmd.unit = sessionKeys(ref, cmd.unit.minute), unitTarget{}
		cmd.args = append([]string{s.settings(), s.limits()}, args...)
	}
	reply, err := s.send(ctx, cmd, true)
	if err != nil {
		return store.Applied{}, err
	}
	if len(reply) != 1 {
		return store.Applied{}, damaged(fmt.Errorf("%d answers to one unit", len(reply)))
	}
	rec, err := parse(parts(reply[0]), u.Token, refusalOf(u.Ops))
	if err != nil {
		return store.Applied{}, err
	}
	if ends {
		s.hintRemoved(ctx, ref)
	}
	return parseApplied(rec)
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// limits returns what lua/apply.lua must know of the store's limits.
func (s *Store) limits() string {
	limits := s.cfg.Limits
	b := make([]byte, 0, 4+6+4)
	b = appendNumber(b, min(limits.Variables, math.MaxUint32), 4)
	b = appendNumber(b, limits.SessionBytes, 6)
	return string(appendNumber(b, min(limits.Changes, math.MaxUint32), 4))
}

// appendOp adds the arguments of one operation.
func appendOp(args []string, o store.Op) []string {
	typ := "-"
	switch o.Kind {
	case store.OpAdd:
		if o.Min == nil && o.Max == nil {
			return append(args, string(rune(o.Kind))+typ+optional(o.Version), o.Name, itoa(o.Delta), optional(o.Initial))
		}
		return append(args, "B"+typ+optional(o.Version), o.Name, itoa(o.Delta), optional(o.Initial), optional(o.Min), optional(o.Max))
	case store.OpPut, store.OpCreate, store.OpEnsure:
		typ = string(rune(o.Value.Type().Letter()))
		return append(args, string(rune(o.Kind))+typ+optional(o.Version), o.Name, o.Value.JSON())
	default:
		return append(args, string(rune(o.Kind))+typ+optional(o.Version), o.Name)
	}
}

func optional(n *int64) string {
	if n == nil {
		return ""
	}
	return itoa(*n)
}

// refusalOf returns the function that words the apply script's refusals.
func refusalOf(ops []store.Op) func(code string, op int, args []string) error {
	return func(code string, i int, args []string) error {
		if i < 1 || i > len(ops) {
			return sessionRefusal(code, i, args)
		}
		o := ops[i-1]
		switch code {
		case "conflict":
			current, _ := strconv.ParseInt(args[0], 10, 64)
			return store.WrongVersion(o.Name, current)
		case "type":
			return store.WrongType(o.Name, typeOf(args[0]), typeOf(args[1]))
		case "exists":
			return store.TakenVariable(o.Name)
		case "notfound":
			return store.NoVariable(o.Name)
		case "overflow":
			return store.Overflow(o)
		case "bounds":
			return store.OutOfBounds(o, args[0])
		default:
			return sessionRefusal(code, i, args)
		}
	}
}

func typeOf(letter string) value.Type {
	if len(letter) != 1 {
		return 0
	}
	t, _ := value.TypeOfLetter(letter[0])
	return t
}

// parseApplied reads the body that lua/apply.lua describes.
func parseApplied(rec record) (store.Applied, error) {
	b := &rec.body
	a := store.Applied{
		Kind: rec.kind, Replayed: rec.replayed,
		At: instant(b.number(6)), Seq: b.number(6), Commands: b.number(6), Variables: b.number(4), Created: instant(b.number(6)),
	}
	if memo := b.take(int(b.number(4))); memo != "" {
		a.Memo = []byte(memo)
	}
	for b.more() {
		name, header, payload := int(b.number(1)), int(b.number(1)), int(b.number(4))
		existed := b.take(1) == "1"
		v, err := parseVariable(b.take(name), b.take(header+payload))
		if err != nil {
			return store.Applied{}, err
		}
		a.Results = append(a.Results, store.Result{Variable: v, Existed: existed})
	}
	if b.err != nil {
		return store.Applied{}, damaged(b.err)
	}
	return a, nil
}

// Changes implements store.Events.
func (s *Store) Changes(ctx context.Context, ref store.Ref, after int64, limit int) ([]store.Change, error) {
	args := []string{s.settings(), itoa(max(after, 0)), strconv.Itoa(limit)}
	reply, err := s.query(ctx, s.scripts.changes, sessionKeys(ref, 0), args)
	if err != nil {
		return nil, err
	}
	if len(reply) >= 2 && reply[0] == "E" {
		return nil, sessionRefusal(reply[1], 0, nil)
	}
	if len(reply) < 2 {
		return nil, damaged(errors.New("a change log that does not say where it begins"))
	}
	first, err := strconv.ParseInt(reply[1], 10, 64)
	if err != nil {
		return nil, damaged(err)
	}
	var out []store.Change
	for i, entry := range reply[2:] {
		c, err := parseChange(first+int64(i), entry)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func parseChange(seq int64, entry string) (store.Change, error) {
	f := &fields{rest: entry}
	c := store.Change{Seq: seq, At: instant(f.number(6)), By: f.sized(1)}
	for f.more() {
		kind := f.take(1)
		item := store.ChangeItem{Name: f.sized(1), Version: f.number(6)}
		if f.err == nil {
			item.Kind = store.ChangeKind(kind[0])
			c.Items = append(c.Items, item)
		}
	}
	if f.err != nil {
		return store.Change{}, damaged(f.err)
	}
	return c, nil
}
