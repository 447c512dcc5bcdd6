package expr

import (
	"fmt"
	"strings"

	"toolpit/internal/fault"
)

// The classes of errors, named as in Python.
const (
	syntaxError       = "SyntaxError"
	nameError         = "NameError"
	zeroDivisionError = "ZeroDivisionError"
	overflowError     = "OverflowError"
	valueError        = "ValueError"
	typeError         = "TypeError"
)

// failure is an error inside this package. Arithmetic does not know where its
// operands were written; who knows adds the position on the way out.
type failure struct {
	class       string
	message     string
	hint        string // what to do about it; may be empty
	suggestions []string
	position    int // byte offset; -1 while unknown
}

func failf(class, format string, args ...any) *failure {
	return &failure{class: class, message: fmt.Sprintf(format, args...), position: -1}
}

// hinting adds what to do about the failure and returns f.
func (f *failure) hinting(hint string) *failure {
	f.hint = hint
	return f
}

// suggesting adds near names and a hint that lists them, and returns f.
func (f *failure) suggesting(names []string) *failure {
	if len(names) > 0 {
		f.suggestions = names
		f.hint = "did you mean " + strings.Join(names, " or ") + "?"
	}
	return f
}

// at adds a byte offset unless f has one, and returns f; nil stays nil.
func (f *failure) at(position int) *failure {
	if f != nil && f.position < 0 {
		f.position = position
	}
	return f
}

// result turns a number or a failure into what callers of the package get.
func result(n Number, f *failure) (Number, error) {
	if f == nil {
		return n, nil
	}
	e := fault.New(fault.ConstraintViolation, f.message)
	e.Facts.ErrorType, e.Facts.Suggestions = f.class, f.suggestions
	if f.position >= 0 {
		e.Detail += fmt.Sprintf(" at position %d", f.position)
		e.Facts.Position = &f.position
	}
	if f.hint != "" {
		e.Detail += "; " + f.hint
	}
	return Number{}, e
}

// checkLength refuses text longer than MaxLength; what names it.
func checkLength(what, text string) *failure {
	if len(text) <= MaxLength {
		return nil
	}
	return failf(syntaxError, "the %s exceeds %d bytes", what, MaxLength).at(MaxLength)
}

// quote shows a piece of the source in a detail, cut so that a detail stays
// one readable sentence.
func quote(s string) string {
	const most = 32
	if len(s) > most {
		return fmt.Sprintf("%q...", s[:most])
	}
	return fmt.Sprintf("%q", s)
}
