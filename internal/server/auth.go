package server

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"toolpit/internal/fault"
)

// anybody owns everything where there are no keys.
const anybody = "default"

// Keys knows which API key belongs to which owner. It holds digests only.
type Keys struct {
	entries []keyEntry
}

type keyEntry struct {
	digest [sha256.Size]byte
	owner  string
}

// ParseKeys reads a file of API keys: lines of the form owner:sha256-hex, empty
// lines, and comments after #. An owner may have several keys, so that one can
// take the place of another; a key has one owner. Errors name the line, never
// what is in it.
func ParseKeys(r io.Reader) (*Keys, error) {
	ownerName := regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	k := &Keys{}
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		owner, digest, ok := strings.Cut(text, ":")
		if !ok || !ownerName.MatchString(owner) {
			return nil, fmt.Errorf("line %d: want owner:sha256-hex, the owner of 1 to 64 letters, digits, dots, underscores and hyphens", number)
		}
		entry := keyEntry{owner: owner}
		if n, err := hex.Decode(entry.digest[:], sized(digest)); err != nil || n != sha256.Size {
			return nil, fmt.Errorf("line %d: want the SHA-256 of the key as %d hexadecimal digits after the colon", number, 2*sha256.Size)
		}
		if slices.ContainsFunc(k.entries, func(e keyEntry) bool { return e.digest == entry.digest }) {
			return nil, fmt.Errorf("line %d: the same key stands in an earlier line", number)
		}
		k.entries = append(k.entries, entry)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the keys: %w", err)
	}
	if len(k.entries) == 0 {
		return nil, fmt.Errorf("there is no key, and nobody could use the service")
	}
	return k, nil
}

// sized returns the text if it has the length of a digest, nothing otherwise:
// hex.Decode would write past the digest.
func sized(text string) []byte {
	if len(text) != hex.EncodedLen(sha256.Size) {
		return nil
	}
	return []byte(text)
}

// Owners lists whom the keys belong to, each once.
func (k *Keys) Owners() []string {
	var owners []string
	for _, e := range k.entries {
		owners = append(owners, e.owner)
	}
	slices.Sort(owners)
	return slices.Compact(owners)
}

// ownerOf returns whose key it is. It takes the same time whether and where the
// key is found.
func (k *Keys) ownerOf(key string) (owner string, ok bool) {
	digest := sha256.Sum256([]byte(key))
	at := -1
	for i := range k.entries {
		same := subtle.ConstantTimeCompare(k.entries[i].digest[:], digest[:])
		at = subtle.ConstantTimeSelect(same, i, at)
	}
	if at < 0 {
		return "", false
	}
	return k.entries[at].owner, true
}

// authenticate returns the owner of the key in a request. Without keys
// everything belongs to one owner. Errors: Unauthenticated.
func (k *Keys) authenticate(h http.Header) (owner string, err error) {
	if k == nil {
		return anybody, nil
	}
	values := h["Authorization"]
	if len(values) == 0 {
		return "", fault.New(fault.Unauthenticated, "Send the API key as a bearer token in the Authorization header.")
	}
	scheme, key, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return "", fault.New(fault.Unauthenticated, "The Authorization header must be Bearer and the API key.")
	}
	owner, ok := k.ownerOf(strings.TrimLeft(key, " "))
	if !ok {
		return "", fault.New(fault.Unauthenticated, "The API key is not known here.")
	}
	return owner, nil
}
