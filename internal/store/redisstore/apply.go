package redisstore

import (
	"context"
	"errors"
	"fmt"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// looks is how often a unit is made anew because a variable's type, constraints
// or version were not what it was made for.
const looks = 16

// Apply implements store.Variables.
//
// What a unit's operations make of their variables is decided here and not in
// the script, for the types and constraints that the variables have as far as
// is known: at first nothing is, and most variables are integers without
// constraints. The script refuses a unit that was made for something else, and
// it is made again for what is there.
func (s *Store) Apply(ctx context.Context, ref store.Ref, u store.Unit) (store.Applied, error) {
	if err := u.Check(s.cfg.Limits); err != nil {
		return store.Applied{}, err
	}
	if u.Kind == 0 {
		u.Kind = store.Effect
	}
	d := draft{Unit: u, limits: s.cfg.Limits}
	args, ready := d.arguments()
	ready = ready && !d.uploads()
	if ready {
		applied, err := s.apply(ctx, ref, &d, args)
		if !errors.Is(err, errOtherwise) {
			return applied, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	applied, err := s.applySlowly(limited, ref, &d, ready)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fault.New(fault.StoreUnavailable, "The store did not answer in time.").Retry(retryAfter) // what was sent was refused
	}
	return applied, err
}

// applySlowly applies a unit that needs more than one round trip; wrong tells
// that it was tried without a look at the variables.
func (s *Store) applySlowly(ctx context.Context, ref store.Ref, d *draft, wrong bool) (store.Applied, error) {
	var err error
	if wrong {
		if err = s.look(ctx, ref, d); err != nil {
			return store.Applied{}, err
		}
	}
	if d.broken, err = s.adoptAll(ctx, ref, d); err != nil {
		return store.Applied{}, err
	}
	for tries := 0; ; tries++ {
		args, complete := d.arguments()
		if !complete {
			if err := s.look(ctx, ref, d); err != nil {
				return store.Applied{}, err
			}
			d.last = tries >= looks
			args, _ = d.arguments()
		}
		applied, err := s.apply(ctx, ref, d, args)
		if !errors.Is(err, errOtherwise) {
			return applied, err
		}
		if tries > looks {
			return store.Applied{}, fault.New(fault.VersionConflict, "The variable changes all the time; try again.")
		}
		if err := s.look(ctx, ref, d); err != nil {
			return store.Applied{}, err
		}
	}
}

// apply sends a unit's arguments.
func (s *Store) apply(ctx context.Context, ref store.Ref, d *draft, args []string) (store.Applied, error) {
	cmd := command{script: s.scripts.apply, args: args, replicas: s.confirmed(d.Write), unit: unitTarget{s, ref, minuteOf(d.Token)}}
	ends := len(d.Ops) > 0 && d.Ops[len(d.Ops)-1].Kind == store.OpEnd
	if ends {
		cmd.script, cmd.keys, cmd.unit = s.scripts.end, sessionKeys(ref, cmd.unit.minute), unitTarget{}
		cmd.args = append([]string{s.settings(), s.limits()}, args...)
	}
	reply, err := s.send(ctx, cmd, true)
	if err != nil {
		return store.Applied{}, err
	}
	if len(reply) != 1 {
		return store.Applied{}, damaged(fmt.Errorf("%d answers to one unit", len(reply)))
	}
	split := parts(reply[0])
	rec, err := parse(split, d.Token, d.refusal)
	if err != nil {
		return store.Applied{}, err
	}
	if ends || split[0] == "F" {
		s.hintSoon(ctx, ref) // there may be blobs to release
	}
	s.useUp(ctx, ref, d.Ops)
	return parseApplied(rec)
}

// look finds out what the variables are that a unit is about.
func (s *Store) look(ctx context.Context, ref store.Ref, d *draft) error {
	args := make([]string, 0, 2*len(d.Ops))
	for _, o := range d.Ops {
		want := ""
		if o.Kind == store.OpRollback {
			want = "v" + itoa(o.Target)
		}
		args = append(args, o.Name, want)
	}
	found, err := s.past(ctx, ref, args)
	switch {
	case errors.Is(err, fault.SessionNotFound), errors.Is(err, fault.SessionExpired):
		d.gone = err // whether the token is known is not yet said
	case err != nil:
		return err
	}
	d.known = make([]known, len(d.Ops))
	for i := range found {
		d.known[i].now = found[i].now
		switch {
		case len(found[i].old) == 1:
			d.known[i].then = &found[i].old[0]
		case d.Ops[i].Kind == store.OpRollback && found[i].now.Version == d.Ops[i].Target:
			d.known[i].then = &found[i].now
		}
	}
	return nil
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
	if b.more() && b.rest[0] == 0xff {
		b.take(1)
		a.Epoch = b.take(8)
	}
	for b.more() {
		r, err := parseResult(b)
		if err != nil {
			return store.Applied{}, err
		}
		a.Results = append(a.Results, r)
	}
	if b.err != nil {
		return store.Applied{}, damaged(b.err)
	}
	return a, nil
}

func parseResult(b *fields) (store.Result, error) {
	name, header, payload := int(b.number(1)), int(b.number(1)), int(b.number(4))
	became := b.take(1)
	r := store.Result{Existed: became == "1" || became == "K"}
	named := b.take(name)
	if became == "!" {
		refusal := splitRefusal(b.take(payload))
		if len(refusal) < 2 {
			return r, damaged(errors.New("a refusal that does not say why"))
		}
		r.Name, r.Refused = named, fault.From(opRefusal(named, refusal[0], refusal[2:]))
		return r, nil
	}
	var err error
	if r.Variable, err = parseVariable(named, b.take(header+payload)); err != nil {
		return r, err
	}
	if became == "K" {
		lock := &fields{rest: b.sized(2)}
		r.Lock = &store.Lock{Expires: instant(lock.number(6)), Fence: lock.number(6), Token: lock.sized(1), Holder: lock.sized(1)}
		if lock.err != nil {
			return r, damaged(lock.err)
		}
	}
	return r, nil
}
