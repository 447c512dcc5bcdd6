package store

import (
	"context"
	"errors"
	"time"
)

// Limits bounds what one session may hold. The zero value of a field means the
// default.
type Limits struct {
	Variables    int64 // variables in a session; default 10,000
	ValueBytes   int64 // encoded size of one value, tensors aside; default 256 KiB
	TensorBytes  int64 // of one tensor; default 1 GiB
	SessionBytes int64 // everything in a session, records, history and blobs included; default 4 GiB
	Changes      int64 // entries of a session's change log; default 10,000
	History      int64 // versions of a variable that can be seen, the current one included; default 50
	HistoryBytes int64 // of a variable's versions but the current one, blobs included; default 64 MiB
}

// WithDefaults fills in what was left out.
func (l Limits) WithDefaults() Limits {
	fill := func(field *int64, def int64) {
		if *field == 0 {
			*field = def
		}
	}
	fill(&l.Variables, 10_000)
	fill(&l.ValueBytes, 256<<10)
	fill(&l.TensorBytes, 1<<30)
	fill(&l.SessionBytes, 4<<30)
	fill(&l.Changes, 10_000)
	fill(&l.History, 50)
	fill(&l.HistoryBytes, 64<<20)
	return l
}

// Config is what every back end is opened with.
type Config struct {
	Limits       Limits
	TombstoneTTL time.Duration // how long an expired session answers SessionExpired; default 1 h
	KeyTTL       time.Duration // how long a client's Idempotency-Key is remembered; default 24 h
	// Durability is what every write must survive before it is answered; default
	// Memory. A back end that cannot honour it is Unfit.
	Durability Durability
	Replicas   int // that confirm a write that is to be Replicated; default 1
	// Offset is added to the store's clock. It is for tests; nil means none.
	Offset func() time.Duration
}

// WithDefaults fills in what was left out.
func (c Config) WithDefaults() Config {
	c.Limits = c.Limits.WithDefaults()
	if c.TombstoneTTL == 0 {
		c.TombstoneTTL = time.Hour
	}
	if c.KeyTTL == 0 {
		c.KeyTTL = 24 * time.Hour
	}
	if c.Durability == "" {
		c.Durability = Memory
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.Offset == nil {
		c.Offset = func() time.Duration { return 0 }
	}
	return c
}

// Remembered is an answer kept under a key outside any session.
type Remembered struct {
	Memo     []byte
	Replayed bool // it had been stored before
}

// Answers is the role that remembers answers under a client's key, in the
// scope of an owner.
type Answers interface {
	// Recall returns what was stored under w's token; found is false when
	// nothing was. Errors: IdempotencyKeyReused.
	Recall(ctx context.Context, owner string, w Write) (memo []byte, found bool, err error)
	// Remember stores memo (at most MaxAnswer bytes) unless something is
	// stored already: the first one wins and is returned. Errors:
	// IdempotencyKeyReused, ValueTooLarge.
	Remember(ctx context.Context, owner string, w Write, memo []byte) (Remembered, error)
}

// Swept counts what housekeeping removed.
type Swept struct {
	Sessions int64 // expired sessions whose rests were removed
	Tokens   int64 // forgotten tokens
	Hints    int64 // index entries that pointed nowhere
	Blobs    int64 // blobs and uploads that nobody needs any more, unless they went by themselves
}

// Health is the role of the store as a whole.
type Health interface {
	// Now returns the store's clock, and thereby tells that it answers.
	Now(ctx context.Context) (time.Time, error)
	// Check tells whether the store is fit for use: it answers, it evicts
	// nothing, it honours Config.Durability, and its layout is one this program
	// knows (an older one is upgraded). Errors: StoreUnavailable while it does
	// not answer or lacks replicas, and an Unfit that no waiting mends.
	Check(ctx context.Context) error
	// Honours asks the store what writes survive there at present, in the order
	// of [Durabilities]. Errors: StoreUnavailable.
	Honours(ctx context.Context) ([]Durability, error)
	// Sweep removes a bounded amount of what has expired. Deletion is only
	// housekeeping: what is expired is refused by every method whether it was
	// swept or not.
	Sweep(ctx context.Context) (Swept, error)
	Close() error
}

// Unfit says why a store must not be used.
type Unfit struct{ Reason string }

// Error returns the reason.
func (u *Unfit) Error() string { return u.Reason }

// IsUnfit tells whether err says that the store must not be used.
func IsUnfit(err error) bool {
	_, ok := errors.AsType[*Unfit](err)
	return ok
}

// Store is all roles together: what a back end offers. A consumer asks only
// for the roles it needs.
type Store interface {
	Sessions
	Variables
	Events
	Blobs
	Answers
	Health
}

// CallTimeout bounds every call to a store, whatever time the request has.
const CallTimeout = 1100 * time.Millisecond
