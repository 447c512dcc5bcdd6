package store

import (
	"context"
	"time"

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
}

// Snapshot is a set of variables as they were at one instant.
type Snapshot struct {
	Variables map[string]Variable // only those that exist
	At        time.Time           // the store's clock
	Commands  int64
}

// Variables is the role that reads and changes a session's state.
type Variables interface {
	// Read returns the variables of those names that exist, all of one
	// instant, and re-arms the session's expiry as Get does. At most MaxOps
	// names. Errors: SessionNotFound, SessionExpired, InvalidRequest.
	Read(ctx context.Context, ref Ref, names ...string) (Snapshot, error)
	// Apply is the only write to a session's state. Errors: those of the
	// operations, SessionNotFound, SessionExpired, SessionReadOnly,
	// IdempotencyKeyReused, VariableQuotaExceeded, SessionQuotaExceeded,
	// ValueTooLarge, InvalidRequest. A refused unit changes nothing and its
	// token stays free.
	Apply(ctx context.Context, ref Ref, u Unit) (Applied, error)
}

// ChangeKind says what happened to a variable.
type ChangeKind byte

// The kinds of changes.
const (
	Registered   ChangeKind = 'r'
	ValueChanged ChangeKind = 'v'
	Deleted      ChangeKind = 'd'
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
}
