package sqlitestore_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"modernc.org/sqlite"

	"toolpit/internal/store"
	"toolpit/internal/store/sqlitestore"
	"toolpit/internal/value"
)

// The write-ahead log is a header and frames: each a header of its own and a
// page. A frame that ends a transaction tells the size of the database.
const (
	logHeader   = 32
	frameHeader = 24
	frameLen    = frameHeader + 4096
)

// diary is a store's file and log after some units, and what was to be seen
// after each of them.
type diary struct {
	file, log []byte
	ends      []int  // by unit: where its last frame ends in the log
	pages     []page // what was to be seen before the first unit, and after each
}

// page is what a session shows.
type page struct {
	N, Text  string
	Sequence int64
}

var diaryRef = store.Ref{Owner: "owner", ID: "damaged"}

// entry is the nth unit of a diary. Their texts differ in length, so that they
// do not always lie on the same pages.
func entry(n int) store.Unit {
	text := strings.Repeat(fmt.Sprintf("entry %d. ", n), 1+n*37%200)
	w := store.Write{Token: store.KeyedToken(fmt.Sprintf("entry-%d", n)), By: "test"}
	return store.Unit{Write: w, Count: true, Ops: []store.Op{store.Add("n", 1).StartingAt(0), store.Put("text", value.Text(text))}}
}

// look returns what a session shows.
func look(t *testing.T, s *sqlitestore.Store) page {
	t.Helper()
	got, err := s.Read(t.Context(), diaryRef, "n", "text")
	if err != nil {
		t.Fatal(err)
	}
	var p page
	if v, ok := got.Variables["n"]; ok {
		p.N = v.Value.JSON()
	}
	if v, ok := got.Variables["text"]; ok {
		p.Text = v.Value.JSON()
	}
	changes, err := s.Changes(t.Context(), diaryRef, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) > 0 {
		p.Sequence = changes[len(changes)-1].Seq
	}
	return p
}

// undisturbed repeats what a checkpoint of the store's own spoils, one of which
// comes each second.
func undisturbed(t *testing.T, do func() bool) {
	t.Helper()
	const attempts = 30
	for range attempts {
		if do() {
			return
		}
	}
	t.Fatalf("a checkpoint came in between, %d times", attempts)
}

