package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// testModel does random things to a store and to the model and requires that
// nobody can tell them apart.
func testModel(t *testing.T, open opener) {
	s := newSubject(t, open, store.Config{
		Limits: store.Limits{Variables: modelVariables, History: modelHistory}, TombstoneTTL: modelTombstone, KeyTTL: modelKeyTTL,
	})
	const rounds, enough = 5, 8 * time.Second
	start := time.Now()
	for range rounds {
		rapid.Check(t, func(rt *rapid.T) { runMachine(t.Context(), rt, s) })
		if testing.Short() || time.Since(start) > enough {
			break
		}
	}
}

// runMachine does random things to fresh sessions.
func runMachine(ctx context.Context, t *rapid.T, s *subject) {
	x := &machine{
		ctx: ctx,
		s:   &subject{Store: s.Store, clock: s.clock, owner: store.MintID()},
		m:   &model{lives: map[string]*life{}, records: map[recordKey]*record{}},
		ids: slices.Clone(modelIDs),
	}
	now, err := s.Now(x.ctx)
	if err != nil {
		t.Fatalf("now: %v", err)
	}
	x.start = now
	for _, id := range modelIDs[1:] {
		x.sendNew(t, id, creationRequest(store.NewSession{TTL: modelTTLs[2]}))
		x.sendNew(t, id, unitRequest(store.Unit{Ops: []store.Op{store.Put("a", number(1)), store.Put("b", text("x"))}}))
	}
	actions := map[string]func(*rapid.T){
		"touch":             x.touch,
		"update":            x.update,
		"remove":            x.remove,
		"fork":              x.fork,
		"draft":             x.draft,
		"finish":            x.finish,
		"repeat elsewhere":  x.repeatElsewhere,
		"repeat, differing": x.repeatDifferently,
		"advance":           x.advance,
		"list":              x.list,
	}
	for i := range 9 { // what is more interesting happens more often
		actions[fmt.Sprint("apply ", i)] = x.apply
		actions[fmt.Sprint("create ", i/3)] = x.create
		actions[fmt.Sprint("repeat ", i/3)] = x.repeat
	}
	t.Repeat(actions)
	for _, id := range x.ids {
		x.look(t, id)
	}
	x.list(t)
}

var (
	modelIDs    = []string{"one", "two", "three"}
	modelTTLs   = []time.Duration{250 * time.Second, 450 * time.Second, 950 * time.Second, 1550 * time.Second}
	modelNames  = []string{"a", "b", "c", "d", "e", "f"}
	modelLeases = []time.Duration{150 * time.Second, 350 * time.Second}
	modelValues = []value.Value{number(0), number(1), number(math.MaxInt64), number(math.MinInt64 + 1), text("x"), text("")}

	modelLockTokens = []string{"first", "first", "second", "first", ""}
)

// machine drives a store and the model.
type machine struct {
	ctx   context.Context // of the whole test
	s     *subject
	m     *model
	start time.Time // the store's clock when the model's was 0
	ids   []string  // of all sessions, forks included
	sent  []sending
	tags  []seenTag
}

// sending is a call together with where it went.
type sending struct {
	id string
	w  store.Write
	r  request
}

// seenTag is a tag that the store once told.
type seenTag struct {
	tag     string
	life    *life
	version int64
}

func (x *machine) ref(id string) store.Ref { return store.Ref{Owner: x.s.owner, ID: id} }

// send makes a call on both sides and compares the answers and what they left.
func (x *machine) send(t *rapid.T, c sending) {
	if _, sure := x.m.recall(c.id, c.w); !sure {
		t.Skip("whether the token is remembered is not said")
	}
	x.s.clock.Advance(2 * time.Millisecond) // for the order of the list
	want, wantReplayed, refused := x.m.do(c.id, c.w, c.r.call)
	got, replayed, err := c.r.send(x.ctx, x.s, x.ref(c.id), c.w)
	x.wantCode(t, err, refused)
	if err == nil {
		if unit, ok := want.(store.Applied); ok && unit.Seq == untold {
			want = tell(unit, got.(store.Applied))
		}
		x.wantEqual(t, "answer", got, want, butReplayed)
		if replayed != wantReplayed {
			t.Fatalf("replayed %v, want %v", replayed, wantReplayed)
		}
	}
	created, _ := want.(store.Created)
	if l, _ := x.m.alive(c.id); l != nil && (wantReplayed || created.Existing) {
		// Whether a repetition re-arms is not said, nor whether a creation does
		// that finds the session.
		x.rearm(t, c.id, l)
	}
	x.look(t, c.id)
}

