package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"time"

	"toolpit/internal/fault"
)

// Token identifies one mutation. Applying a unit twice under one token has the
// effect of applying it once.
type Token struct {
	raw   string
	keyed bool
}

// KeyedToken derives the token of a client's Idempotency-Key. Its scope is
// where it is used: the same key in two sessions, or for two owners, is two
// tokens to the store.
func KeyedToken(key string) Token {
	sum := sha256.Sum256([]byte(key))
	return Token{raw: string(sum[:]), keyed: true}
}

// MintToken makes a fresh token: six bytes of Unix milliseconds, then ten
// random bytes. The time only chooses the bucket in which the record is kept,
// so a wrong clock does no harm.
func MintToken(now time.Time) Token {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process rather than return an error
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(b[:6], ms[2:])
	return Token{raw: string(b[:])}
}

// Keyed tells a client's key from a minted token.
func (t Token) Keyed() bool { return t.keyed }

// Bytes returns what back ends store: 32 bytes for a keyed token, 16 for a
// minted one.
func (t Token) Bytes() string { return t.raw }

// Minute returns the minute of a minted token's own time.
func (t Token) Minute() int64 {
	var ms [8]byte
	copy(ms[2:], t.raw[:6])
	return int64(binary.BigEndian.Uint64(ms[:])) / time.Minute.Milliseconds()
}

// Text returns 26 characters that name the token within scope, such as the
// readable half of an execution's id. Equal tokens in equal scopes have equal
// texts, and a keyed token cannot be computed back from its text. A minted one
// is nobody's secret: no client can send one.
func (t Token) Text(scope string) string {
	if !t.keyed {
		return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(t.raw))
	}
	sum := sha256.Sum256([]byte(scope + "\x00" + t.raw))
	return base32.StdEncoding.EncodeToString(sum[:])[:26]
}

// Write is what every mutation carries.
type Write struct {
	Token       Token
	Fingerprint [32]byte // digest of the request; compared for keyed tokens only
	By          string   // who writes: a tool's name or "http"; at most 64 bytes, recorded as the writer
	// Durability is more than Config.Durability asks for, if anything. It must be
	// one that the store honours.
	Durability Durability
}

// Check refuses a write that could not be told from others. Errors:
// InvalidRequest.
func (w Write) Check() error {
	switch {
	case w.Token.raw == "":
		return fault.New(fault.InvalidRequest, "A write needs a token.")
	case len(w.By) > MaxWriterLen:
		return fault.Newf(fault.InvalidRequest, "A writer's name has at most %d bytes.", MaxWriterLen)
	}
	return nil
}
