package server

import (
	"crypto/sha256"
	"time"

	"toolpit/internal/store"
)

// maxKey is how long an Idempotency-Key may be.
const maxKey = 255

// idempotencyKey returns the key in a header, "" when there is no such header.
// Errors: InvalidRequest.
func idempotencyKey(header *string) (string, error) {
	if header == nil {
		return "", nil
	}
	key := *header
	if len(key) < 1 || len(key) > maxKey {
		return "", refuseParameter("Idempotency-Key", "has 1 to 255 characters")
	}
	for i := range len(key) {
		if key[i] < '!' || key[i] > '~' {
			return "", refuseParameter("Idempotency-Key", "consists of visible ASCII characters only")
		}
	}
	return key, nil
}

// fingerprint is the digest by which a repeated request is told from another
// one under the same key: method, path, and digest of the body as it was sent.
func (x *exchange) fingerprint() [32]byte {
	body := sha256.Sum256(x.body)
	h := sha256.New()
	h.Write([]byte(x.request.Method + "\n" + x.request.URL.Path + "\n"))
	h.Write(body[:])
	return [32]byte(h.Sum(nil))
}

// write is what a change of a session itself carries: the token of the
// request's key, or a fresh one. Errors: InvalidRequest.
func (x *exchange) write(header *string) (store.Write, error) {
	key, err := idempotencyKey(header)
	switch {
	case err != nil:
		return store.Write{}, err
	case key == "":
		return store.Write{Token: store.MintToken(x.start), By: writer}, nil
	}
	return store.Write{Token: store.KeyedToken(key), Fingerprint: x.fingerprint(), By: writer}, nil
}

// writer is how changes made by this package are signed.
const writer = "http"

// replay notes whether an answer was given before, and returns the header that
// says so.
func (x *exchange) replay(replayed bool) *string {
	x.replayed = replayed
	if !replayed {
		return nil
	}
	return new("true")
}

// stored notes how long the store took, and returns the header that says so.
func (x *exchange) stored(since time.Time) *string {
	x.timing[0] = string(appendTiming(nil, "store", time.Since(since)))
	return &x.timing[0]
}
