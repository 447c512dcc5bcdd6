package storetest

import (
	"math"

	"pgregory.net/rapid"

	"toolpit/internal/store"
)

// drawMatch draws a precondition on a session, and how the model checks it.
func (x *machine) drawMatch(t *rapid.T) (store.Match, func(*life) bool) {
	switch rapid.IntRange(0, 5).Draw(t, "match") {
	case 4:
		return store.Match{Any: true}, func(*life) bool { return true }
	case 5:
		if len(x.tags) == 0 {
			break
		}
		seen := rapid.SliceOfN(rapid.SampledFrom(x.tags[max(0, len(x.tags)-6):]), 1, 2).Draw(t, "tags")
		var match store.Match
		for _, s := range seen {
			match.Tags = append(match.Tags, s.tag)
		}
		return match, func(l *life) bool {
			for _, s := range seen {
				if s.life == l && s.version == l.session.Version {
					return true
				}
			}
			return false
		}
	}
	return store.Match{}, func(*life) bool { return true }
}

// drawUnit draws a unit of up to four operations for a session.
func (x *machine) drawUnit(t *rapid.T, id string) store.Unit {
	u := store.Unit{
		Count: rapid.Bool().Draw(t, "count"),
		Memo:  rapid.SampledFrom([][]byte{nil, []byte("memo"), {0, 255}}).Draw(t, "memo"),
		Kind:  rapid.SampledFrom([]store.RecordKind{0, 0, store.Effect, store.Answer}).Draw(t, "kind"),
	}
	names := rapid.SliceOfNDistinct(rapid.SampledFrom(modelNames), 0, 4, rapid.ID[string]).Draw(t, "names")
	ends := rapid.IntRange(0, 29).Draw(t, "ends") == 7
	for _, name := range names {
		op := store.Load(name)
		if !ends {
			op = drawOp(t, name)
		}
		if op.Kind != store.OpEnsure && rapid.IntRange(0, 3).Draw(t, "versioned") == 3 {
			current := int64(0)
			if l, _ := x.m.alive(id); l != nil {
				current = l.variables[name].Version
			}
			op = op.IfVersion(rapid.SampledFrom([]int64{current, current, 0, 1, current + 1}).Draw(t, "version"))
		}
		u.Ops = append(u.Ops, op)
	}
	if ends {
		u.Ops = append(u.Ops, store.End())
	}
	return u
}

func drawOp(t *rapid.T, name string) store.Op {
	v := rapid.SampledFrom(modelValues).Draw(t, "value")
	switch rapid.SampledFrom([]store.OpKind{
		store.OpPut, store.OpPut, store.OpCreate, store.OpEnsure, store.OpAdd, store.OpAdd, store.OpDelete, store.OpLoad,
	}).Draw(t, "operation") {
	case store.OpPut:
		return store.Put(name, v)
	case store.OpCreate:
		return store.Create(name, v)
	case store.OpEnsure:
		return store.Ensure(name, v)
	case store.OpDelete:
		return store.Delete(name)
	case store.OpLoad:
		return store.Load(name)
	}
	add := store.Add(name, rapid.SampledFrom([]int64{1, 1, -1, 0, 3, math.MaxInt64, math.MinInt64}).Draw(t, "delta"))
	if rapid.Bool().Draw(t, "starting") {
		add = add.StartingAt(rapid.SampledFrom([]int64{0, 5, math.MaxInt64}).Draw(t, "start"))
	}
	if rapid.IntRange(0, 3).Draw(t, "bounded") == 3 {
		bounds := []*int64{nil, new(int64(-1)), new(int64(2)), new(int64(math.MaxInt64))}
		add = add.Within(rapid.SampledFrom(bounds[:3]).Draw(t, "min"), rapid.SampledFrom(bounds).Draw(t, "max"))
	}
	return add
}
