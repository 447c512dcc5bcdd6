package sqlitestore_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
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
		apply(t, s, ref, write(), ops...) // and a history
	}
	apply(t, s, ref, write(), store.AcquireLock("v0/0", store.Lease{Token: "token", TTL: time.Millisecond}))
	for i := range 3 {
		apply(t, s, ref, write(), tensor(t, s, ref, fmt.Sprint("t", i), store.ChunkSize+i))
	}
	if err := s.Stage(t.Context(), ref, store.Upload{ID: "forgotten", Bytes: 3}, 0, []byte("abc")); err != nil {
		t.Fatal(err)
	}
}

// tensor stages so many bytes and returns what puts them under a name.
func tensor(t *testing.T, s *sqlitestore.Store, ref store.Ref, name string, size int) store.Op {
	t.Helper()
	data := bytes.Repeat([]byte(name), size)[:size]
	sum := sha256.Sum256(data)
	d := value.Descriptor{
		Dtype: value.U8, Shape: []int64{int64(size)}, Order: value.RowMajor, Bytes: int64(size), Digest: hex.EncodeToString(sum[:]),
	}
	v, err := d.Value()
	if err != nil {
		t.Fatal(err)
	}
	u := store.Upload{ID: rand.Text(), Bytes: int64(size)}
	index := int64(0)
	for chunk := range slices.Chunk(data, store.ChunkSize) {
		if err := s.Stage(t.Context(), ref, u, index, chunk); err != nil {
			t.Fatal(err)
		}
		index++
	}
	return store.PutContent(name, store.Content{Value: v, Upload: &u})
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
	for _, table := range []string{"variables", "history", "changes", "labels", "locks", "refs", "uploads", "waste"} {
		if n := number(t, db, "SELECT count(*) FROM "+table); n != 0 {
			t.Errorf("%d rows of sessions that are over were left in %s by the sweep", n, table)
		}
	}
	if n := number(t, db, "SELECT count(*) FROM blobs WHERE idle IS NULL OR sessions <> 0"); n != 0 {
		t.Errorf("%d blobs are not idle", n)
	}
	offset.Add(int64(48 * time.Hour))
	sweepAll(t, s)
	for _, table := range []string{"sessions", "graves", "variables", "changes", "labels", "tokens", "answers", "history", "locks", "refs", "blobs", "chunks", "uploads", "waste"} {
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
SELECT (SELECT coalesce(sum(length(name) + length(value) + length(constraints) + length(metadata) + 64), 0) FROM variables WHERE type <> '')
     + (SELECT coalesce(sum(length(value) + length(metadata)), 0) FROM history)
     + (SELECT coalesce(sum(bytes), 0) FROM blobs WHERE sessions > 0)
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

func TestBytesOfTypedStateAreCountedAsTheyAre(t *testing.T) {
	path := filed(t)
	s := open(t, path, store.Config{Limits: store.Limits{History: 3, HistoryBytes: 3000}})
	db := raw(t, path)
	ref := create(t, s, "id")
	check := func(when string) {
		t.Helper()
		usage, err := s.Usage(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		const rows = `
SELECT (SELECT coalesce(sum(octet_length(name) + octet_length(value) + octet_length(constraints) + octet_length(metadata) + 64), 0)
    FROM variables WHERE body = 1 AND type <> '')
  + (SELECT coalesce(sum(octet_length(value) + octet_length(metadata)), 0) FROM history WHERE body = 1)`
		const blobs = "SELECT coalesce(sum(bytes), 0) FROM blobs WHERE blob IN (SELECT blob FROM refs WHERE body = 1)"
		const weights = `
SELECT count(*) FROM variables v WHERE type <> '' AND weight <> (
  SELECT coalesce(sum(weight), 0) FROM history h WHERE h.body = v.body AND h.name = v.name)`
		const uses = `
SELECT count(*) FROM refs r WHERE uses <> (
  SELECT (SELECT count(*) FROM variables v WHERE v.body = r.body AND instr(v.value, b.digest) > 0)
       + (SELECT count(*) FROM history h WHERE h.body = r.body AND instr(h.value, b.digest) > 0) FROM blobs b WHERE b.blob = r.blob)`
		if held := number(t, db, blobs); usage.BlobBytes != held || usage.Bytes != number(t, db, rows)+held {
			t.Errorf("%s: usage %+v, but there are %d and %d bytes of blobs", when, usage, number(t, db, rows), held)
		}
		for what, query := range map[string]string{"weights": weights, "uses": uses} {
			if n := number(t, db, query); n != 0 {
				t.Errorf("%s: %d wrong %s", when, n, what)
			}
		}
	}

	for i := range 6 {
		metadata := []byte(`{"k":"` + strings.Repeat("m", 100*i) + `"}`)
		apply(t, s, ref, write(), store.PutContent("ü", store.Content{Value: value.Text(strings.Repeat("ü", 200*i)), Metadata: metadata}))
		check("a text")
	}
	for range 40 {
		apply(t, s, ref, write(), store.Add("counter", 1).StartingAt(0))
	}
	check("a counter")
	if n := number(t, db, "SELECT count(*) FROM history WHERE name = 'counter'"); n > 20 {
		t.Errorf("%d old versions of a counter are kept where 2 can be seen", n)
	}
	for i := range 6 {
		op := tensor(t, s, ref, "same", 1000+i/2)
		apply(t, s, ref, write(), op)
		check("a tensor")
	}
	other := tensor(t, s, ref, "other", 2900)
	apply(t, s, ref, write(), other, store.Put("n", value.Int(-5)), store.Ensure("n2", value.Bool(true)))
	check("another tensor")
	again := other
	again.Upload = nil
	again.Name = "a second name"
	apply(t, s, ref, write(), again)
	check("the same bytes twice")
	apply(t, s, ref, write(), store.Rollback("same", 5), store.Patch("other", []byte(`{"dtype":"u8"}`), []byte(`{"k":1}`)))
	check("a rollback and a patch")
	const idle = "SELECT count(*) FROM blobs WHERE sessions = 0"
	before := number(t, db, idle)
	child := ref.MintFork()
	if _, err := s.Fork(t.Context(), ref, child, store.NewSession{Write: write()}); err != nil {
		t.Fatal(err)
	}
	inChild, err := s.Usage(t.Context(), child)
	if err != nil {
		t.Fatal(err)
	}
	inParent, err := s.Usage(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if inChild.Bytes != inParent.Bytes || inChild.BlobBytes != inParent.BlobBytes || inChild.Variables != inParent.Variables {
		t.Errorf("the fork has %+v, its parent %+v", inChild, inParent)
	}
	apply(t, s, ref, write(), store.Delete("same"), store.Delete("ü"))
	check("a deletion")
	apply(t, s, ref, write(), store.Delete("other"), store.Delete("a second name"))
	check("more of them")
	if after := number(t, db, idle); after != before {
		t.Errorf("%d blobs of the fork are given up", after-before)
	}
	if _, err := s.Remove(t.Context(), child, store.SessionRemoval{Write: write()}); err != nil {
		t.Fatal(err)
	}
	if n := number(t, db, "SELECT count(*) FROM blobs WHERE sessions > 0 OR idle IS NULL"); n != 0 {
		t.Errorf("%d blobs are not idle", n)
	}
}
