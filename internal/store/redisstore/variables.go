package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// Read implements store.Variables.
func (s *Store) Read(ctx context.Context, ref store.Ref, names ...string) (store.Snapshot, error) {
	return s.ReadPart(ctx, ref, math.MaxInt64, names...)
}

// ReadPart implements store.Variables.
func (s *Store) ReadPart(ctx context.Context, ref store.Ref, bytes int64, names ...string) (store.Snapshot, error) {
	if len(names) > store.MaxOps {
		return store.Snapshot{}, fault.Newf(fault.InvalidRequest, "At most %d variables can be read at once.", store.MaxOps)
	}
	r, err := s.read(ctx, ref, bytes, names)
	if err != nil {
		return store.Snapshot{}, err
	}
	snap := store.Snapshot{
		Variables: make(map[string]store.Variable, len(r.records)), At: instant(r.at),
		Epoch: r.session.Epoch, Seq: r.session.Seq, Commands: r.session.Commands,
		Left: len(names) - len(r.records), LeftBytes: r.left,
	}
	for i, name := range names[:len(r.records)] {
		v, err := parseVariable(name, r.records[i])
		if err != nil {
			return store.Snapshot{}, err
		}
		if v.Version != 0 {
			snap.Variables[name] = v
		}
	}
	return snap, nil
}

// reading is what lua/read.lua tells.
type reading struct {
	session store.Session
	records []string // of as many names as there was room for
	left    int64    // bytes of the others
	at      int64    // the store's clock
}

// read runs the read script.
func (s *Store) read(ctx context.Context, ref store.Ref, bytes int64, names []string) (reading, error) {
	args := append(make([]string, 0, 2+len(names)), s.settings(), itoa(bytes))
	args = append(args, names...)
	reply, err := s.query(ctx, s.scripts.read, sessionKeys(ref, 0), args)
	if err != nil {
		return reading{}, err
	}
	if len(reply) >= 2 && reply[0] == "E" {
		return reading{}, sessionRefusal(reply[1], 0, nil)
	}
	if n := len(reply) - 4; n < min(1, len(names)) || n > len(names) {
		return reading{}, damaged(fmt.Errorf("%d fields for %d names", len(reply), len(names)))
	}
	r := reading{records: reply[4:]}
	if r.at, err = strconv.ParseInt(reply[1], 10, 64); err != nil {
		return reading{}, damaged(err)
	}
	if r.left, err = strconv.ParseInt(reply[2], 10, 64); err != nil {
		return reading{}, damaged(err)
	}
	r.session, err = parseSession(ref, &fields{rest: reply[3]})
	return r, err
}

func (s *Store) offset() string { return itoa(s.cfg.Offset().Milliseconds()) }

// settings returns the argument that every session script begins with.
func (s *Store) settings() string {
	b := make([]byte, 0, 8+3*6)
	b = binary.BigEndian.AppendUint64(b, uint64(s.cfg.Offset().Milliseconds()))
	for _, d := range [...]time.Duration{s.cfg.TombstoneTTL, s.cfg.KeyTTL, store.MintedTTL} {
		b = appendNumber(b, d.Milliseconds(), 6)
	}
	return string(b)
}

// appendNumber appends the last size bytes of a number that is not negative.
func appendNumber(b []byte, n int64, size int) []byte {
	for i := size - 1; i >= 0; i-- {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

// head returns the arguments every mutating session script but apply begins with.
func (s *Store) head(w store.Write, capacity int) []string {
	return append(make([]string, 0, 3+capacity), s.settings(), w.Token.Bytes(), fingerprintOf(w))
}

// fingerprintOf returns what a session's answer to a token is compared by.
func fingerprintOf(w store.Write) string {
	if !w.Token.Keyed() {
		return ""
	}
	return string(w.Fingerprint[:])
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// limits returns what lua/apply.lua must know of the store's limits.
func (s *Store) limits() string {
	limits := s.cfg.Limits
	b := make([]byte, 0, 4+6+4+1+2+6)
	b = appendNumber(b, min(limits.Variables, math.MaxUint32), 4)
	b = appendNumber(b, limits.SessionBytes, 6)
	b = appendNumber(b, min(limits.Changes, math.MaxUint32), 4)
	b = appendNumber(b, s.slots(), 1)
	b = appendNumber(b, min(limits.History-1, math.MaxUint16), 2)
	return string(appendNumber(b, limits.HistoryBytes, 6))
}

// slots returns how many full segments of a variable's history are kept, see
// lua/history.lua.
func (s *Store) slots() int64 {
	const full = 8
	return min(max(1, (s.cfg.Limits.History-1+full-1)/full), math.MaxUint8)
}

func optional(n *int64) string {
	if n == nil {
		return ""
	}
	return itoa(*n)
}
