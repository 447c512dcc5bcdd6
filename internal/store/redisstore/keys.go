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
	base := sessionName(ref) + ":"
	names := [...]string{"m", "v", "c", "e", "d", "x", "xo", "t:" + itoa(minute), "h", "b", "n"}
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

// sessionName is what a session's keys begin with.
func sessionName(ref store.Ref) string {
	return prefix + "{" + ref.Family() + "}:" + escape(ref.Owner) + ":" + escape(ref.ID)
}

// refOf is the inverse of sessionName for a session's first key.
func refOf(key string) (store.Ref, bool) {
	parts := strings.Split(key, ":")
	if len(parts) != 5 {
		return store.Ref{}, false
	}
	owner, err1 := url.QueryUnescape(parts[2])
	id, err2 := url.QueryUnescape(parts[3])
	return store.Ref{Owner: owner, ID: id}, err1 == nil && err2 == nil
}

// chunkName is the key of a blob's, or an upload's, chunk. A chunk is a string of
// its own: Redis then keeps it in the memory that it was received in, and reads
// parts of it.
func chunkName(base string, index int64) string { return base + ":" + strconv.FormatInt(index, 10) }

func chunkNames(base string, bytes int64) []string {
	keys := make([]string, store.Chunks(bytes))
	for i := range keys {
		keys[i] = chunkName(base, int64(i))
	}
	return keys
}

// uploadKeys returns the key of an upload's mark, then those of its chunks.
func uploadKeys(ref store.Ref, u store.Upload) []string {
	name := uploadName(ref, u.ID)
	return append([]string{name + ":t"}, chunkNames(name, u.Bytes)...)
}

// uploadName is what the keys of an upload begin with.
func uploadName(ref store.Ref, id string) string { return sessionName(ref) + ":u:" + escape(id) }

// blobName is what the keys of a blob begin with; digest is in hexadecimal.
func blobName(family, digest string) string { return prefix + "{" + family + "}:b:" + digest }

// blobKeys returns the key of a blob's holders, then those of its chunks.
func blobKeys(family, digest string, bytes int64) []string {
	name := blobName(family, digest)
	return append([]string{name + ":h"}, chunkNames(name, bytes)...)
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