// keepDiary makes a store, and copies its files while it is open: its log has
// all units, its file none, or it returns false.
func keepDiary(t *testing.T, units int) (diary, bool) {
	t.Helper()
	path := filed(t)
	s := open(t, path, store.Config{})
	if _, err := s.Create(t.Context(), diaryRef, store.NewSession{Write: write(), TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	run(t, raw(t, path), "PRAGMA wal_checkpoint(TRUNCATE)")
	before := contents(t, path)
	d := diary{pages: []page{look(t, s)}}
	for n := range units {
		if _, err := s.Apply(t.Context(), diaryRef, entry(n)); err != nil {
			t.Fatal(err)
		}
		d.pages = append(d.pages, look(t, s))
	}
	d.file, d.log = contents(t, path), contents(t, path+"-wal")
	d.findEnds()
	return d, bytes.Equal(d.file, before) && len(d.ends) == units
}

// findEnds finds where transactions end in a log without leftovers.
func (d *diary) findEnds() {
	for at := logHeader; at < len(d.log); at += frameLen {
		if binary.BigEndian.Uint32(d.log[at+4:]) != 0 {
			d.ends = append(d.ends, at+frameLen)
		}
	}
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// harm is a way to damage a log from a place on.
type harm struct {
	name string
	do   func(log []byte, at int, rng *rand.Rand) []byte
}

func harms() []harm {
	return []harm{
		{"a flipped bit", func(log []byte, at int, rng *rand.Rand) []byte {
			log[at] ^= 1 << rng.IntN(8)
			return log
		}},
		{"a cut", func(log []byte, at int, _ *rand.Rand) []byte { return log[:at] }},
		{"a torn write", func(log []byte, at int, rng *rand.Rand) []byte {
			const sector = 512
			end := min((at/sector+1)*sector, len(log))
			log[at] ^= 0xff // something of it must differ
			for i := at + 1; i < end; i++ {
				log[i] = byte(rng.Uint32())
			}
			return log
		}},
	}
}

// surviving returns how many units of a log are in front of a place.
func (d *diary) surviving(at int) int {
	if at < logHeader {
		return 0
	}
	frame := logHeader + (at-logHeader)/frameLen*frameLen // where the one that was hit begins
	return sort.SearchInts(d.ends, frame+1)
}

// glance is look for somebody in a hurry: it reads the tables themselves, and
// has SQLite check them.
func glance(ctx context.Context, path string) (page, error) {
	connector, err := sqlite.NewConnector(path + "?_pragma=synchronous(OFF)")
	if err != nil {
		return page{}, err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	var p page
	var verdict string
	err = db.QueryRowContext(ctx, `SELECT
		ifnull((SELECT value FROM variables WHERE name = 'n'), ''),
		ifnull((SELECT value FROM variables WHERE name = 'text'), ''),
		(SELECT seq FROM sessions)`).Scan(&p.N, &p.Text, &p.Sequence)
	if err == nil {
		err = db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&verdict)
	}
	if err == nil && verdict != "ok" {
		err = errors.New(verdict)
	}
	return p, err
}

// TestADamagedLogEndsBeforeTheDamage states what SQLite promises, and so what
// it does not: the frame that was hit is found by its checksum, but it looks
// like the end of the log. What was acknowledged after it is gone, and nobody
// says so. No value is ever wrong. The file itself has no checksums.
func TestADamagedLogEndsBeforeTheDamage(t *testing.T) {
	const (
		units   = 12
		tail    = 4096 // of the log, gone through in steps
		step    = 32   // so that one harm or another happens every ten bytes
		random  = 1000 // places in all of the log
		through = 40   // one in so many is opened as a store
	)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var d diary
	undisturbed(t, func() (ok bool) {
		d, ok = keepDiary(t, units)
		return ok
	})
	path := filed(t)
	for nth, h := range harms() {
		var places []int
		for at := len(d.log) - tail + nth*step/len(harms()); at < len(d.log); at += step {
			places = append(places, at)
		}
		for range random / len(harms()) {
			places = append(places, rng.IntN(len(d.log)))
		}
		lost := 0
		for i, at := range places {
			put(t, path, d.file, h.do(bytes.Clone(d.log), at, rng))
			left := d.surviving(at)
			lost += units - left
			var got page
			var err error
			if i%through == 0 {
				s := open(t, path, store.Config{})
				got = look(t, s)
				err = s.Close()
			} else {
				got, err = glance(t.Context(), path)
			}
			if err != nil {
				t.Fatalf("%s at %d: %v", h.name, at, err)
			}
			if diff := cmp.Diff(d.pages[left], got); diff != "" {
				t.Fatalf("%s at %d, which leaves %d units of %d (-want +got):\n%s", h.name, at, left, units, diff)
			}
		}
		t.Logf("%s at %d places: the %.1f units in front of it were there, and the %.1f behind it were not",
			h.name, len(places), units-float64(lost)/float64(len(places)), float64(lost)/float64(len(places)))
	}
}

// put lays down a store's file and log.
func put(t *testing.T, path string, file, log []byte) {
	t.Helper()
	for name, text := range map[string][]byte{path: file, path + "-wal": log} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// world is what all sessions of a file show, as far as it matters here.
func world(ctx context.Context, db *sql.DB) (string, error) {
	var seen, verdict string
	err := db.QueryRowContext(ctx, `SELECT
		(SELECT group_concat(body || ':' || value || ' v' || version, ' ') FROM (SELECT * FROM variables WHERE name = 'n' ORDER BY body))
		|| ' units ' || (SELECT sum(seq) FROM sessions) || ' tokens ' || (SELECT count(*) FROM tokens)
		|| ' changes ' || (SELECT count(*) FROM changes)`).Scan(&seen)
	if err == nil {
		err = db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&verdict)
	}
	if err == nil && verdict != "ok" {
		err = errors.New(verdict)
	}
	return seen, err
}

// almanac is a diary of many sessions, in which a unit leaves most pages alone.
// All of its log has been moved into its file, or it returns false.
func almanac(t *testing.T) (d diary, worlds []string, ok bool) {
	t.Helper()
	const sessions, rounds, logged = 15, 4, 30 // units that are in the log
	path := filed(t)
	s := open(t, path, store.Config{})
	db := raw(t, path)
	var refs []store.Ref
	for i := range sessions {
		refs = append(refs, create(t, s, fmt.Sprintf("session-%d", i)))
	}
	for n := range sessions * rounds {
		if n >= sessions*rounds-logged {
			if len(worlds) == 0 {
				run(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
			}
			now, err := world(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			worlds = append(worlds, now)
		}
		w := store.Write{Token: store.KeyedToken(fmt.Sprintf("entry-%d", n)), By: "test"}
		text := value.Text(strings.Repeat(fmt.Sprintf("%d ", n), 1000))
		apply(t, s, refs[n%sessions], w, store.Add("n", 1).StartingAt(0), store.Put("text", text))
	}
	last, err := world(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	run(t, db, "PRAGMA wal_checkpoint(PASSIVE)")
	d.file, d.log = contents(t, path), contents(t, path+"-wal")
	d.findEnds()
	return d, append(worlds, last), len(d.ends) == logged
}

// TestADamagedLogIsNotMixedWithItsFile damages logs whose frames are in the
// file already. SQLite takes what is in front of the damage for the latest
// version of its pages, and the file for that of all others.
func TestADamagedLogIsNotMixedWithItsFile(t *testing.T) {
	const places, through = 100, 20
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var d diary
	var worlds []string
	undisturbed(t, func() (ok bool) {
		d, worlds, ok = almanac(t)
		return ok
	})
	path := filed(t)
	for _, h := range harms() {
		if h.name == "a cut" {
			continue // between two transactions it leaves no trace
		}
		refused, wrong := 0, 0
		for i := range places {
			at := rng.IntN(len(d.log))
			put(t, path, d.file, h.do(bytes.Clone(d.log), at, rng))
			bad, err := sqlitestore.Mixed(path)
			if err != nil {
				t.Fatal(err)
			}
			if bad >= 0 {
				refused++
				if frame := (at - logHeader) / frameLen; bad != frame {
					t.Errorf("%s at %d, in frame %d: frame %d is said to be damaged", h.name, at, frame, bad)
				}
				if i%through == 0 {
					if _, err := sqlitestore.Open(t.Context(), path, store.Config{}); !store.IsUnfit(err) {
						t.Errorf("%s at %d: got error %v, want an Unfit", h.name, at, err)
					}
				}
				continue
			}
			want := worlds[d.surviving(at)]
			if at < logHeader {
				want = worlds[len(worlds)-1] // without a log the file is what counts
			}
			db := raw(t, path)
			got, err := world(t.Context(), db)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if err != nil || got != want {
				wrong++
				t.Errorf("%s at %d, in frame %d: %v (-want +got):\n%s", h.name, at, (at-logHeader)/frameLen, err, cmp.Diff(want, got))
			}
		}
		t.Logf("%s at %d places: %d refused, %d wrong", h.name, places, refused, wrong)
		if refused < places/2 {
			t.Errorf("only %d of %d were refused", refused, places)
		}
	}
}