// rearm re-arms a session on both sides.
func (x *machine) rearm(t *rapid.T, id string, l *life) {
	if _, err := x.s.Touch(x.ctx, x.ref(id), minted()); err != nil {
		t.Fatalf("touch: %v", err)
	}
	x.m.arm(l)
}

// tell fills in what the model does not tell.
func tell(unit, from store.Applied) store.Applied {
	unit.Seq, unit.Commands, unit.Variables = from.Seq, from.Commands, from.Variables
	return unit
}

// pick draws a session, mostly one that lives.
func (x *machine) pick(t *rapid.T) string {
	ids := x.ids
	if living := x.m.living(); len(living) > 0 && rapid.IntRange(0, 5).Draw(t, "any session") < 5 {
		ids = living
	}
	return rapid.SampledFrom(ids).Draw(t, "session")
}

// sendNew makes a call under a token that was never used and remembers it.
func (x *machine) sendNew(t *rapid.T, id string, r request) {
	c := sending{id: id, w: minted(), r: r}
	if rapid.Bool().Draw(t, "keyed") {
		c.w = keyed(fmt.Sprint("key ", len(x.sent)), "request")
	}
	c.w.By = rapid.SampledFrom([]string{"http", "tool"}).Draw(t, "writer")
	x.sent = append(x.sent, c)
	x.send(t, c)
}

func (x *machine) create(t *rapid.T) {
	x.sendNew(t, rapid.SampledFrom(modelIDs).Draw(t, "session"), creationRequest(store.NewSession{
		TTL:            rapid.SampledFrom(modelTTLs).Draw(t, "TTL"),
		Labels:         rapid.SampledFrom([]map[string]string{nil, {"a": "1"}, {"a": "1", "b": "2"}}).Draw(t, "labels"),
		ReturnExisting: rapid.Bool().Draw(t, "return existing"),
	}))
}

func (x *machine) touch(t *rapid.T) { x.sendNew(t, x.pick(t), touchRequest()) }

func (x *machine) update(t *rapid.T) {
	match, matches := x.drawMatch(t)
	u := store.SessionUpdate{
		Match:    match,
		Labels:   rapid.SampledFrom([]map[string]*string{nil, {"a": nil}, {"a": new("3"), "b": nil}, {"c": new("")}}).Draw(t, "labels"),
		ReadOnly: rapid.SampledFrom([]*bool{nil, nil, nil, new(true), new(false), new(false)}).Draw(t, "read-only"),
	}
	if rapid.Bool().Draw(t, "new TTL") {
		u.TTL = rapid.SampledFrom(modelTTLs).Draw(t, "TTL")
	}
	x.sendNew(t, x.pick(t), updateRequest(u, matches))
}

func (x *machine) remove(t *rapid.T) {
	match, matches := x.drawMatch(t)
	removal := store.SessionRemoval{Match: match, LockToken: rapid.SampledFrom(modelLockTokens).Draw(t, "lock token")}
	x.sendNew(t, x.pick(t), removalRequest(removal, matches))
}

// fork makes one more session, or one under a name that there was before.
func (x *machine) fork(t *rapid.T) {
	const most = 6 // sessions
	parent := x.pick(t)
	child := x.ref(parent).MintFork().ID
	if len(x.ids) == most || rapid.IntRange(0, 3).Draw(t, "known name") == 3 {
		child = rapid.SampledFrom(x.ids).Draw(t, "name")
	} else {
		x.ids = append(x.ids, child)
	}
	x.sendNew(t, child, forkRequest(x.ref(parent), store.NewSession{
		TTL:    rapid.SampledFrom([]time.Duration{0, 0, modelTTLs[1]}).Draw(t, "TTL"),
		Labels: rapid.SampledFrom([]map[string]string{nil, nil, {}, {"a": "4"}}).Draw(t, "labels"),
	}))
	if l, _ := x.m.alive(parent); l != nil {
		x.rearm(t, parent, l) // whether forking does is not said
	}
}

func (x *machine) apply(t *rapid.T) {
	id := x.pick(t)
	x.sendNew(t, id, unitRequest(x.drawUnit(t, id)))
}

func (x *machine) draft(t *rapid.T) {
	x.sendNew(t, x.pick(t), unitRequest(store.Unit{Kind: store.Draft, Count: true}))
}

