package redisstore

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"

	"toolpit/internal/store"
)

const (
	prefix    = "tp1:"
	layoutKey = prefix + "layout"
)

// escape makes any text safe inside a key or a header: what is left has no
// brace, colon, pipe, line break or NUL.
func escape(s string) string { return url.QueryEscape(s) }

func unescape(s string) string {
	if t, err := url.QueryUnescape(s); err == nil {
		return t
	}
	return s
}

// sessionKeys returns the keys every session script declares, in the order of
// lua/prelude.lua. All have the family as their hash tag, so they and those of
// the session's forks are in one slot.
func sessionKeys(ref store.Ref, token store.Token) []string {
	base := prefix + "{" + ref.Family() + "}:" + escape(ref.Owner) + ":" + escape(ref.ID) + ":"
	keys := []string{base + "m", base + "v", base + "c", base + "l", base + "d", base + "x", base + "xo", base + "t:0"}
	if b := token.Bytes(); b != "" && !token.Keyed() {
		keys[7] = base + "t:" + strconv.FormatInt(token.Minute(), 10)
	}
	return keys
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
