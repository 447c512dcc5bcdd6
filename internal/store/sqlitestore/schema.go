package sqlitestore

import (
	"context"
	"fmt"

	"toolpit/internal/store"
)

// layout is the version of the tables this program knows; the file keeps its
// own in user_version.
const layout = 2

// application marks the file as Toolpit's in its application_id: "TPIT".
const application = 0x54504954

// upgrades returns the scripts that lead from each layout to the next; the
// first makes a new file.
func upgrades() []string { return []string{layout1, layout2} }

// A session's expires moves with every write and so is in no index. Its due,
// which is, says when the sweeper must look: no later than expires while it
// lives, then when its tombstone ends.
//
// The value column holds integers as integers and the JSON of everything else
// as text; a dead variable has the empty type and no value.
const layout1 = `
CREATE TABLE sessions (
  body      INTEGER PRIMARY KEY AUTOINCREMENT, -- number of this incarnation
  scope     INTEGER,                           -- body of the id's first incarnation; NULL: this is it
  owner     TEXT    NOT NULL,
  id        TEXT    NOT NULL,
  state     INTEGER NOT NULL,                  -- 0 open, 1 read-only, 2 ended
  epoch     TEXT    NOT NULL,
  version   INTEGER NOT NULL,
  created   INTEGER NOT NULL,                  -- times are Unix milliseconds
  expires   INTEGER NOT NULL,
  ttl       INTEGER NOT NULL,
  seq       INTEGER NOT NULL,
  commands  INTEGER NOT NULL,
  variables INTEGER NOT NULL,                  -- living ones
  cells     INTEGER NOT NULL,                  -- living and dead ones
  bytes     INTEGER NOT NULL,
  due       INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX sessions_name ON sessions (owner, id);
CREATE INDEX sessions_owner ON sessions (owner, body);
CREATE INDEX sessions_due ON sessions (due);

CREATE TABLE labels (
  body  INTEGER PRIMARY KEY,
  pairs BLOB NOT NULL
) STRICT;

CREATE TABLE graves (
  body  INTEGER PRIMARY KEY, -- of a session whose id was created again
  until INTEGER NOT NULL,    -- when its tombstone ends
  due   INTEGER NOT NULL
) STRICT;
CREATE INDEX graves_due ON graves (due);

CREATE TABLE variables (
  body    INTEGER NOT NULL,
  name    TEXT    NOT NULL,
  type    TEXT    NOT NULL,
  value   ANY,
  version INTEGER NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  writer  TEXT    NOT NULL,
  PRIMARY KEY (body, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE changes (
  body   INTEGER NOT NULL,
  seq    INTEGER NOT NULL,
  at     INTEGER NOT NULL,
  writer TEXT    NOT NULL,
  items  BLOB    NOT NULL,
  PRIMARY KEY (body, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  scope       INTEGER NOT NULL,
  token       BLOB    NOT NULL,
  keyed       INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  body        INTEGER NOT NULL, -- incarnation to which it was applied
  size        INTEGER NOT NULL, -- what it counts in the session's bytes
  kind        INTEGER NOT NULL,
  fingerprint BLOB    NOT NULL,
  record      BLOB    NOT NULL,
  PRIMARY KEY (scope, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_age ON tokens (keyed, at);

CREATE TABLE answers (
  owner       TEXT    NOT NULL,
  token       BLOB    NOT NULL,
  at          INTEGER NOT NULL,
  fingerprint BLOB    NOT NULL,
  memo        BLOB    NOT NULL,
  PRIMARY KEY (owner, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_age ON answers (at);
`

