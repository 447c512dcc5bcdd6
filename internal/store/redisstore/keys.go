package redisstore

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"

	"toolpit/internal/store"
)

const (
	prefix    = "tp1:"
	layoutKey = prefix + "layout"
)

// escape makes any text safe inside a key: what is left has no brace, colon,
// line break or NUL.
func escape(s string) string { return url.QueryEscape(s) }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// sessionKeys returns the keys every session script declares, in the order of
// lua/prelude.lua. All have the family as their hash tag, so they and those of
// the session's forks are in one slot. minute is that of a minted token, else 0.
func sessionKeys(ref store.Ref, minute int64) []string {
	base := prefix + "{" + ref.Family() + "}:" + escape(ref.Owner) + ":" + escape(ref.ID) + ":"
	names := [...]string{"m", "v", "c", "e", "d", "x", "xo", "t:" + itoa(minute)}
	var text strings.Builder // of all of them, which saves allocations
	text.Grow(len(names)*(len(base)+2) + len(names[7]))
	keys := make([]string, len(names))
	for i, name := range names {
		start := text.Len()
		text.WriteString(base)
		text.WriteString(name)
		keys[i] = text.String()[start:]
	}
	return keys
}

// minuteOf returns the minute of a minted token, 0 for a keyed one.
func minuteOf(token store.Token) int64 {
	if token.Keyed() {
		return 0
	}
	return token.Minute()
}

// answerKey returns the key of a record outside any session.
func answerKey(owner string, token store.Token) string {
	sum := sha256.Sum256([]byte(owner + "\x00" + token.Bytes()))
	return prefix + "k:" + hex.EncodeToString(sum[:])
}

// The index has a slot of its own. ownersKey is also the first of indexKeys.
const ownersKey = prefix + "{index}:o"

func indexKeys(owner string) []string {
	return []string{ownersKey, prefix + "{index}:c:" + escape(owner), prefix + "{index}:e:" + escape(owner)}
}
