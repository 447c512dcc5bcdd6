package value

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
)

// free reads an array or an object that may hold anything.
func (r *reader) free(begin jsontext.Kind, raw []byte, l *limits) {
	if !r.enter(begin) {
		return
	}
	if l == nil {
		l = &limits{}
	}
	missing := map[string]bool{}
	for _, name := range l.required {
		missing[name] = true
	}
	direct, deepest := 0, 1
	for depth := 1; depth > 0; depth = r.dec.StackDepth() {
		if deepest = max(deepest, depth); depth > MaxDepth {
			r.unreadable("The value is nested more than " + strconv.Itoa(MaxDepth) + " levels deep.")
		}
		if r.over() {
			return
		}
		within, n := r.dec.StackIndex(depth)
		switch kind := r.dec.PeekKind(); {
		case kind == jsontext.KindEndArray || kind == jsontext.KindEndObject:
			r.token()
		case within == jsontext.KindBeginObject && n%2 == 0:
			r.name(depth, missing)
		case depth == 1:
			direct++
			r.anything(kind, l.itemType)
		default:
			r.anything(kind, 0)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		r.violates("/"+escaped(name), "The member %s is missing.", shown(name))
	}
	if l.maxItems != nil && direct > *l.maxItems {
		r.violates("", "Expected at most %d items, got %d.", *l.maxItems, direct)
	}
	if l.maxDepth != nil && deepest > *l.maxDepth {
		r.violates("", "Expected at most %d levels of arrays and objects, got %d.", *l.maxDepth, deepest)
	}
	if r.found == nil && !r.stored {
		text := jsontext.Value(raw).Clone()
		_ = text.Compact() // it has just been read
		r.out = text
	}
}

// name reads the name of a member.
func (r *reader) name(depth int, missing map[string]bool) {
	token, err := r.dec.ReadToken()
	if err != nil {
		r.fail(err)
		return
	}
	if depth == 1 && len(missing) > 0 {
		delete(missing, token.String())
	}
}

// anything reads a scalar or the beginning of an array or an object. want is
// the type it is to have, 0 for any.
func (r *reader) anything(kind jsontext.Kind, want Type) {
	if kind != jsontext.KindNumber {
		if r.token() && want != 0 && !fits(want, kind, "") {
			r.mismatch(string(r.dec.StackPointer()), article(want), KindName(kind))
		}
		return
	}
	text, err := r.dec.ReadValue()
	if err != nil {
		r.fail(err)
		return
	}
	number := literal(text)
	if complaint := number.complaint(); complaint != "" {
		r.violates(string(r.dec.StackPointer()), "Expected %s.", complaint)
		return
	}
	if want != 0 && !fits(want, kind, number) {
		r.add(string(r.dec.StackPointer()), fault.TypeMismatch, "Expected "+article(want)+", got "+got(kind, text)+".")
	}
}

// fits tells whether a JSON value is of a type without being made so.
func fits(t Type, kind jsontext.Kind, number literal) bool {
	switch t {
	case Boolean:
		return kind == jsontext.KindTrue || kind == jsontext.KindFalse
	case Integer:
		_, integral, fits := number.integer()
		return kind == jsontext.KindNumber && integral && fits
	case Float:
		return kind == jsontext.KindNumber
	case String:
		return kind == jsontext.KindString
	case List:
		return kind == jsontext.KindBeginArray
	default:
		return kind == jsontext.KindBeginObject
	}
}

// article is what a refusal calls a JSON value that fits t.
func article(t Type) string {
	switch t {
	case Boolean:
		return "a boolean"
	case Integer:
		return "an integer"
	case Float:
		return "a number"
	case String:
		return "a string"
	case List:
		return "an array"
	default:
		return "an object"
	}
}

// escaped writes a name as a part of a JSON Pointer.
func escaped(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }
