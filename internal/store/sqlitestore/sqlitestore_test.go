package sqlitestore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
	"modernc.org/sqlite"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/sqlitestore"
	"toolpit/internal/value"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := increment(context.Background(), path); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1) // only SIGKILL ends it as it should
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, path string, cfg store.Config) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), path, cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func filed(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "store.db")
}

// write returns a write under a fresh token.
func write() store.Write {
	return store.Write{Token: store.MintToken(time.Now()), By: "test"}
}

func create(t *testing.T, s *sqlitestore.Store, id string) store.Ref {
	t.Helper()
	ref := store.Ref{Owner: "owner", ID: id}
	n := store.NewSession{Write: write(), TTL: time.Hour, Labels: map[string]string{"a": "b"}}
	if _, err := s.Create(t.Context(), ref, n); err != nil {
		t.Fatalf("create: %v", err)
	}
	return ref
}

func apply(t *testing.T, s *sqlitestore.Store, ref store.Ref, w store.Write, ops ...store.Op) store.Applied {
	t.Helper()
	applied, err := s.Apply(t.Context(), ref, store.Unit{Write: w, Count: true, Ops: ops})
	if err != nil {
		t.Fatalf("apply: %v", err)
	}
	return applied
}

var same = cmp.Comparer(func(a, b value.Value) bool { return a == b })

// raw opens the file behind a store's back.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	connector, err := sqlite.NewConnector(path)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func run(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestReopeningKeepsEverything(t *testing.T) {
	path := filed(t)
	first := open(t, path, store.Config{})
	ref := create(t, first, "odd \x00 id \xff {ü}'\"")
	once := store.Write{Token: store.KeyedToken("key"), By: "test"}
	answered := apply(t, first, ref, once, store.Put("text", value.Text("ü\x00")), store.Put("n", value.Int(-1<<63)))
	if _, err := first.Remember(t.Context(), "owner", once, []byte("answer")); err != nil {
		t.Fatal(err)
	}
	session, err := first.Get(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	read, err := first.Read(t.Context(), ref, "text", "n")
	if err != nil {
		t.Fatal(err)
	}
	changes, err := first.Changes(t.Context(), ref, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second := open(t, path, store.Config{})
	if got, err := second.Get(t.Context(), ref); err != nil || !cmp.Equal(session, got) {
		t.Errorf("get: %v (-want +got):\n%s", err, cmp.Diff(session, got))
	}
	if got, err := second.Read(t.Context(), ref, "text", "n"); err != nil || !cmp.Equal(read.Variables, got.Variables, same) {
		t.Errorf("read: %v (-want +got):\n%s", err, cmp.Diff(read.Variables, got.Variables, same))
	}
	if got, err := second.Changes(t.Context(), ref, 0, 10); err != nil || !cmp.Equal(changes, got) {
		t.Errorf("changes: %v (-want +got):\n%s", err, cmp.Diff(changes, got))
	}
	answered.Replayed = true
	if diff := cmp.Diff(answered, apply(t, second, ref, once), same); diff != "" {
		t.Errorf("replay (-want +got):\n%s", diff)
	}
	if memo, found, err := second.Recall(t.Context(), "owner", once); string(memo) != "answer" || !found || err != nil {
		t.Errorf("recall: %q, %v, %v", memo, found, err)
	}
	if page, err := second.List(t.Context(), "owner", store.Page{Limit: 1}); err != nil || len(page.Items) != 1 || page.Next != "" {
		t.Errorf("list: %+v, %v", page, err)
	}
}

func TestTwoStoresShareAFile(t *testing.T) {
	path := filed(t)
	stores := []*sqlitestore.Store{open(t, path, store.Config{}), open(t, path, store.Config{})}
	ref := create(t, stores[0], "shared")
	const writers, each = 4, 100
	var group errgroup.Group
	for w := range writers {
		group.Go(func() error {
			for range each {
				u := store.Unit{Write: write(), Count: true, Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
				if _, err := stores[w%len(stores)].Apply(t.Context(), ref, u); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, s := range stores {
		applied := apply(t, s, ref, write(), store.Load("n"))
		if n, _ := applied.Results[0].Value.Int64(); n != writers*each || applied.Seq != writers*each {
			t.Errorf("n is %d after %d changes, want %d of both", n, applied.Seq, writers*each)
		}
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "store.db")
	create(t, open(t, path, store.Config{}), "id")
	for name, want := range map[string]os.FileMode{filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", filepath.Base(name), got, want)
		}
	}
}

func TestWhatIsUnfitIsNotOpened(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, path string){
		"a newer layout": func(t *testing.T, path string) {
			if err := open(t, path, store.Config{}).Close(); err != nil {
				t.Fatal(err)
			}
			run(t, raw(t, path), "PRAGMA user_version = 99")
		},
		"another program's database": func(t *testing.T, path string) { run(t, raw(t, path), "CREATE TABLE other (x)") },
		"another kind of file": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("this is not a database, though it is long enough to be one"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"a folder": func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"a file in place of its folder": func(t *testing.T, path string) {
			if err := os.Remove(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Dir(path), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "folder", "store.db")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			prepare(t, path)
			s, err := sqlitestore.Open(t.Context(), path, store.Config{})
			if !store.IsUnfit(err) {
				t.Errorf("opened with %v, want it unfit", err)
			}
			if err == nil {
				_ = s.Close()
			}
		})
	}
}

func TestCheckSeesANewerLayout(t *testing.T) {
	path := filed(t)
	s := open(t, path, store.Config{})
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, raw(t, path), "PRAGMA user_version = 99")
	if err := s.Check(t.Context()); !store.IsUnfit(err) {
		t.Errorf("checked with %v, want it unfit", err)
	}
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	s := open(t, filed(t), store.Config{})
	ref := create(t, s, "id")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, read := s.Get(t.Context(), ref)
	_, written := s.Touch(t.Context(), ref, write())
	_, swept := s.Sweep(t.Context())
	for _, err := range []error{read, written, swept, s.Check(t.Context())} {
		if !errors.Is(err, fault.StoreUnavailable) {
			t.Errorf("got %v, want %s", err, fault.StoreUnavailable)
		}
	}
}

func TestALockedFileIsUnavailableInTime(t *testing.T) {
	path := filed(t)
	s := open(t, path, store.Config{})
	ref := create(t, s, "id")
	conn, err := raw(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), ref); err != nil {
		t.Errorf("a read beside a writer: %v", err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	soon, stop := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, stop)
	for _, c := range []struct {
		ctx    context.Context
		want   error
		within time.Duration
	}{
		{soon, context.Canceled, store.CallTimeout / 2},
		{ctx, fault.StoreUnavailable, store.CallTimeout / 2},
		{t.Context(), fault.StoreUnavailable, store.CallTimeout + time.Second},
	} {
		began := time.Now()
		_, err := s.Touch(c.ctx, ref, write())
		if took := time.Since(began); !errors.Is(err, c.want) || took > c.within {
			t.Errorf("got %v after %v, want %v within %v", err, took, c.want, c.within)
		}
	}
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Touch(t.Context(), ref, write()); err != nil {
		t.Errorf("after the lock was gone: %v", err)
	}
}
