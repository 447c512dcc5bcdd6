package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/api"
	"toolpit/internal/fault"
)

// Bodies, each known to an envelope. Nobody writes to them.
var (
	executeBody = envelopeOf[api.ExecuteRequest]()
	createBody  = envelopeOf[api.CreateSessionRequest]()
	updateBody  = envelopeOf[api.UpdateSessionRequest]()
)

// Bounds of names and texts, as openapi.yaml has them.
const (
	maxToolName   = 64
	maxLabelName  = 64
	maxLabelValue = 256
)

// isSessionID tells whether a session may be called that.
func isSessionID(id string) bool { return spelled(id, "._~-") && alphanumeric(id[0]) }

// spelled tells whether a text is 1 to 128 letters, digits and marks. Every
// request asks; a regular expression takes ten times as long.
func spelled(text, marks string) bool {
	if len(text) < 1 || len(text) > 128 {
		return false
	}
	for i := range len(text) {
		if !alphanumeric(text[i]) && strings.IndexByte(marks, text[i]) < 0 {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// refusals gathers what is out of bounds.
type refusals []fault.Violation

func (v *refusals) add(pointer jsontext.Pointer, format string, args ...any) {
	*v = append(*v, fault.Violation{
		Pointer: string(pointer), Code: fault.ConstraintViolation, Detail: fmt.Sprintf(format, args...),
	})
}

// lasting checks a number of units that may be absent.
func (v *refusals) lasting(pointer jsontext.Pointer, n *int64, most time.Duration, unit time.Duration) {
	if limit := int64(most / unit); n != nil && (*n < 1 || *n > limit) {
		v.add(pointer, "Expected a number from 1 to %d, got %d.", limit, *n)
	}
}

func (v *refusals) labelName(name string) {
	if n := utf8.RuneCountInString(name); n < 1 || n > maxLabelName {
		v.add("/labels", "A label's name has 1 to %d characters, not %d.", maxLabelName, n)
	}
}

func (v *refusals) labelValue(name, value string) {
	if n := utf8.RuneCountInString(value); n > maxLabelValue {
		v.add(jsontext.Pointer("/labels").AppendToken(name), "A label has at most %d characters, not %d.", maxLabelValue, n)
	}
}

func (l Limits) execute(b *api.ExecuteRequest) []fault.Violation {
	var v refusals
	if n := utf8.RuneCountInString(b.Tool); n < 1 || n > maxToolName {
		v.add("/tool", "A tool's name has 1 to %d characters, not %d.", maxToolName, n)
	}
	v.lasting("/timeout_ms", b.TimeoutMS, l.MaxTimeout, time.Millisecond)
	return v
}

func (l Limits) create(b *api.CreateSessionRequest) []fault.Violation {
	var v refusals
	if b.ID != nil && !isSessionID(*b.ID) {
		v.add("/id", "Expected 1 to 128 letters, digits, dots, underscores, tildes and hyphens, a letter or digit first.")
	}
	if b.IfExists != nil && !b.IfExists.Valid() {
		v.add("/if_exists", "Expected %q or %q.", api.IfExistsFail, api.IfExistsReturn)
	}
	v.lasting("/ttl_seconds", b.TTLSeconds, l.MaxTTL, time.Second)
	for _, name := range slices.Sorted(maps.Keys(b.Labels)) {
		v.labelName(name)
		v.labelValue(name, b.Labels[name])
	}
	return v
}

func (l Limits) update(b *api.UpdateSessionRequest) []fault.Violation {
	var v refusals
	v.lasting("/ttl_seconds", b.TTLSeconds, l.MaxTTL, time.Second)
	for _, name := range slices.Sorted(maps.Keys(b.Labels)) {
		v.labelName(name)
		if value := b.Labels[name]; value != nil {
			v.labelValue(name, *value)
		}
	}
	return v
}

// checkSessionID refuses an id in a path that no session can have.
func checkSessionID(id string) error {
	if isSessionID(id) {
		return nil
	}
	return refuseParameter("id", "has 1 to 128 letters, digits, dots, underscores, tildes and hyphens, a letter or digit first")
}
