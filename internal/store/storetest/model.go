package storetest

import (
	"maps"
	"slices"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// The model's configuration. Its clock moves in steps of 100 seconds and none
// of these is a multiple, so that no instant is met to the second.
const (
	modelStep      = 100 * time.Second
	modelTombstone = 320 * time.Second
	modelKeyTTL    = 1050 * time.Second
	modelMinted    = 350 * time.Second // a minted token is certainly remembered so long
	modelVariables = 4
	modelHistory   = 3
)

// model is what the contract says, without a store: the sessions of one owner
// and the records of their tokens.
type model struct {
	now     time.Duration
	lives   map[string]*life // the latest of each id
	order   []string         // ids, by the creation of their latest life
	records map[recordKey]*record
}

// life is one incarnation of a session.
type life struct {
	session   store.Session // without identity and times
	variables map[string]store.Variable
	past      map[string][]store.Variable // what the history has beside the variables, newest first
	versions  map[string]int64            // of living and deleted variables
	locks     map[string]modelLock        // by variable, those that are over included
	changes   []store.Change
	expires   time.Duration // when it is or will be over
	ended     bool          // by a removal or a unit
	vague     bool          // removed after it had expired: that is no longer certain to be told
}

type recordKey struct{ id, token string }

// record is what a token was answered.
type record struct {
	since, at   time.Duration // first written, last written
	life        *life         // nil: there was no session
	keyed       bool
	fingerprint [32]byte
	draft       bool
	answer      any
}

// call is a mutation as the model knows it.
type call struct {
	draft bool
	model func(m *model, id string, w store.Write, resumed bool) (answer any, refused []fault.Code)
}

// do makes a call and returns its answer, or the codes of which it must be
// refused with one.
func (m *model) do(id string, w store.Write, c call) (answer any, replayed bool, refused []fault.Code) {
	rec, _ := m.recall(id, w)
	resumed := false
	if rec != nil {
		if rec.keyed && rec.fingerprint != w.Fingerprint {
			return nil, false, []fault.Code{fault.IdempotencyKeyReused}
		}
		if resumed = rec.draft && !c.draft; !resumed {
			return rec.answer, true, nil
		}
	}
	before := m.lives[id]
	answer, refused = c.model(m, id, w, resumed)
	if len(refused) > 0 {
		return nil, false, refused
	}
	next := &record{since: m.now, at: m.now, keyed: w.Token.Keyed(), fingerprint: w.Fingerprint, draft: c.draft, answer: answer}
	if resumed {
		next.since = rec.since
	}
	if next.life = m.lives[id]; next.life == before && before != nil && before.expires < m.now {
		next.life = nil // it did not concern that life any more
	}
	m.records[recordKey{id, w.Token.Bytes()}] = next
	return answer, false, nil
}

// recall returns the record of a token, nil if there is none; sure is false
// when the contract leaves open whether it is still there.
func (m *model) recall(id string, w store.Write) (rec *record, sure bool) {
	rec = m.records[recordKey{id, w.Token.Bytes()}]
	if rec == nil || rec.keyed && m.now >= rec.at+modelKeyTTL {
		return nil, true
	}
	gone := rec.at
	if rec.life != nil {
		gone = rec.life.expires
	}
	if m.now >= gone+modelTombstone || rec.keyed && m.now >= rec.since+modelKeyTTL || !rec.keyed && m.now >= rec.since+modelMinted {
		return nil, false
	}
	return rec, true
}

// alive returns the living session, or why there is none.
func (m *model) alive(id string) (*life, []fault.Code) {
	l := m.lives[id]
	switch {
	case l == nil || l.ended || m.now >= l.expires+modelTombstone:
		return nil, []fault.Code{fault.SessionNotFound}
	case m.now < l.expires:
		return l, nil
	case l.vague:
		return nil, []fault.Code{fault.SessionExpired, fault.SessionNotFound}
	default:
		return nil, []fault.Code{fault.SessionExpired}
	}
}

// arm lets the life last for its whole TTL from now on.
func (m *model) arm(l *life) { l.expires = m.now + l.session.TTL }

// end ends the life now.
func (m *model) end(l *life) { l.ended, l.expires = true, m.now }

func (m *model) create(id string, s store.NewSession) (any, []fault.Code) {
	if l, _ := m.alive(id); l != nil {
		if !s.ReturnExisting {
			return nil, []fault.Code{fault.SessionExists}
		}
		return store.Created{Session: l.session, Existing: true}, nil
	}
	l := newLife(store.Session{Version: 1, TTL: s.TTL, Labels: maps.Clone(s.Labels)})
	m.begin(id, l)
	return store.Created{Session: l.session}, nil
}

func newLife(session store.Session) *life {
	return &life{
		session: session, variables: map[string]store.Variable{}, past: map[string][]store.Variable{},
		versions: map[string]int64{}, locks: map[string]modelLock{},
	}
}

// begin lets a life begin now.
func (m *model) begin(id string, l *life) {
	m.arm(l)
	m.lives[id] = l
	m.order = append(slices.DeleteFunc(m.order, func(other string) bool { return other == id }), id)
}

// fork makes a session of what another holds.
func (m *model) fork(parent, child string, n store.NewSession) (any, []fault.Code) {
	p, refused := m.alive(parent)
	if taken, _ := m.alive(child); taken != nil {
		refused = append(slices.Clone(refused), fault.SessionExists)
	}
	if len(refused) > 0 {
		return nil, refused // which of them is not said
	}
	l := newLife(store.Session{Version: 1, TTL: n.TTL, Labels: maps.Clone(n.Labels), Variables: p.session.Variables})
	if n.TTL == 0 {
		l.session.TTL = p.session.TTL
	}
	if n.Labels == nil {
		l.session.Labels = maps.Clone(p.session.Labels)
	}
	for name, v := range p.variables {
		l.variables[name], l.versions[name], l.past[name] = v, v.Version, slices.Clone(p.past[name])
	}
	m.begin(child, l)
	return store.Created{Session: l.session}, nil
}

// get reads a session, which may re-arm it.
func (m *model) get(id string) (*life, []fault.Code) {
	l, refused := m.alive(id)
	if l != nil && l.expires-m.now < l.session.TTL*9/10 {
		m.arm(l)
	}
	return l, refused
}

func (m *model) touch(id string) (any, []fault.Code) {
	l, refused := m.alive(id)
	if l == nil {
		return nil, refused
	}
	m.arm(l)
	return store.Changed{Session: l.session}, nil
}

func (m *model) update(id string, u store.SessionUpdate, matches func(*life) bool) (any, []fault.Code) {
	l, refused := m.alive(id)
	switch {
	case l == nil:
		return nil, refused
	case l.session.ReadOnly && (u.ReadOnly == nil || *u.ReadOnly):
		return nil, []fault.Code{fault.SessionReadOnly}
	case !matches(l):
		return nil, []fault.Code{fault.VersionConflict}
	}
	l.session.Version++
	if u.TTL != 0 {
		l.session.TTL = u.TTL
	}
	if u.ReadOnly != nil {
		l.session.ReadOnly = *u.ReadOnly
	}
	l.session.Labels = maps.Clone(l.session.Labels)
	for name, label := range u.Labels {
		if label == nil {
			delete(l.session.Labels, name)
			continue
		}
		if l.session.Labels == nil {
			l.session.Labels = map[string]string{}
		}
		l.session.Labels[name] = *label
	}
	m.arm(l)
	return store.Changed{Session: l.session}, nil
}

func (m *model) remove(id string, r store.SessionRemoval, matches func(*life) bool) (any, []fault.Code) {
	l, _ := m.alive(id)
	switch {
	case l == nil && r.Match.Given():
		return nil, []fault.Code{fault.VersionConflict}
	case l == nil:
		if gone := m.lives[id]; gone != nil {
			gone.vague = true
		}
		return store.Removed{}, nil
	case l.session.ReadOnly:
		return nil, []fault.Code{fault.SessionReadOnly}
	case !matches(l):
		return nil, []fault.Code{fault.VersionConflict}
	case m.locked(l, r.LockToken):
		return nil, []fault.Code{fault.VariableLocked}
	}
	m.end(l)
	return store.Removed{Existed: true}, nil
}

// living returns the ids of living sessions in the order of their creation.
func (m *model) living() []string {
	return slices.DeleteFunc(slices.Clone(m.order), func(id string) bool {
		l, _ := m.alive(id)
		return l == nil
	})
}
