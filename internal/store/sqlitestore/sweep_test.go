package sqlitestore_test

import (
	"database/sql"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"toolpit/internal/store"
	"toolpit/internal/store/sqlitestore"
	"toolpit/internal/value"
)

// sweepAll sweeps until a sweep finds nothing.
func sweepAll(t *testing.T, s *sqlitestore.Store) {
	t.Helper()
	for range 100 {
		swept, err := s.Sweep(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if swept == (store.Swept{}) {
			return
		}
	}
	t.Fatal("sweeping has no end")
}

func number(t *testing.T, db *sql.DB, query string) int64 {
	t.Helper()
	var n int64
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// fill gives a session far more rows than go with its end at once.
func fill(t *testing.T, s *sqlitestore.Store, ref store.Ref) {
	t.Helper()
	for i := range 6 {
		ops := make([]store.Op, store.MaxOps)
		for k := range ops {
			ops[k] = store.Put(fmt.Sprint("v", i, "/", k), value.Text("x"))
		}
		apply(t, s, ref, store.Write{Token: store.KeyedToken(fmt.Sprint(i)), By: "test"}, ops...)
	}
}

func TestNothingStaysBehind(t *testing.T) {
	var offset atomic.Int64
	path := filed(t)
	s := open(t, path, store.Config{Offset: func() time.Duration { return time.Duration(offset.Load()) }})
	db := raw(t, path)

	expired, ended, again := create(t, s, "expired"), create(t, s, "ended"), create(t, s, "again")
	for _, ref := range []store.Ref{expired, ended, again} {
		fill(t, s, ref)
	}
	apply(t, s, ended, write(), store.End())
	if _, err := s.Remove(t.Context(), again, store.SessionRemoval{Write: write()}); err != nil {
		t.Fatal(err)
	}
	create(t, s, again.ID)
	if _, err := s.Remove(t.Context(), store.Ref{Owner: "owner", ID: "never was"}, store.SessionRemoval{Write: write()}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remember(t.Context(), "owner", write(), []byte("answer")); err != nil {
		t.Fatal(err)
	}
	offset.Add(int64(90 * time.Minute)) // a tombstone's time is not over for what expired
	sweepAll(t, s)
	if n := number(t, db, "SELECT (SELECT count(*) FROM variables) + (SELECT count(*) FROM changes) + (SELECT count(*) FROM labels)"); n != 0 {
		t.Errorf("%d rows of sessions that are over were left by the sweep", n)
	}
	offset.Add(int64(48 * time.Hour))
	sweepAll(t, s)
	for _, table := range []string{"sessions", "graves", "variables", "changes", "labels", "tokens", "answers"} {
		if n := number(t, db, "SELECT count(*) FROM "+table); n != 0 {
			t.Errorf("%d rows stay in %s", n, table)
		}
	}
}

func TestBytesAreCountedAsTheyAre(t *testing.T) {
	var offset atomic.Int64
	path := filed(t)
	s := open(t, path, store.Config{KeyTTL: time.Minute, Offset: func() time.Duration { return time.Duration(offset.Load()) }})
	db := raw(t, path)
	ref := create(t, s, "id")
	check := func(when string) {
		t.Helper()
		got := number(t, db, "SELECT bytes FROM sessions")
		want := number(t, db, `
SELECT (SELECT coalesce(sum(length(name) + length(value) + 64), 0) FROM variables WHERE type <> '')
     + (SELECT coalesce(sum(length(record) + 64), 0) FROM tokens WHERE keyed)`)
		if got != want {
			t.Errorf("%s: %d bytes are counted, %d are there", when, got, want)
		}
	}
	keyed := func(key string) store.Write { return store.Write{Token: store.KeyedToken(key), By: "test"} }

	apply(t, s, ref, write(), store.Put("text", value.Text("long")), store.Put("n", value.Int(9)), store.Put("gone", value.Bool(true)))
	check("after the first unit")
	apply(t, s, ref, keyed("a"), store.Put("text", value.Text("longer")), store.Add("n", 1), store.Delete("gone"), store.Delete("none"))
	check("after a client's unit")
	for _, kind := range []store.RecordKind{store.Draft, store.Answer} {
		u := store.Unit{Write: keyed("b"), Kind: kind, Count: true}
		if kind == store.Answer {
			u.Memo = make([]byte, 100)
		}
		if _, err := s.Apply(t.Context(), ref, u); err != nil {
			t.Fatal(err)
		}
		check("after a draft and what follows")
	}
	if _, err := s.Touch(t.Context(), ref, keyed("c")); err != nil {
		t.Fatal(err)
	}
	check("after a touch")
	offset.Add(int64(2 * time.Minute))
	apply(t, s, ref, keyed("a"), store.Put("gone", value.Bool(false)))
	check("after a key that was used long ago")
	sweepAll(t, s)
	check("after a sweep")
	if n := number(t, db, "SELECT count(*) FROM tokens WHERE keyed"); n != 1 {
		t.Errorf("%d clients' records are left, want 1", n)
	}
}
