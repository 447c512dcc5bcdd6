package value

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/near"
)

// MaxViolations is how many violations are reported of one value or one set of
// constraints. Reading ends with the last of them.
const MaxViolations = 100

const (
	maxPointer = 512 // bytes of a violation's pointer; the names in it are the caller's
	maxShown   = 40  // characters of a caller's text in a sentence
	maxListed  = 12  // possibilities in a sentence
	maxNear    = 3   // suggestions in a sentence
)

// findings gathers what is wrong with something.
type findings struct {
	found  []fault.Violation
	broken bool // nothing more can be said: the text is not readable
	steps  int  // spent on patterns, see pattern
}

// over tells whether there is no sense in looking any further.
func (f *findings) over() bool { return f.broken || len(f.found) >= MaxViolations }

func (f *findings) add(pointer string, code fault.Code, detail string) {
	if f.over() {
		return
	}
	if len(pointer) > maxPointer { // a hundred of those would be many times the value
		pointer = pointer[:strings.LastIndexByte(pointer[:maxPointer], '/')]
		f.broken = true
	}
	f.found = append(f.found, fault.Violation{Pointer: pointer, Code: code, Detail: detail})
}

// violates adds a violation of a constraint.
func (f *findings) violates(pointer, format string, args ...any) {
	if !f.over() {
		f.add(pointer, fault.ConstraintViolation, fmt.Sprintf(format, args...))
	}
}

// mismatch adds a violation of a type.
func (f *findings) mismatch(pointer, expected, got string) {
	f.add(pointer, fault.TypeMismatch, "Expected "+expected+", got "+got+".")
}

// unreadable replaces all that was found: the text is not JSON as we read it.
func (f *findings) unreadable(detail string) {
	f.found = []fault.Violation{{Code: fault.InvalidRequest, Detail: detail}}
	f.broken = true
}

// integer judges i by its bounds.
func (f *findings) integer(pointer string, i int64, l *limits) {
	switch {
	case l == nil:
	case l.minInt != nil && i < *l.minInt:
		f.violates(pointer, "Expected at least %d, got %d.", *l.minInt, i)
	case l.maxInt != nil && i > *l.maxInt:
		f.violates(pointer, "Expected at most %d, got %d.", *l.maxInt, i)
	}
}

// float judges x by its bounds, which NaN never keeps.
func (f *findings) float(pointer string, x float64, l *limits) {
	if l == nil || l.holds(x) {
		return
	}
	if l.minFloat != nil && !(x >= *l.minFloat) {
		f.violates(pointer, "Expected at least %s, got %s.", decimal(*l.minFloat), decimal(x))
		return
	}
	f.violates(pointer, "Expected at most %s, got %s.", decimal(*l.maxFloat), decimal(x))
}

// text judges a string by its length, its pattern and what it may be.
func (f *findings) text(pointer, s string, l *limits) {
	if l == nil {
		return
	}
	if l.minLength != nil || l.maxLength != nil {
		f.length(pointer, utf8.RuneCountInString(s), "characters", l)
	}
	if l.pattern != nil {
		f.matches(pointer, s, l.pattern)
	}
	if l.options != nil && !slices.Contains(l.options, s) {
		f.violates(pointer, "Expected %s, got %s%s", alternatives(l.options), shown(s), didYouMean(near.Names(s, l.options, maxNear)))
	}
}

// length judges a number of characters or items.
func (f *findings) length(pointer string, n int, of string, l *limits) {
	switch {
	case l == nil:
	case l.minLength != nil && n < *l.minLength:
		f.violates(pointer, "Expected at least %d %s, got %d.", *l.minLength, of, n)
	case l.maxLength != nil && n > *l.maxLength:
		f.violates(pointer, "Expected at most %d %s, got %d.", *l.maxLength, of, n)
	}
}

// got says what a JSON text is, in the words of a refusal: short texts as they
// are, others by their kind.
func got(kind jsontext.Kind, text []byte) string {
	switch kind {
	case jsontext.KindNumber:
		if len(text) <= maxShown {
			return string(text)
		}
	case jsontext.KindString:
		return shown(unquoted(text))
	case jsontext.KindTrue, jsontext.KindFalse:
		return string(text)
	}
	return KindName(kind)
}

// shown quotes a caller's text, cut to a readable length.
func shown(s string) string {
	end := 0
	for range maxShown {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	if end < len(s) {
		return strconv.Quote(s[:end]) + "…"
	}
	return strconv.Quote(s)
}

// decimal writes a float the way a reader expects it.
func decimal(f float64) string {
	if text := specialText(f); text != "" {
		return strings.Trim(text, `"`)
	}
	if math.Abs(f) < 1<<53 && f == math.Trunc(f) {
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// alternatives names what is expected where there is a choice of texts.
func alternatives(texts []string) string {
	if len(texts) > maxListed {
		return fmt.Sprintf("one of %d texts", len(texts))
	}
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = shown(s)
	}
	return listed(quoted, "or")
}

// didYouMean ends a sentence with the names that may have been meant.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return "."
	}
	quoted := make([]string, len(names))
	for i, s := range names {
		quoted[i] = shown(s)
	}
	return "; did you mean " + listed(quoted, "or") + "?"
}

// listed joins words as a sentence does.
func listed(words []string, conjunction string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}
