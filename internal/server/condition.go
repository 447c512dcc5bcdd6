package server

import (
	"fmt"
	"strconv"
	"strings"

	"toolpit/internal/store"
)

// variableTag is the ETag of a variable at a version. The session's epoch is in
// it because a session that is created again begins its versions again.
func variableTag(epoch string, version int64) string {
	return quoted(fmt.Sprintf("%s-%d", epoch, version))
}

// seenIn reads what variableTag has written.
func seenIn(tag entityTag) (epoch string, version int64, ok bool) {
	dash := strings.LastIndexByte(tag.text, '-')
	if tag.weak || dash < 0 {
		return "", 0, false
	}
	version, err := strconv.ParseInt(tag.text[dash+1:], 10, 64)
	return tag.text[:dash], version, err == nil && version > 0
}

// noEpoch is the epoch of no session.
const noEpoch = "-"

// condition is what a request asks of a variable that it is going to change.
type condition struct {
	ifMatch     *string
	ifNoneMatch *string
	expected    *int64 // expected_version
}

// on makes an operation depend on the condition. The store judges it: only
// there is it known whether the request is a repetition, which is answered
// whatever has changed since. Errors: InvalidRequest.
func (c condition) on(op store.Op) (store.Op, error) {
	switch {
	case c.ifNoneMatch != nil:
		return c.onNothing(op)
	case c.ifMatch != nil:
		return c.onTag(op)
	case c.expected != nil:
		return op.IfVersion(*c.expected), nil
	}
	return op, nil
}

func (c condition) onNothing(op store.Op) (store.Op, error) {
	_, anything, ok := entityTags(*c.ifNoneMatch)
	switch {
	case !ok || !anything:
		return op, refuseParameter("If-None-Match", "is * for a write, which says that nothing may be there yet")
	case c.ifMatch != nil:
		return op, refuseParameter("If-None-Match", "contradicts If-Match")
	case c.expected != nil && *c.expected != 0:
		return op, refuseParameter("If-None-Match", "contradicts expected_version")
	}
	return op.IfVersion(0), nil
}

func (c condition) onTag(op store.Op) (store.Op, error) {
	tags, anything, ok := entityTags(*c.ifMatch)
	if !ok || len(tags) > 1 {
		return op, refuseParameter("If-Match", `is * or one entity tag such as "abc", with its quotes`)
	}
	epoch, version := "", store.AnyVersion
	if !anything {
		if epoch, version, ok = seenIn(tags[0]); !ok {
			epoch, version = noEpoch, 1 // a tag that no variable has
		}
	}
	if c.expected != nil {
		if anything && *c.expected > 0 {
			version = *c.expected
		}
		if version != *c.expected {
			return op, refuseParameter("If-Match", "contradicts expected_version")
		}
	}
	return op.IfSeen(epoch, version), nil
}

// lockToken returns the token in X-Lock-Token, "" when there is no such header.
// Errors: InvalidRequest.
func lockToken(x *exchange) (string, error) {
	values := x.request.Header["X-Lock-Token"]
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 || !isLockToken(values[0]) {
		return "", refuseParameter("X-Lock-Token", "has 1 to 128 visible ASCII characters")
	}
	return values[0], nil
}

func isLockToken(token string) bool {
	if len(token) < 1 || len(token) > store.MaxLockToken {
		return false
	}
	for i := range len(token) {
		if token[i] < '!' || token[i] > '~' {
			return false
		}
	}
	return true
}
