package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// soon is when trying again makes sense after the store did not answer.
const soon = time.Second

// codeOf returns SQLite's extended result code, 0 for an error that has none.
func codeOf(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

// primary strips a result code of its particulars.
func primary(code int) int { return code & 0xff }

func isBusy(err error) bool {
	code := primary(codeOf(err))
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
}

func isFull(err error) bool {
	code := codeOf(err)
	return primary(code) == sqlite3.SQLITE_FULL || code == sqlite3.SQLITE_IOERR_SHMSIZE || errors.Is(err, syscall.ENOSPC)
}

// translate turns what can go wrong here into the words of the contract.
// caller is the context that the caller gave, without the store's own timeout.
func translate(caller context.Context, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*store.OpError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*store.Unfit](err); ok {
		return e
	}
	switch {
	case errors.Is(err, errUnclear):
		return fault.New(fault.OutcomeUnknown, "The store failed while it confirmed the change.").Retry(soon).Because(err)
	case errors.Is(err, errClosed):
		return fault.New(fault.StoreUnavailable, "The store is closed.").Retry(soon).Because(err)
	case errors.Is(err, context.Canceled) && caller.Err() != nil:
		return caller.Err()
	case errors.Is(err, context.DeadlineExceeded), isBusy(err):
		return fault.New(fault.StoreUnavailable, "The store did not answer in time.").Retry(soon).Because(err)
	case isFull(err):
		return fault.New(fault.StoreFull, "The store has no space left.").Because(err)
	}
	switch primary(codeOf(err)) {
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM,
		sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL:
		return fault.New(fault.StoreUnavailable, "The store cannot be used at the moment.").Retry(soon).Because(err)
	}
	return fault.New(fault.Internal, "The store failed.").Because(err)
}

// opening translates what went wrong while the file was opened: beside what
// waiting mends, everything there is a matter of configuration.
func opening(caller context.Context, path string, err error) error {
	if e, ok := errors.AsType[*store.Unfit](err); ok {
		return &store.Unfit{Reason: fmt.Sprintf("%s: %s", path, e.Reason)}
	}
	switch primary(codeOf(err)) {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return &store.Unfit{Reason: path + ": not a database, or a damaged one"}
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return &store.Unfit{Reason: path + ": the file cannot be opened for writing"}
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok && !isFull(err) {
		return &store.Unfit{Reason: fmt.Sprintf("%s: %v", path, e)}
	}
	return translate(caller, err)
}
