package server

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"toolpit/internal/fault"
)

const contentDigestHeader = "Content-Digest"

// contentDigest returns the SHA-256 that Content-Digest (RFC 9530) says the
// body has, nil when it says none. Digests of other kinds are not ours to check.
// Errors: InvalidRequest.
func contentDigest(h http.Header) ([]byte, error) {
	var sum []byte
	for _, line := range h[contentDigestHeader] {
		for member := range strings.SplitSeq(line, ",") {
			algorithm, text, _ := strings.Cut(strings.Trim(member, " \t"), "=")
			if algorithm != "sha-256" {
				continue
			}
			text, opened := strings.CutPrefix(text, ":")
			text, closed := strings.CutSuffix(text, ":")
			decoded, err := base64.StdEncoding.DecodeString(text)
			if !opened || !closed || err != nil || len(decoded) != sha256.Size {
				return nil, refuseParameter(contentDigestHeader, "has the form sha-256=:BASE64:, with 32 bytes as base64")
			}
			sum = decoded // the last one counts, as RFC 8941 says
		}
	}
	return sum, nil
}

// contentDigestOf writes a Content-Digest.
func contentDigestOf(sum []byte) string {
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum) + ":"
}

// wrongDigest is the answer to a body that is not what Content-Digest says.
func wrongDigest() *fault.Error {
	return refuseParameter(contentDigestHeader, "is not the digest of the body that came")
}
