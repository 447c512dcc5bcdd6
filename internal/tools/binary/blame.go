package binary

import (
	"toolpit/internal/fault"
	"toolpit/internal/tools"
)

// blame points an operation's error at the argument it is about: the variable
// that was chosen, or what made the value too large.
func blame(err error, size string) error {
	switch fault.CodeOf(err) {
	case fault.VariableLocked, fault.TypeMismatch, fault.ConstraintViolation, fault.VersionConflict:
		return tools.Blame("/name", err)
	case fault.ValueTooLarge:
		return tools.Blame(size, err)
	default:
		return err
	}
}
