package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"toolpit/internal/store"
)

// readers is how many reads may be under way at once. Each costs a connection
// with a page cache of its own, and a read takes tens of microseconds.
const readers = 4

// openTimeout bounds the opening, which may have to wait for other processes
// and for a slow disk.
const openTimeout = 10 * time.Second

// What every connection is opened with; the page cache is 16 MiB for the
// writer and SQLite's default of 2 MB for the others. Checkpoints are made by
// the checkpointer and not by whichever write happens to fill the log.
const (
	commonDSN = "_txlock=immediate&_dqs=0&_error_rc=1" +
		"&_pragma=busy_timeout(1000)&_pragma=journal_mode(WAL)" +
		"&_pragma=wal_autocheckpoint(0)&_pragma=journal_size_limit(67108864)"
	keeperDSN = commonDSN + "&_pragma=synchronous(NORMAL)"
	writerDSN = commonDSN + "&_pragma=cache_size(-16384)"
	readerDSN = "_txlock=deferred&_dqs=0&_error_rc=1&_pragma=busy_timeout(1000)&_pragma=query_only(1)"
)

// Store is a store in one SQLite file.
type Store struct {
	cfg     store.Config
	path    string
	writer  *pool // of one connection: whoever has it has the turn to write
	readers *pool
	waiting chan *unit  // for somebody who has the turn
	dirty   atomic.Bool // something was committed since the last checkpoint
	stop    func() error

	listeners listeners
}

var _ store.Store = (*Store)(nil)

// Open opens the store in the file at path, which it creates with its folder
// when it is missing, and upgrades an older layout. What no waiting mends, such
// as a folder that cannot be written or a file of a newer layout, is a
// [store.Unfit].
func Open(ctx context.Context, path string, cfg store.Config) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, &store.Unfit{Reason: "the store's path: " + err.Error()}
	}
	if cfg.Durability == store.Replicated {
		return nil, &store.Unfit{Reason: "SQLite cannot honour --durability replicated: it keeps one file on one machine"}
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := create(ctx, path); err != nil {
		return nil, opening(caller, path, err)
	}
	if err := inspectLog(ctx, path); err != nil {
		return nil, opening(caller, path, err)
	}
	s := &Store{cfg: cfg.WithDefaults(), path: path}
	s.waiting = make(chan *unit, batchLen)
	s.writer = newPool(1, s.connectWriter)
	s.readers = newPool(readers, func(ctx context.Context) (*conn, error) { return connect(ctx, dsn(path, readerDSN)) })
	keeper, err := s.openKeeper(ctx)
	if err != nil {
		return nil, opening(caller, path, err)
	}
	s.stop = s.keep(keeper)
	return s, nil
}

// openKeeper makes the file ready for use and returns the connection that the
// checkpointer will own.
func (s *Store) openKeeper(ctx context.Context) (*conn, error) {
	c, err := patiently(ctx, func() (*conn, error) { return connect(ctx, dsn(s.path, keeperDSN)) })
	if err != nil {
		return nil, err
	}
	err = inWAL(c)
	if err == nil {
		err = migrate(ctx, c)
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// connectWriter opens the connection that writes. It never waits inside
// SQLite, whose waiting gets coarser the longer it lasts and starves a process
// among busy others; begin waits instead.
func (s *Store) connectWriter(ctx context.Context) (*conn, error) {
	synchronous := "&_pragma=synchronous(NORMAL)"
	if s.cfg.Durability == store.Fsync {
		synchronous = "&_pragma=synchronous(FULL)" // each COMMIT waits for the disk
	}
	c, err := connect(ctx, dsn(s.path, writerDSN+synchronous))
	if err != nil {
		return nil, err
	}
	if err := c.script(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// create makes the folder and an empty file that only its owner may read, and
// leaves existing ones alone. SQLite itself makes the file: closing a second
// descriptor of it would drop the locks this process may hold on it already.
func create(ctx context.Context, path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	c, err := connect(ctx, dsn(path, "_error_rc=1"))
	if err != nil {
		return err
	}
	return errors.Join(c.close(), os.Chmod(path, 0o600))
}

func dsn(path, parameters string) string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: parameters}
	return u.String()
}

// inWAL makes sure that the write-ahead log is in use: where the file system
// does not allow it, SQLite goes on without it and says nothing.
func inWAL(c *conn) error {
	r, err := c.one("PRAGMA journal_mode")
	if err != nil {
		return err
	}
	if mode := r.text(0); mode != "wal" {
		return &store.Unfit{Reason: fmt.Sprintf("its file system allows no write-ahead log (journal mode %q)", mode)}
	}
	return nil
}

// patiently repeats open while another process keeps the file locked, which
// happens for an instant when two create it at once.
func patiently(ctx context.Context, open func() (*conn, error)) (*conn, error) {
	for {
		c, err := open()
		if !isBusy(err) {
			return c, err
		}
		if late := sleep(ctx, 5*time.Millisecond); late != nil {
			return nil, errors.Join(late, err)
		}
	}
}

// Now returns the store's clock, and thereby tells that it answers.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := s.view(ctx, func(tx *tx) error {
		now = moment(tx.now)
		_, err := tx.c.one(anySession)
		return err
	})
	return now, err
}

const anySession = "SELECT 1 FROM sessions LIMIT 1"

// Check tells whether the file still has the layout that this program knows,
// and can be read. An older layout is upgraded.
func (s *Store) Check(ctx context.Context) error {
	var version int64
	err := s.view(ctx, func(tx *tx) (err error) {
		version, err = layoutOf(tx.c)
		return err
	})
	if err == nil && version < layout {
		err = s.withWriter(ctx, func(ctx context.Context, c *conn) error { return migrate(ctx, c) })
	}
	if err != nil {
		return err
	}
	_, err = s.Now(ctx)
	return err
}

// Honours implements store.Health. The log is written at each COMMIT, so that a
// process that dies loses nothing, and goes to the disk each second, at the
// checkpoint; only a store opened for it goes to the disk at each COMMIT.
func (s *Store) Honours(ctx context.Context) ([]store.Durability, error) {
	if _, err := s.Now(ctx); err != nil {
		return nil, err
	}
	honoured := []store.Durability{store.Memory, store.EverySec}
	if s.cfg.Durability == store.Fsync {
		honoured = append(honoured, store.Fsync)
	}
	return honoured, nil
}

// Close waits for the calls under way, moves what is in the write-ahead log
// into the file and closes it. Calls after it are refused with
// fault.StoreUnavailable; closing again does nothing.
func (s *Store) Close() error { return s.stop() }
