// Package sqlitestore keeps Toolpit's state in one SQLite file. It is the
// default back end, and several processes on one host may share the file.
//
// A process that is killed loses nothing that was acknowledged; a machine that
// loses power loses at most about the last second, because the write-ahead log
// is moved into the file and synced once a second.
//
// # What damage does
//
// Each frame of the write-ahead log has a checksum. SQLite sees a frame that
// was damaged, but to it that frame is the end of the log: what was
// acknowledged after it is gone, and nobody says so, because a log that was cut
// off by a loss of power looks the same. What is in front of it is right. Where
// the file has parts of what was logged behind the damage, the two do not fit
// together, and the store is not opened.
//
// Nothing of the file itself has a checksum. SQLite notices a page that is no
// page any more; "PRAGMA integrity_check" notices more, but not that one value
// has become another. Who must know keeps the file on a file system that does,
// or keeps copies.
//
// # How it is laid out
//
// A session's row has two numbers. Its body is new in each incarnation of an
// id and is what variables and changes hang on, so creating an id again never
// meets the leftovers of the one before. Its scope stays the same for all
// incarnations and is what token records hang on, so the unit that ended or
// created a session can be answered again.
//
// A session that is over stays as a tombstone; a tombstone that gave way to a
// new incarnation becomes a grave. Both are found by the sweeper through their
// due time. A living session's due time is only a lower bound of its expiry,
// so that a write, which always moves the expiry, needs to touch no index.
//
// Old versions of variables and locks hang on the body, too. The bytes of a
// tensor are a blob of the session's family, in chunks under a number that its
// upload had before: making an upload the bytes of a variable moves no data.
// Each session counts how often its variables and their history name a blob; a
// blob that no session names waits a minute for its readers and then goes.
//
// # How it is used
//
// There is one writer connection and a few readers, all used through the
// driver itself: statements are prepared once for each connection, and nothing
// about the state is remembered in the process. Each unit makes all its checks
// before its first write, so the units that wait for their turn share one
// transaction, see docs/adr/0008-group-commit.md.
//
// The package is not for network file systems, on which SQLite's locks do not
// hold.
package sqlitestore
