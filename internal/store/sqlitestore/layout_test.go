package sqlitestore_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/store"
	"toolpit/internal/value"
)

// century is for how long testdata/layout1.db remembers everything.
const century = 876_000 * time.Hour

// old returns a copy of the store of layout 1, and the fingerprint of each of
// its keys: only the server could compute them again.
func old(t *testing.T) (path string, write func(key string) store.Write) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "layout1.db"))
	if err != nil {
		t.Fatal(err)
	}
	path = filed(t)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	db := raw(t, path)
	return path, func(key string) store.Write {
		t.Helper()
		w := store.Write{Token: store.KeyedToken(key), By: "test"}
		const query = "SELECT fingerprint FROM tokens WHERE token = ?1 UNION SELECT fingerprint FROM answers WHERE token = ?1"
		var fingerprint []byte
		if err := db.QueryRowContext(t.Context(), query, []byte(w.Token.Bytes())).Scan(&fingerprint); err != nil {
			t.Fatalf("the key %q: %v", key, err)
		}
		copy(w.Fingerprint[:], fingerprint)
		return w
	}
}

func at(text string) time.Time {
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return moment
}

func TestAStoreOfLayout1KeepsWhatIsInIt(t *testing.T) {
	path, key := old(t)
	s := open(t, path, store.Config{KeyTTL: century, TombstoneTTL: century})
	ref := store.Ref{Owner: "default", ID: "numbers"}
	want := store.Session{
		Ref: ref, Epoch: "DCMCYIG5", Version: 1, TTL: century, Labels: map[string]string{"team": "blue", "purpose": "upgrade"},
		Created: at("2026-11-27T00:40:28.518Z"), Expires: at("2126-11-03T00:40:28.926Z"), Seq: 3, Commands: 4, Variables: 3,
	}
	got, err := s.Get(t.Context(), ref)
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("get: %v (-want +got):\n%s", err, cmp.Diff(want, got))
	}
	changes, err := s.Changes(t.Context(), ref, 1, 10)
	wantChanges := []store.Change{
		{Seq: 2, At: at("2026-11-27T00:40:28.778Z"), By: "set_counter", Items: []store.ChangeItem{{Kind: store.ValueChanged, Name: "counter", Version: 2}}},
		{Seq: 3, At: at("2026-11-27T00:40:28.873Z"), By: "increment_counter", Items: []store.ChangeItem{{Kind: store.ValueChanged, Name: "counter", Version: 3}}},
	}
	if err != nil || !cmp.Equal(wantChanges, changes) {
		t.Errorf("changes: %v (-want +got):\n%s", err, cmp.Diff(wantChanges, changes))
	}

	start, updated := at("2026-11-27T00:40:28.678Z"), at("2026-11-27T00:40:28.873Z")
	counter := store.Variable{Name: "counter", Value: value.Int(42), Version: 3, Created: start, Updated: updated, By: "increment_counter"}
	wantPage := store.VariablePage{Items: []store.Variable{
		counter,
		{
			Name: "session_metadata", Value: value.Stored(value.Map, `{"model":"ü","layers":[1,2.5]}`), Version: 1,
			Created: start, Updated: start, By: "init_session",
		},
		{
			Name: "session_start_time", Value: value.Stored(value.Float, "1.795740028678e+09"), Version: 1,
			Created: start, Updated: start, By: "init_session",
		},
	}}
	page, err := s.ListVariables(t.Context(), ref, store.VariableQuery{Limit: 10})
	if err != nil || !cmp.Equal(wantPage, page, same) {
		t.Errorf("variables: %v (-want +got):\n%s", err, cmp.Diff(wantPage, page, same))
	}
	history, err := s.History(t.Context(), ref, "counter", 0, 10)
	if err != nil || !cmp.Equal(store.VersionPage{Items: []store.Variable{counter}}, history, same) {
		t.Errorf("history: %+v, %v", history, err)
	}

	replayed := apply(t, s, ref, key("once"), store.Add("counter", 2))
	wantReplay := store.Applied{
		Results: []store.Result{{Variable: counter, Existed: true}}, Kind: store.Effect, Replayed: true, At: updated,
		Seq: 3, Commands: 3, Variables: 3, Created: got.Created,
	}
	if diff := cmp.Diff(wantReplay, replayed, same); diff != "" {
		t.Errorf("replay (-want +got):\n%s", diff)
	}
	if refused := apply(t, s, ref, key("refused")); refused.Kind != store.Answer || !refused.Replayed || len(refused.Memo) == 0 {
		t.Errorf("the answer that was a refusal is %+v", refused)
	}
	made, err := s.Create(t.Context(), ref, store.NewSession{Write: key("creation make"), TTL: time.Hour})
	if err != nil || !made.Replayed || made.Commands != 0 || !cmp.Equal(made.Labels, want.Labels) {
		t.Errorf("the creation is answered with %+v, %v", made, err)
	}
	if memo, found, err := s.Recall(t.Context(), "default", key("stateless")); string(memo) != `{"v":1,"result":{"result":5}}` || !found || err != nil {
		t.Errorf("recall: %q, %v, %v", memo, found, err)
	}
	ended := apply(t, s, store.Ref{Owner: "default", ID: "ended"}, key("end"))
	if !ended.Replayed || len(ended.Results) != 2 || !ended.Results[1].Existed {
		t.Errorf("the end is answered with %+v", ended)
	}
}

func TestAStoreOfLayout1GoesOn(t *testing.T) {
	path, _ := old(t)
	s := open(t, path, store.Config{KeyTTL: century, TombstoneTTL: century})
	db := raw(t, path)
	ref := store.Ref{Owner: "default", ID: "numbers"}
	before := number(t, db, "SELECT bytes FROM sessions WHERE id = 'numbers'")
	apply(t, s, ref, write(), store.Add("counter", 1), store.Patch("session_metadata", []byte(`{"required":["model"]}`), []byte(`{"k":1}`)))
	apply(t, s, ref, write(), store.Rollback("counter", 3))
	history, err := s.History(t.Context(), ref, "counter", 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var versions []int64
	for _, v := range history.Items {
		versions = append(versions, v.Version)
	}
	if !cmp.Equal(versions, []int64{5, 4, 3}) || history.Items[0].Value != value.Int(42) || history.Items[2].By != "increment_counter" {
		t.Errorf("the history is %+v", history)
	}
	const grown = int64(len(`{"required":["model"]}`) + len(`{"k":1}`) + len(`{"model":"ü","layers":[1,2.5]}`) + // session_metadata
		len("42") + len("43") + len(`{"rollback_from":3}`)) // counter
	if after := number(t, db, "SELECT bytes FROM sessions WHERE id = 'numbers'"); after != before+grown {
		t.Errorf("%d bytes are counted after %d, want %d more", after, before, grown)
	}
	apply(t, s, ref, write(), store.AcquireLock("counter", store.Lease{Token: "mine", TTL: time.Minute}))
	if _, err := s.Fork(t.Context(), ref, ref.MintFork(), store.NewSession{Write: write()}); err != nil {
		t.Error(err)
	}
	if got := number(t, db, "PRAGMA user_version"); got != 2 {
		t.Errorf("the file has layout %d, want 2", got)
	}
}
