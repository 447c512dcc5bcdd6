package store

import (
	"context"
	"path"
	"strings"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/value"
)

// Variable is one typed, versioned value of a session.
type Variable struct {
	Name    string
	Value   value.Value
	Version int64 // from 1; goes on counting when a deleted variable is created again
	Created time.Time
	Updated time.Time
	By      string // the writer of this version
	// Constraints is canonical JSON, see value.Constraints.JSON; "" for none.
	Constraints string
	Metadata    string // a JSON object; "" for none
}

// Size is how many bytes of memory a variable takes, beside some hundreds.
func (v Variable) Size() int64 {
	return int64(len(v.Value.JSON()) + len(v.Constraints) + len(v.Metadata))
}

// Snapshot is a set of variables as they were at one instant.
type Snapshot struct {
	Variables map[string]Variable // only those that exist
	At        time.Time           // the store's clock
	Epoch     string              // of the session
	Seq       int64               // of the session's last change
	Commands  int64
	Left      int   // how many of the last names were not looked at, see ReadPart
	LeftBytes int64 // about what those have
}

// Variables is the role that reads and changes a session's state.
type Variables interface {
	// Read returns the variables of those names that exist, all of one
	// instant, and re-arms the session's expiry as Get does. At most MaxOps
	// names. Errors: SessionNotFound, SessionExpired, InvalidRequest.
	Read(ctx context.Context, ref Ref, names ...string) (Snapshot, error)
	// ReadPart is Read for as many of the names as have little more than so
	// many bytes together, in the order given; for the first in any case.
	ReadPart(ctx context.Context, ref Ref, bytes int64, names ...string) (Snapshot, error)
	// Apply is the only write to a session's state. Errors: those of the
	// operations, SessionNotFound, SessionExpired, SessionReadOnly,
	// IdempotencyKeyReused, VariableQuotaExceeded, SessionQuotaExceeded,
	// ValueTooLarge, InvalidRequest. A refused unit changes nothing and its
	// token stays free.
	Apply(ctx context.Context, ref Ref, u Unit) (Applied, error)
	// ListVariables pages through a session's variables in the order of the
	// bytes of their names. A page may be short, even empty, while Next is not
	// "": it ends where it has PageBytes. Errors: SessionNotFound,
	// SessionExpired, InvalidRequest.
	ListVariables(ctx context.Context, ref Ref, q VariableQuery) (VariablePage, error)
	// History returns at most limit versions of a variable, newest first: from
	// the current one on, or those older than before, if that is not 0. A page
	// ends where it has PageBytes. Old versions have no Created and no
	// Constraints. Errors: SessionNotFound, SessionExpired, VariableNotFound.
	History(ctx context.Context, ref Ref, name string, before int64, limit int) (VersionPage, error)
}

// PageBytes is with how many bytes of variables a page is long enough.
const PageBytes = 1 << 20

// VersionPage is a part of what a variable was.
type VersionPage struct {
	Items []Variable
	Next  int64 // before of the next page, 0 on the last
}

// VariableQuery asks for a part of a session's variables.
type VariableQuery struct {
	Limit  int    // at least 1
	After  string // only names greater than this one; it need not exist
	Prefix string // only names that begin so
	Glob   string // only names that match, as path.Match has it; "" matches all
	Type   value.Type
}

// Check refuses a query that no back end may be given. Errors: InvalidRequest.
func (q VariableQuery) Check() error {
	if q.Limit < 1 {
		return fault.New(fault.InvalidRequest, "A page has at least one item.")
	}
	if _, err := path.Match(q.Glob, ""); err != nil {
		return fault.New(fault.InvalidRequest, "The glob is not well formed.")
	}
	return nil
}

// Wants tells whether a name is asked for, as far as Prefix and Glob go.
func (q VariableQuery) Wants(name string) bool {
	if !strings.HasPrefix(name, q.Prefix) {
		return false
	}
	if q.Glob == "" {
		return true
	}
	matches, _ := path.Match(q.Glob, name) // Check has seen the pattern
	return matches
}

// VariablePage is a part of a session's variables.
type VariablePage struct {
	Items []Variable
	Next  string // After of the next page, "" on the last
}

// ChangeKind says what happened to a variable.
type ChangeKind byte

// The kinds of changes.
const (
	Registered        ChangeKind = 'r' // or replaced by one of another type
	ValueChanged      ChangeKind = 'v' // or its metadata
	ConstraintChanged ChangeKind = 'c'
	RolledBack        ChangeKind = 'b'
	Deleted           ChangeKind = 'd'
	Locked            ChangeKind = 'l' // taken or renewed; the version is the variable's
	Unlocked          ChangeKind = 'u'
)

// ChangeItem is one variable's part in a change.
type ChangeItem struct {
	Kind    ChangeKind
	Name    string
	Version int64
}

// Change is one entry of a session's change log: what one unit did.
type Change struct {
	Seq   int64 // counts from 1 in each session, without holes
	At    time.Time
	By    string
	Items []ChangeItem
}

// Events is the role that reads a session's change log, which Apply writes.
type Events interface {
	// Changes returns at most limit changes after the given number, oldest
	// first. The log is bounded: when older ones were dropped, the first
	// returned may have a higher number than after+1. Errors:
	// SessionNotFound, SessionExpired.
	Changes(ctx context.Context, ref Ref, after int64, limit int) ([]Change, error)
	// Follow is Changes for somebody who waits for more: for at least
	// FollowTime, every later change of the session rings for those who
	// Listen. It does not re-arm the expiry.
	Follow(ctx context.Context, ref Ref, after int64, limit int) (Followed, error)
	// Listen calls ring whenever a session that is followed may have changed,
	// until the context ends, whose error it returns, or until the connection
	// to the store is lost. The zero Ref stands for any session. Rings may be
	// lost, late, or for nothing; the change log is the truth. ring must not
	// block.
	Listen(ctx context.Context, ring func(Ref)) error
}

// FollowTime is for how long changes ring after [Events] Follow.
const FollowTime = time.Minute

// Followed is the answer to Follow.
type Followed struct {
	Epoch   string // of the session, see Session
	Changes []Change
	Seq     int64 // of the session's last change
	Expires time.Time
	TTL     time.Duration
	At      time.Time // the store's clock
}
