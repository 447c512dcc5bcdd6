package variable

import (
	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

// places says where in the arguments the parts of an operation are; "" where
// the tool has no such argument, or it was not given.
type places struct {
	name, typ, value, constraints, metadata, version string
}

// blame points an operation's error at the argument it is about. What is about
// no argument (a session that is gone, a quota) stays as it is.
func (p places) blame(err error) error {
	e := fault.From(err)
	if e == nil || len(e.Violations) > 0 {
		return tools.Relocate(err, map[string]string{"/value": p.value, "/constraints": p.constraints, "/metadata": p.metadata})
	}
	if at := p.of(e); at != "" {
		return tools.Blame(at, err)
	}
	return err
}

// of is the argument that an error without violations is about.
func (p places) of(e *fault.Error) string {
	switch e.Code {
	case fault.VariableNotFound, fault.VariableExists, fault.VariableLocked:
		return p.name
	case fault.VersionNotFound, fault.VersionConflict:
		return either(p.version, p.name)
	case fault.TypeMismatch:
		return either(p.typ, p.value)
	case fault.InvalidConstraints:
		return either(p.constraints, p.name)
	case fault.ValueTooLarge:
		if e.Facts.LimitBytes == store.MaxMetadata {
			return p.metadata
		}
		return p.value
	default:
		return ""
	}
}

func either(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// given is the place of an optional argument.
func given(there bool, at string) string {
	if there {
		return at
	}
	return ""
}
