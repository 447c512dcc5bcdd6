package tools

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"toolpit/internal/fault"
)

// Refuse is the error of a tool that finds one of its arguments wrong. The
// pointer is relative to the arguments, such as /expression.
func Refuse(pointer string, code fault.Code, detail string) *fault.Error {
	return fault.Invalid(fault.ConstraintViolation, detail,
		[]fault.Violation{{Pointer: argumentsPointer + pointer, Code: code, Detail: detail}}, fault.TypeMismatch)
}

// Blame says which argument an error is about: err, which some function that
// knows nothing of tools returned, becomes a violation at pointer. Its facts
// and its class stay.
func Blame(pointer string, err error) error {
	if err == nil {
		return nil
	}
	e := *fault.From(err)
	e.Detail = sentence(e.Detail)
	e.Violations = []fault.Violation{{Pointer: argumentsPointer + pointer, Code: e.Code, Detail: e.Detail}}
	return &e
}

// Relocate says which arguments the violations of an error are about: a
// pointer that is, or begins with, a key of the map gets what the map has in
// its place, relative to the arguments. An error that has none of them is
// returned as it is.
func Relocate(err error, to map[string]string) error {
	if err == nil {
		return nil
	}
	e := *fault.From(err)
	moved := false
	e.Violations = slices.Clone(e.Violations)
	for i, v := range e.Violations {
		for from, argument := range to {
			if rest, ok := strings.CutPrefix(v.Pointer, from); ok && (rest == "" || rest[0] == '/') {
				e.Violations[i].Pointer = argumentsPointer + argument + rest
				moved = true
				break
			}
		}
	}
	if !moved {
		return err
	}
	return &e
}

// sentence makes what a calculation said in passing a sentence of an answer.
func sentence(detail string) string {
	first, size := utf8.DecodeRuneInString(detail)
	if size == 0 {
		return ""
	}
	detail = string(unicode.ToUpper(first)) + detail[size:]
	if !strings.HasSuffix(detail, ".") {
		detail += "."
	}
	return detail
}
