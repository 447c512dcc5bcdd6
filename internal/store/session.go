package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"toolpit/internal/fault"
)

// Ref names a session. Every method that takes one answers for a session of
// another owner exactly as for one that never was.
type Ref struct {
	Owner string
	ID    string
}

const (
	mintedPrefix = "ses_"
	familyLen    = 8
	mintedRandom = 26
)

// MintID returns a fresh session id: ses_, 8 characters of family, 26 random
// characters (130 bits).
func MintID() string {
	return mintedPrefix + rand.Text()[:familyLen] + rand.Text()[:mintedRandom]
}

// MintFork returns a fresh name in r's family.
func (r Ref) MintFork() Ref {
	return Ref{Owner: r.Owner, ID: mintedPrefix + r.Family() + rand.Text()[:mintedRandom]}
}

// Family returns the 8 characters that a session shares with its forks, and
// that decide where in a Redis Cluster it lives.
func (r Ref) Family() string {
	if rest, ok := strings.CutPrefix(r.ID, mintedPrefix); ok && len(rest) == familyLen+mintedRandom && isBase32(rest) {
		return rest[:familyLen]
	}
	sum := sha256.Sum256([]byte(r.Owner + "\x00" + r.ID))
	return base32.StdEncoding.EncodeToString(sum[:])[:familyLen]
}

func isBase32(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// Session is what the store knows of a session itself.
type Session struct {
	Ref
	Epoch     string // changes when an id is created again
	Version   int64  // counts updates, from 1
	Created   time.Time
	Expires   time.Time
	TTL       time.Duration
	Labels    map[string]string
	Seq       int64 // number of the last change
	Commands  int64 // executions so far
	Variables int64 // variables that exist
	ReadOnly  bool
}

// Tag names this version of this incarnation of the session; it is what
// If-Match compares.
func (s Session) Tag() string { return fmt.Sprintf("%s-%d", s.Epoch, s.Version) }

// Match is a precondition on a session's tag. The zero Match holds always.
type Match struct {
	Any  bool     // holds when the session exists
	Tags []string // holds when the session has one of these tags
}

// Given tells whether the precondition asks for anything.
func (m Match) Given() bool { return m.Any || len(m.Tags) > 0 }

// NewSession describes a session to create.
type NewSession struct {
	Write
	TTL    time.Duration // at least a millisecond
	Labels map[string]string
	// ReturnExisting asks for the living session of that id instead of
	// fault.SessionExists.
	ReturnExisting bool
}

// Check refuses a session that no back end may be given. Errors:
// InvalidRequest, SessionQuotaExceeded.
func (n NewSession) Check() error {
	if n.TTL < time.Millisecond {
		return shortTTL()
	}
	if len(n.Labels) > MaxLabels {
		return TooManyLabels(0)
	}
	return n.Write.Check()
}

// CheckFork refuses a fork that no back end may be given: of n's fields the TTL
// may be 0. Errors: InvalidRequest, SessionQuotaExceeded.
func (n NewSession) CheckFork(parent, child Ref) error {
	if child.Owner != parent.Owner || child.ID == parent.ID || child.Family() != parent.Family() {
		return fault.New(fault.InvalidRequest, "A fork is another session of the same owner and family.")
	}
	if n.TTL == 0 {
		n.TTL = time.Millisecond
	}
	return n.Check()
}

func shortTTL() error {
	return fault.New(fault.InvalidRequest, "A session lives for at least a millisecond.")
}

// Created is the answer to a creation.
type Created struct {
	Session
	Existing bool // it was there before, and ReturnExisting was asked for
	Replayed bool
}

// SessionUpdate changes a session's own properties.
type SessionUpdate struct {
	Write
	Match  Match
	TTL    time.Duration      // 0: as it is
	Labels map[string]*string // merged; nil removes a label
	// ReadOnly freezes or thaws the session; nil leaves it. A frozen session
	// refuses every unit with fault.SessionReadOnly.
	ReadOnly *bool
}

// Check refuses an update that no back end may be given. Errors:
// InvalidRequest.
func (u SessionUpdate) Check() error {
	if u.TTL != 0 && u.TTL < time.Millisecond {
		return shortTTL()
	}
	return u.Write.Check()
}

// Changed is the answer to a touch or an update.
type Changed struct {
	Session
	Replayed bool
}

// SessionRemoval deletes a session.
type SessionRemoval struct {
	Write
	Match     Match
	LockToken string // opens the locks that were taken with it
}

// Removed is the answer to a removal.
type Removed struct {
	Existed  bool
	Replayed bool
}

// Page asks for a part of a list.
type Page struct {
	Limit  int    // at least 1
	Cursor string // what the previous page said, "" for the first
}

// SessionPage is a part of the list of sessions.
type SessionPage struct {
	Items []Session
	Next  string // cursor of the next page, "" on the last
}

// Sessions is the role that knows sessions themselves.
type Sessions interface {
	// Create makes a session. Errors: SessionExists.
	Create(ctx context.Context, ref Ref, s NewSession) (Created, error)
	// Get returns a living session and re-arms its expiry when less than 90 %
	// of its TTL is left. Errors: SessionNotFound, SessionExpired.
	Get(ctx context.Context, ref Ref) (Session, error)
	// Touch re-arms the expiry. Errors: SessionNotFound, SessionExpired.
	Touch(ctx context.Context, ref Ref, w Write) (Changed, error)
	// Update changes TTL, labels or the read-only flag and counts the version
	// up. Errors: SessionNotFound, SessionExpired, VersionConflict,
	// SessionReadOnly (unless the update thaws it), SessionQuotaExceeded (too
	// many labels).
	Update(ctx context.Context, ref Ref, u SessionUpdate) (Changed, error)
	// Remove deletes a session with all that is in it; a session that is not
	// there is no error. Errors: VersionConflict, SessionReadOnly,
	// VariableLocked.
	Remove(ctx context.Context, ref Ref, r SessionRemoval) (Removed, error)
	// List pages through an owner's living sessions in the order of their
	// creation. Expired ones never appear; a page may be short, even empty,
	// while Next is not "". Errors: InvalidRequest for a foreign cursor.
	List(ctx context.Context, owner string, p Page) (SessionPage, error)
	// Fork creates child as a session of its own that holds what ref holds at
	// one instant: variables with their versions and their history, and, where
	// n gives none (nil and 0), labels and TTL. It shares the bytes of tensors,
	// has no locks and an empty change log, knows nothing of what was deleted in
	// ref, and is not read-only even if ref is. child must be of ref's family and
	// owner, see Ref.MintFork. The token counts in child. Errors: SessionNotFound
	// and SessionExpired of ref, SessionExists of child, InvalidRequest.
	Fork(ctx context.Context, ref, child Ref, n NewSession) (Created, error)
	// Usage measures a session against its limits. Errors: SessionNotFound,
	// SessionExpired.
	Usage(ctx context.Context, ref Ref) (Usage, error)
}

// Usage is what a session holds.
type Usage struct {
	Bytes     int64 // of everything: variables, history, blobs, answers to keys
	Variables int64
	Changes   int64 // entries of the change log
	Blobs     int64 // different ones
	BlobBytes int64 // part of Bytes
	Locks     int64 // live ones
	Limits    Limits
}
