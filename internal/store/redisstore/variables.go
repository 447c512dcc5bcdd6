package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"

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
		v, err := parseVariable(name, rest[2*i], rest[2*i+1])
		if err != nil {
			return store.Snapshot{}, err
		}
		if v.Version != 0 {
			snap.Variables[name] = v
		}
	}
	return snap, nil
}

// read runs the read script and returns the session, a header and a payload
// for each name, and the store's clock.
func (s *Store) read(ctx context.Context, ref store.Ref, names []string) (store.Session, []string, int64, error) {
	args := append(make([]string, 0, 2+len(names)), s.offset(), itoa(s.cfg.TombstoneTTL.Milliseconds()))
	args = append(args, names...)
	reply, err := s.query(ctx, s.scripts.read, sessionKeys(ref, store.Token{}), args)
	if err != nil {
		return store.Session{}, nil, 0, err
	}
	if len(reply) >= 2 && reply[0] == "E" {
		return store.Session{}, nil, 0, sessionRefusal(reply[1], 0, nil)
	}
	if len(reply) != 3+2*len(names) {
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

// head returns the arguments every mutating session script begins with.
func (s *Store) head(w store.Write, capacity int) []string {
	fingerprint, keep := "", store.MintedTTL
	if w.Token.Keyed() {
		fingerprint, keep = string(w.Fingerprint[:]), s.cfg.KeyTTL
	}
	args := make([]string, 0, 5+capacity)
	return append(args, s.offset(), w.Token.Bytes(), fingerprint, itoa(keep.Milliseconds()), itoa(s.cfg.TombstoneTTL.Milliseconds()))
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
	limits := s.cfg.Limits
	args := append(s.head(u.Write, 8+8*len(u.Ops)),
		string(rune(kind)), string(u.Memo), flag(u.Count), escape(u.By),
		itoa(limits.Variables), itoa(limits.SessionBytes), itoa(limits.Changes), strconv.Itoa(len(u.Ops)))
	script, ends := s.scripts.apply, false
	for _, o := range u.Ops {
		args = appendOp(args, o)
		if o.Kind == store.OpEnd {
			script, ends = s.scripts.end, true
		}
	}
	reply, err := s.mutate(ctx, u.Write, script, sessionKeys(ref, u.Token), args)
	if err != nil {
		return store.Applied{}, err
	}
	rec, err := parse(reply, u.Token, refusalOf(u.Ops))
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

// appendOp adds the eight arguments of one operation.
func appendOp(args []string, o store.Op) []string {
	typ, data := "", o.Value.JSON()
	switch o.Kind {
	case store.OpAdd:
		data = itoa(o.Delta)
	case store.OpPut, store.OpCreate, store.OpEnsure:
		typ = string(rune(o.Value.Type().Letter()))
	}
	return append(args, string(rune(o.Kind)), o.Name, optional(o.Version), typ, data, optional(o.Initial), optional(o.Min), optional(o.Max))
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
		At: instant(b.upTo('|')), Seq: b.upTo('|'), Commands: b.upTo('|'), Variables: b.upTo('|'), Created: instant(b.upTo('|')),
	}
	if memo := b.text(); memo != "" {
		a.Memo = []byte(memo)
	}
	for b.more() {
		sizes := b.take(resultSizes)
		if b.err != nil {
			break
		}
		existed := b.take(1) == "1"
		name := b.take(int(sizes[0]))
		header := b.take(int(sizes[1])<<8 | int(sizes[2]))
		payload := b.take(int(sizes[3])<<24 | int(sizes[4])<<16 | int(sizes[5])<<8 | int(sizes[6]))
		v, err := parseVariable(name, header, payload)
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

// resultSizes is how many bytes say how long the parts of a result are.
const resultSizes = 1 + 2 + 4

// Changes implements store.Events.
func (s *Store) Changes(ctx context.Context, ref store.Ref, after int64, limit int) ([]store.Change, error) {
	args := []string{s.offset(), itoa(s.cfg.TombstoneTTL.Milliseconds()), itoa(max(after, 0)), strconv.Itoa(limit)}
	reply, err := s.query(ctx, s.scripts.changes, sessionKeys(ref, store.Token{}), args)
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
	c := store.Change{Seq: seq, At: instant(f.upTo('|')), By: unescape(f.until('|'))}
	for f.more() {
		head := f.take(2) // the kind and how long the name is
		if f.err != nil {
			break
		}
		c.Items = append(c.Items, store.ChangeItem{Kind: store.ChangeKind(head[0]), Name: f.take(int(head[1])), Version: f.upTo('|')})
	}
	if f.err != nil {
		return store.Change{}, damaged(f.err)
	}
	return c, nil
}
