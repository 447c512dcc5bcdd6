package storetest

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// lifetime is the TTL of sessions whose expiry does not matter to the test.
const lifetime = time.Hour

// subject is a store under test, with a clock and an owner that no other test
// has.
type subject struct {
	store.Store
	clock *Clock
	owner string
}

// newSubject opens a store with cfg, whose Offset it sets.
func newSubject(t *testing.T, open opener, cfg store.Config) *subject {
	t.Helper()
	clock := &Clock{}
	cfg.Offset = clock.Offset
	return &subject{Store: open(t, cfg), clock: clock, owner: newOwner(t)}
}

// newOwner returns an owner that nobody else has, and prints it if the test
// fails.
func newOwner(t *testing.T) string {
	t.Helper()
	owner := "owner-" + rand.Text()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the owner was %q", owner)
		}
	})
	return owner
}

// newRef names a session that does not exist yet.
func (s *subject) newRef() store.Ref { return store.Ref{Owner: s.owner, ID: store.MintID()} }

// create makes a session, with variables as ops make them.
func (s *subject) create(t *testing.T, ttl time.Duration, ops ...store.Op) store.Ref {
	t.Helper()
	ref := s.newRef()
	s.createAt(t, ref, ttl, ops...)
	return ref
}

// createAt is create under a given name.
func (s *subject) createAt(t *testing.T, ref store.Ref, ttl time.Duration, ops ...store.Op) store.Session {
	t.Helper()
	created, err := s.Create(t.Context(), ref, store.NewSession{Write: minted(), TTL: ttl})
	if err != nil {
		t.Fatalf("create session %q of %q: %v", ref.ID, ref.Owner, err)
	}
	if len(ops) > 0 {
		s.apply(t, ref, ops...)
	}
	return created.Session
}

// get returns a session that must be alive.
func (s *subject) get(t *testing.T, ref store.Ref) store.Session {
	t.Helper()
	session, err := s.Get(t.Context(), ref)
	if err != nil {
		t.Fatalf("get session %q of %q: %v", ref.ID, ref.Owner, err)
	}
	return session
}

// touch re-arms the expiry of a session that must be alive.
func (s *subject) touch(t *testing.T, ref store.Ref) store.Session {
	t.Helper()
	changed, err := s.Touch(t.Context(), ref, minted())
	if err != nil {
		t.Fatalf("touch session %q of %q: %v", ref.ID, ref.Owner, err)
	}
	return changed.Session
}

// remove deletes a session.
func (s *subject) remove(t *testing.T, ref store.Ref) {
	t.Helper()
	if _, err := s.Remove(t.Context(), ref, store.SessionRemoval{Write: minted()}); err != nil {
		t.Fatalf("remove session %q of %q: %v", ref.ID, ref.Owner, err)
	}
}

// freeze sets the read-only flag of a session.
func (s *subject) freeze(t *testing.T, ref store.Ref) {
	t.Helper()
	if _, err := s.Update(t.Context(), ref, store.SessionUpdate{Write: minted(), ReadOnly: new(true)}); err != nil {
		t.Fatalf("freeze session %q of %q: %v", ref.ID, ref.Owner, err)
	}
}

// apply applies ops, which must succeed, in one unit under a fresh token.
func (s *subject) apply(t *testing.T, ref store.Ref, ops ...store.Op) store.Applied {
	t.Helper()
	return s.applyUnit(t, ref, store.Unit{Write: minted(), Ops: ops})
}

// applyUnit applies a unit that must succeed.
func (s *subject) applyUnit(t *testing.T, ref store.Ref, u store.Unit) store.Applied {
	t.Helper()
	applied, err := s.Apply(t.Context(), ref, u)
	if err != nil {
		t.Fatalf("apply to session %q of %q: %v", ref.ID, ref.Owner, err)
	}
	if len(applied.Results) != len(u.Ops) {
		t.Fatalf("apply to session %q of %q: %d results for %d operations", ref.ID, ref.Owner, len(applied.Results), len(u.Ops))
	}
	return applied
}

// refuse applies ops, which must be refused with the code.
func (s *subject) refuse(t *testing.T, ref store.Ref, code fault.Code, ops ...store.Op) *fault.Error {
	t.Helper()
	_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Ops: ops})
	return wantCode(t, err, code)
}

// read returns variables of a session that must be alive.
func (s *subject) read(t *testing.T, ref store.Ref, names ...string) store.Snapshot {
	t.Helper()
	snapshot, err := s.Read(t.Context(), ref, names...)
	if err != nil {
		t.Fatalf("read from session %q of %q: %v", ref.ID, ref.Owner, err)
	}
	return snapshot
}

// integer returns the value of an integer variable.
func (s *subject) integer(t *testing.T, ref store.Ref, name string) int64 {
	t.Helper()
	v := s.read(t, ref, name).Variables[name]
	i, ok := v.Value.Int64()
	if !ok {
		t.Fatalf("variable %q is %q, want an integer", name, v.Value.JSON())
	}
	return i
}