// finish sends a unit under the token of a draft.
func (x *machine) finish(t *rapid.T) {
	drafts := slices.DeleteFunc(slices.Clone(x.sent), func(c sending) bool { return !c.r.draft })
	if len(drafts) == 0 {
		t.Skip("no draft yet")
	}
	c := rapid.SampledFrom(drafts).Draw(t, "draft")
	u := x.drawUnit(t, c.id)
	u.Count = true
	c.r = unitRequest(u)
	x.send(t, c)
}

func (x *machine) repeat(t *rapid.T) { x.send(t, x.drawSent(t)) }

func (x *machine) repeatElsewhere(t *rapid.T) {
	c := x.drawSent(t)
	c.id = rapid.SampledFrom(modelIDs).Draw(t, "session")
	x.send(t, c)
}

func (x *machine) repeatDifferently(t *rapid.T) {
	c := x.drawSent(t)
	c.w.Fingerprint[0]++
	x.send(t, c)
}

func (x *machine) drawSent(t *rapid.T) sending {
	if len(x.sent) == 0 {
		t.Skip("nothing to repeat yet")
	}
	newest := x.sent[max(0, len(x.sent)-8):]
	return rapid.SampledFrom(newest).Draw(t, "repeated")
}

func (x *machine) advance(t *rapid.T) {
	d := modelStep * rapid.SampledFrom([]time.Duration{1, 1, 1, 2, 4, 9}).Draw(t, "steps")
	x.s.clock.Advance(d)
	x.m.now += d
}

func (x *machine) list(t *rapid.T) {
	var got []store.Session
	limit := rapid.IntRange(1, 4).Draw(t, "limit")
	for cursor := ""; ; {
		page, err := x.s.List(x.ctx, x.s.owner, store.Page{Limit: limit, Cursor: cursor})
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		got = append(got, page.Items...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	var ids []string
	for _, session := range got {
		ids = append(ids, session.ID)
	}
	x.wantEqual(t, "list", ids, x.m.living())
	for _, session := range got {
		x.wantEqual(t, "listed session", session, x.m.lives[session.ID].session)
	}
}

// look compares all that can be seen of a session.
func (x *machine) look(t *rapid.T, id string) {
	l, refused := x.m.get(id)
	session, err := x.s.Get(x.ctx, x.ref(id))
	x.wantCode(t, err, refused)
	_, err = x.s.Changes(x.ctx, x.ref(id), 0, 1)
	x.wantCode(t, err, refused)
	snapshot, err := x.s.Read(x.ctx, x.ref(id), modelNames...)
	x.wantCode(t, err, refused)
	if l == nil {
		return
	}
	x.wantEqual(t, "session", session, l.session)
	if d := session.Expires.Sub(x.start) - l.expires; d.Abs() > margin {
		t.Fatalf("session %q expires %v later than it should", id, d)
	}
	x.wantEqual(t, "variables", snapshot.Variables, l.variables)
	for name, v := range l.variables {
		history, err := x.s.History(x.ctx, x.ref(id), name, 0, 2*modelHistory)
		x.wantCode(t, err, nil)
		x.wantEqual(t, "history", history, store.VersionPage{Items: append([]store.Variable{v}, l.past[name]...)})
	}
	usage, err := x.s.Usage(x.ctx, x.ref(id))
	x.wantCode(t, err, nil)
	if locks := x.m.countLocks(l); usage.Locks != locks || usage.Variables != l.session.Variables || usage.Changes != l.session.Seq {
		t.Fatalf("the usage is %+v, want %d locks", usage, locks)
	}
	changes, err := x.s.Changes(x.ctx, x.ref(id), 0, 1000)
	x.wantCode(t, err, nil)
	x.wantEqual(t, "changes", changes, l.changes)
	if snapshot.Commands != l.session.Commands {
		t.Fatalf("the snapshot tells %d commands, want %d", snapshot.Commands, l.session.Commands)
	}
	x.tags = append(x.tags, seenTag{session.Tag(), l, session.Version})
}

// onlyCodes looks at nothing of a refusal but its code, which is all that the
// model says.
var onlyCodes = cmp.Comparer(func(a, b *fault.Error) bool { return (a == nil) == (b == nil) && (a == nil || a.Code == b.Code) })

func (x *machine) wantCode(t *rapid.T, err error, refused []fault.Code) {
	got := fault.CodeOf(err)
	if err == nil && len(refused) == 0 || slices.Contains(refused, got) {
		return
	}
	t.Fatalf("got error %v, want one of %v", err, refused)
}

func (x *machine) wantEqual(t *rapid.T, what string, got, want any, opts ...cmp.Option) {
	if diff := cmp.Diff(want, got, append(opts, comparison, butIdentity, onlyCodes)...); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}
