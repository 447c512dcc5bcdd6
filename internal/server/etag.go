package server

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"toolpit/internal/store"
)

// entityTag is one element of If-Match or If-None-Match.
type entityTag struct {
	weak bool
	text string // without the quotes
}

// entityTags reads a list of entity tags as RFC 9110 has it, or *; ok is false
// for anything else.
func entityTags(header string) (tags []entityTag, anything, ok bool) {
	rest := strings.Trim(header, ", \t") // a list may have empty elements
	if rest == "*" {
		return nil, true, true
	}
	for rest != "" {
		var tag entityTag
		if after, weak := strings.CutPrefix(rest, "W/"); weak {
			tag.weak, rest = true, after
		}
		if !strings.HasPrefix(rest, `"`) {
			return nil, false, false
		}
		text, after, closed := strings.Cut(rest[1:], `"`)
		if !closed || strings.ContainsFunc(text, notInTag) {
			return nil, false, false
		}
		tag.text = text
		tags = append(tags, tag)
		rest = strings.TrimLeft(after, " \t")
		if rest != "" && rest[0] != ',' {
			return nil, false, false
		}
		rest = strings.TrimLeft(rest, ", \t")
	}
	return tags, false, len(tags) > 0
}

func notInTag(r rune) bool { return r <= ' ' || r == 0x7f }

// precondition reads If-Match. Weak tags never match, as RFC 9110 says, but
// they count: a list of nothing else holds for no session.
// Errors: InvalidRequest.
func precondition(header *string) (store.Match, error) {
	if header == nil {
		return store.Match{}, nil
	}
	tags, anything, ok := entityTags(*header)
	if !ok {
		return store.Match{}, refuseParameter("If-Match", `is * or a list of entity tags such as "abc", with their quotes`)
	}
	m := store.Match{Any: anything}
	for _, t := range tags {
		text := t.text
		if t.weak {
			text = `W/"` + text // a tag has no quote, so this is none
		}
		m.Tags = append(m.Tags, text)
	}
	return m, nil
}

// unchanged reads If-None-Match and tells whether it names etag, which makes
// the answer 304. Errors: InvalidRequest.
func unchanged(header *string, etag string) (bool, error) {
	if header == nil {
		return false, nil
	}
	tags, anything, ok := entityTags(*header)
	if !ok {
		return false, refuseParameter("If-None-Match", `is * or a list of entity tags such as "abc", with their quotes`)
	}
	for _, t := range tags {
		if quoted(t.text) == etag {
			return true, nil
		}
	}
	return anything, nil
}

func quoted(tag string) string { return `"` + tag + `"` }

// contentTag is the entity tag of something whose version is its content.
func contentTag(content []byte) string {
	sum := sha256.Sum256(content)
	return quoted(base64.RawURLEncoding.EncodeToString(sum[:12]))
}