// changes returns the change log of a session that must be alive.
func (s *subject) changes(t *testing.T, ref store.Ref) []store.Change {
	t.Helper()
	changes, err := s.Changes(t.Context(), ref, 0, 1000)
	if err != nil {
		t.Fatalf("changes of session %q of %q: %v", ref.ID, ref.Owner, err)
	}
	return changes
}

// now returns the store's clock.
func (s *subject) now(t *testing.T) time.Time {
	t.Helper()
	now, err := s.Now(t.Context())
	if err != nil {
		t.Fatalf("now: %v", err)
	}
	return now
}

// minted returns a write under a token that was never used.
func minted() store.Write {
	return store.Write{Token: store.MintToken(time.Now()), Fingerprint: sha256.Sum256([]byte("minted")), By: "storetest"}
}

// keyed returns a write under a client's key; request stands for what the
// client sent.
func keyed(key, request string) store.Write {
	return store.Write{Token: store.KeyedToken(key), Fingerprint: sha256.Sum256([]byte(request)), By: "storetest"}
}

// tokenKinds are the two ways to name a mutation; each call makes a new name.
var tokenKinds = []struct {
	name string
	make func() store.Write
}{
	{"keyed", func() store.Write { return keyed(rand.Text(), "request") }},
	{"minted", minted},
}

// wantCode requires err to be a fault of that code and returns it.
func wantCode(t *testing.T, err error, code fault.Code) *fault.Error {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != code {
		t.Fatalf("got error %v, want %s", err, code)
	}
	return f
}

// wantNoError requires err to be nil.
func wantNoError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("got error %v, want none", err)
	}
}

// wantEqual requires got to be want, as far as opts look.
func wantEqual(t *testing.T, what string, got, want any, opts ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, append(opts, comparison...)...); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// comparison is what go-cmp needs to know of the contract's types.
var comparison = cmp.Options{
	cmp.Comparer(func(a, b value.Value) bool { return a == b }),
	cmpopts.EquateEmpty(),
	cmpopts.IgnoreFields(fault.Error{}, "Err"), // the half that nobody is told
	cmpopts.SortSlices(func(a, b store.ChangeItem) bool { return a.Name < b.Name }),
}

// butReplayed looks at everything in an answer but whether it is the first.
var butReplayed = cmp.Options{
	cmpopts.IgnoreFields(store.Created{}, "Replayed"),
	cmpopts.IgnoreFields(store.Changed{}, "Replayed"),
	cmpopts.IgnoreFields(store.Removed{}, "Replayed"),
	cmpopts.IgnoreFields(store.Applied{}, "Replayed"),
	cmpopts.IgnoreFields(store.Remembered{}, "Replayed"),
}

// butIdentity looks at everything that two sessions with the same past have in
// common.
var butIdentity = cmp.Options{
	cmpopts.IgnoreFields(store.Session{}, "Ref", "Epoch", "Created", "Expires"),
	cmpopts.IgnoreFields(store.Variable{}, "Created", "Updated"),
	cmpopts.IgnoreFields(store.Applied{}, "At", "Epoch", "Created"),
	cmpopts.IgnoreFields(store.Change{}, "At"),
	cmpopts.IgnoreFields(store.Lock{}, "Expires"),
	cmpopts.IgnoreFields(fault.Facts{}, "Expires"),
}

// state is all that can be seen of a session.
type state struct {
	Code      fault.Code // why there is no session
	Session   store.Session
	Variables map[string]store.Variable
	Changes   []store.Change
}

// look returns the state of a session, of whose variables it knows the names.
func (s *subject) look(t *testing.T, ref store.Ref, names ...string) state {
	t.Helper()
	session, err := s.Get(t.Context(), ref)
	if err != nil {
		return state{Code: fault.CodeOf(err)}
	}
	return state{Session: session, Variables: s.read(t, ref, names...).Variables, Changes: s.changes(t, ref)}
}

// text is a string value.
func text(s string) value.Value { return value.Text(s) }

// number is an integer value.
func number(i int64) value.Value { return value.Int(i) }

// parsed is the value of a JSON text.
func parsed(t *testing.T, raw string) value.Value {
	t.Helper()
	v, _, found := value.Infer([]byte(raw))
	if found != nil {
		t.Fatalf("%.80s: %v", raw, found)
	}
	return v
}

// spelled returns n names that begin with prefix.
func spelled(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s%03d", prefix, i)
	}
	return names
}

// history returns versions of a variable that must be there.
func (s *subject) history(t *testing.T, ref store.Ref, name string, before int64, limit int) []store.Variable {
	t.Helper()
	var versions []store.Variable
	for {
		page, err := s.History(t.Context(), ref, name, before, limit-len(versions))
		if err != nil {
			t.Fatalf("history of %q in session %q of %q: %v", name, ref.ID, ref.Owner, err)
		}
		versions = append(versions, page.Items...)
		if before = page.Next; before == 0 || len(versions) >= limit {
			return versions
		}
	}
}

// usage measures a session that must be alive.
func (s *subject) usage(t *testing.T, ref store.Ref) store.Usage {
	t.Helper()
	usage, err := s.Usage(t.Context(), ref)
	if err != nil {
		t.Fatalf("usage of session %q of %q: %v", ref.ID, ref.Owner, err)
	}
	return usage
}
