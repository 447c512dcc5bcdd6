package server

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// Bodies, each known to an envelope. Nobody writes to them.
var (
	executeBody = envelopeOf[api.ExecuteRequest]()
	createBody  = envelopeOf[api.CreateSessionRequest]()
	updateBody  = envelopeOf[api.UpdateSessionRequest]()

	putBody            = envelopeOf[api.PutVariableRequest]()
	createVariableBody = envelopeOf[api.CreateVariableRequest]()
	patchBody          = envelopeOf[api.UpdateVariableRequest]()
	incrementBody      = envelopeOf[api.IncrementVariableRequest]()
	rollbackBody       = envelopeOf[api.RollbackVariableRequest]()
	lockBody           = envelopeOf[api.LockVariableRequest]()
	batchBody          = envelopeOf[api.VariableBatchRequest]()
)

// Bounds of names and texts, as openapi.yaml has them.
const (
	maxToolName   = 64
	maxLabelName  = 64
	maxLabelValue = 256
	maxGlob       = 256
)

// isSessionID tells whether a session may be called that.
func isSessionID(id string) bool { return spelled(id, "._~-") && alphanumeric(id[0]) }

// isVariableName tells whether a variable may be called that.
func isVariableName(name string) bool {
	return spelled(name, "_.-") && (name[0] == '_' || alphanumeric(name[0]) && name[0] > '9')
}

const variableNameRule = "has 1 to 128 letters, digits, underscores, dots and hyphens, a letter or an underscore first"

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

func putVariable(b *api.PutVariableRequest) []fault.Violation { return expecting(b.ExpectedVersion) }

func createVariable(b *api.CreateVariableRequest) []fault.Violation {
	v := refusals(expecting(b.ExpectedVersion))
	if !isVariableName(b.Name) {
		v.add("/name", "A variable's name "+variableNameRule+".")
	}
	return v
}

func expecting(version *int64) []fault.Violation {
	var v refusals
	if version != nil && *version < 0 {
		v.add("/expected_version", "Expected a version, or 0 for none, got %d.", *version)
	}
	return v
}

func patchVariable(*api.UpdateVariableRequest) []fault.Violation { return nil }

func incrementVariable(b *api.IncrementVariableRequest) []fault.Violation {
	var v refusals
	if b.Min != nil && b.Max != nil && *b.Min > *b.Max {
		v.add("/max", "Expected at least min, which is %d, got %d.", *b.Min, *b.Max)
	}
	return v
}

func rollbackVariable(b *api.RollbackVariableRequest) []fault.Violation {
	var v refusals
	if b.Version < 1 {
		v.add("/version", "Expected a version, got %d.", b.Version)
	}
	return v
}

func lockVariable(b *api.LockVariableRequest) []fault.Violation {
	var v refusals
	v.lasting("/ttl_seconds", &b.TTLSeconds, store.MaxLease, time.Second)
	if b.Token != nil && !isLockToken(*b.Token) {
		v.add("/token", "Expected 1 to %d visible ASCII characters.", store.MaxLockToken)
	}
	if b.Holder != nil && (*b.Holder == "" || len(*b.Holder) > store.MaxWriterLen) {
		v.add("/holder", "Expected 1 to %d bytes, got %d.", store.MaxWriterLen, len(*b.Holder))
	}
	return v
}

func batchVariables(b *api.VariableBatchRequest) []fault.Violation {
	var v refusals
	if (b.Get == nil) == (b.Set == nil) {
		v.add("", "Expected either get or set.")
	}
	seen := map[string]bool{}
	for i, name := range b.Get {
		at := jsontext.Pointer("/get").AppendToken(strconv.Itoa(i))
		switch {
		case !isVariableName(name):
			v.add(at, "A variable's name "+variableNameRule+".")
		case seen[name]:
			v.add(at, "The name %q comes twice.", name)
		}
		seen[name] = true
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
