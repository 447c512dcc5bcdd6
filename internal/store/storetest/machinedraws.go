package storetest

import (
	"math"

	"pgregory.net/rapid"

	"toolpit/internal/store"
	"toolpit/internal/value"
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

		LockToken: rapid.SampledFrom(modelLockTokens).Draw(t, "lock token"),
	}
	names := rapid.Permutation(modelNames).Draw(t, "names")[:rapid.IntRange(1, 4).Draw(t, "operations")]
	ends := rapid.IntRange(0, 29).Draw(t, "ends") == 7
	u.Each = !ends && rapid.Bool().Draw(t, "each")
	for _, name := range names {
		current, kinds := int64(0), modelKinds
		if l, _ := x.m.alive(id); l != nil {
			current = l.variables[name].Version
			if _, held := x.m.held(l, name); held {
				kinds = modelLockedKinds
			}
		}
		op := store.Load(name)
		if !ends {
			op = drawOp(t, rapid.SampledFrom(kinds).Draw(t, "operation"), name, current)
		}
		if op.Kind != store.OpEnsure && rapid.IntRange(0, 3).Draw(t, "versioned") == 3 {
			op = op.IfVersion(rapid.SampledFrom([]int64{current, current, 0, 1, current + 1}).Draw(t, "version"))
		}
		u.Ops = append(u.Ops, op)
	}
	if ends {
		u.Ops = append(u.Ops, store.End())
	}
	return u
}

// modelKinds are the operations that are drawn, and modelLockedKinds those for a
// variable that is locked. What is further in front is drawn more often.
var (
	modelKinds = []store.OpKind{
		store.OpPut, store.OpLock, store.OpPut, store.OpPatch, store.OpRollback, store.OpAdd, store.OpPut, store.OpCreate, store.OpPatch,
		store.OpAdd, store.OpDelete, store.OpReplace, store.OpEnsure, store.OpUnlock, store.OpLoad,
	}
	modelLockedKinds = []store.OpKind{
		store.OpUnlock, store.OpLock, store.OpPut, store.OpPatch, store.OpAdd, store.OpDelete, store.OpRollback, store.OpReplace,
		store.OpEnsure, store.OpLoad,
	}
)

func drawOp(t *rapid.T, kind store.OpKind, name string, current int64) store.Op {
	switch kind {
	case store.OpPut:
		return store.PutContent(name, drawContent(t))
	case store.OpCreate:
		return store.CreateContent(name, drawContent(t))
	case store.OpReplace:
		return store.Replace(name, drawContent(t))
	case store.OpEnsure:
		return store.Ensure(name, rapid.SampledFrom(modelValues).Draw(t, "value"))
	case store.OpPatch:
		return store.Patch(name, drawJSON(t, "patch of constraints", "", `{"max":1}`, `{"max":null}`, `{"min":0,"max":5}`, `{"min":null}`, `{"x":1}`),
			drawJSON(t, "patch of metadata", "", `{"k":2,"j":{"x":1}}`, `{"k":null}`, `{"j":{"x":null}}`, `[]`))
	case store.OpRollback:
		return store.Rollback(name, current-rapid.Int64Range(-1, modelHistory).Draw(t, "back"))
	case store.OpLock:
		return store.AcquireLock(name, store.Lease{
			Token: rapid.SampledFrom(modelLockTokens[:4]).Draw(t, "lock"), Holder: rapid.SampledFrom([]string{"", "me"}).Draw(t, "holder"),
			Keep: rapid.Bool().Draw(t, "keep"),
			TTL:  rapid.SampledFrom(modelLeases).Draw(t, "lease"),
		})
	case store.OpUnlock:
		return store.ReleaseLock(name)
	case store.OpDelete:
		return store.Delete(name)
	case store.OpAdd:
		return drawAdd(t, name)
	default:
		return store.Load(name)
	}
}

// drawContent draws what a variable is given.
func drawContent(t *rapid.T) store.Content {
	c := store.Content{
		Constraints: drawJSON(t, "constraints", "", "", "", "", `{"max":3}`, "{}", `{"max":"3"}`),
		Metadata:    drawJSON(t, "metadata", "", "", "{}", `{"k":1}`),
	}
	if c.JSON = drawJSON(t, "JSON", "", "", "2", "7", "2.5", `"y"`, "[1]", "null"); c.JSON == nil {
		c.Value = rapid.SampledFrom(modelValues).Draw(t, "value")
	} else {
		c.Type = rapid.SampledFrom([]value.Type{0, 0, value.Integer, value.Float}).Draw(t, "type")
	}
	return c
}

// drawJSON draws one of some texts; "" stands for none.
func drawJSON(t *rapid.T, what string, texts ...string) []byte {
	return given(rapid.SampledFrom(texts).Draw(t, what))
}

func drawAdd(t *rapid.T, name string) store.Op {
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