// A session that refers to a blob has a row in refs, however often it does so.
// The number of a blob is given to its upload and never again, so chunks of one
// that is gone cannot become another's.
const layout2 = `
ALTER TABLE variables ADD COLUMN metadata    TEXT    NOT NULL DEFAULT '';
ALTER TABLE variables ADD COLUMN constraints TEXT    NOT NULL DEFAULT '';
ALTER TABLE variables ADD COLUMN oldest      INTEGER NOT NULL DEFAULT 0; -- version of the first entry in history, if any
ALTER TABLE variables ADD COLUMN weight      INTEGER NOT NULL DEFAULT 0; -- of all entries in history
ALTER TABLE variables ADD COLUMN lease       INTEGER NOT NULL DEFAULT 0; -- end of the lock, 0 without one

CREATE TABLE history (
  body     INTEGER NOT NULL,
  name     TEXT    NOT NULL,
  version  INTEGER NOT NULL,
  type     TEXT    NOT NULL,
  value    ANY,
  updated  INTEGER NOT NULL,
  writer   TEXT    NOT NULL,
  metadata TEXT    NOT NULL,
  weight   INTEGER NOT NULL, -- bytes that its tensor, or else its value, and its metadata have
  PRIMARY KEY (body, name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE locks (
  body    INTEGER NOT NULL,
  name    TEXT    NOT NULL,
  token   TEXT    NOT NULL,
  holder  TEXT    NOT NULL,
  fence   INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (body, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE uploads (
  blob   INTEGER PRIMARY KEY AUTOINCREMENT,
  body   INTEGER NOT NULL,
  upload TEXT    NOT NULL, -- the name under which it is staged
  bytes  INTEGER NOT NULL,
  at     INTEGER NOT NULL, -- when the last chunk came
  UNIQUE (body, upload)
) STRICT;
CREATE INDEX uploads_age ON uploads (at);

CREATE TABLE blobs (
  blob     INTEGER PRIMARY KEY,
  owner    TEXT    NOT NULL,
  family   TEXT    NOT NULL,
  digest   TEXT    NOT NULL,
  bytes    INTEGER NOT NULL,
  sessions INTEGER NOT NULL, -- that refer to it
  idle     INTEGER,          -- since when there are none
  UNIQUE (owner, family, digest)
) STRICT;
CREATE INDEX blobs_idle ON blobs (idle) WHERE idle IS NOT NULL;

CREATE TABLE refs (
  body INTEGER NOT NULL,
  blob INTEGER NOT NULL,
  uses INTEGER NOT NULL, -- by variables and in their history
  PRIMARY KEY (body, blob)
) STRICT, WITHOUT ROWID;

CREATE TABLE chunks (
  blob INTEGER NOT NULL,
  part INTEGER NOT NULL,
  data BLOB    NOT NULL,
  UNIQUE (blob, part)
) STRICT;

CREATE TABLE waste (
  blob INTEGER PRIMARY KEY -- whose chunks nobody needs
) STRICT;
`

// layoutOf returns the file's layout, 0 for a new file, and refuses one that
// is not for this program.
func layoutOf(c *conn) (int64, error) {
	mark, err := pragma(c, "PRAGMA application_id")
	if err != nil {
		return 0, err
	}
	version, err := pragma(c, "PRAGMA user_version")
	if err != nil {
		return 0, err
	}
	tables, err := c.one("SELECT 1 FROM sqlite_schema LIMIT 1")
	switch {
	case err != nil:
		return 0, err
	case tables == nil && version == 0 && mark == 0:
		return 0, nil
	case mark != application || version < 1:
		return 0, &store.Unfit{Reason: "the database belongs to another program"}
	case version > layout:
		return 0, &store.Unfit{Reason: fmt.Sprintf("the store has layout %d, this program knows only %d", version, layout)}
	}
	return version, nil
}

func pragma(c *conn, text string) (int64, error) {
	r, err := c.one(text)
	if err != nil || r == nil {
		return 0, err
	}
	return r.int(0), nil
}

// migrate brings the file to this program's layout, all steps or none.
func migrate(ctx context.Context, c *conn) error {
	version, err := layoutOf(c)
	if err != nil || version == layout {
		return err
	}
	if err := begin(ctx, c); err != nil {
		return err
	}
	if err := upgrade(ctx, c); err != nil {
		rollback(c)
		return err
	}
	return commit(c)
}

func upgrade(ctx context.Context, c *conn) error {
	version, err := layoutOf(c) // again: another process may have been faster
	if err != nil {
		return err
	}
	for _, script := range upgrades()[version:] {
		if err := c.script(ctx, script); err != nil {
			return err
		}
	}
	return c.script(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", application, layout))
}
