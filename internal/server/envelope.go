package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/near"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

const (
	maxViolations = 100                // reported one by one
	maxNear       = 3                  // near names of one that is unknown
	maxText       = 12 * maxLabelValue // bytes of the longest text any member may have, all of it escaped
)

// envelope reads bodies of one type: a struct that oapi-codegen made, whose
// members it knows by their json tags.
type envelope[T any] struct {
	names  []string
	fields map[string]field
}

// field is one member of the envelope.
type field struct {
	index    int
	required bool
}

// envelopeOf learns the members of T. It panics when T has one that assign
// could not fill in.
func envelopeOf[T any]() *envelope[T] {
	e := &envelope[T]{fields: map[string]field{}}
	t := reflect.TypeFor[T]()
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		e.names = append(e.names, name)
		e.fields[name] = field{index: i, required: !strings.Contains(options, "omitempty")}
		mustAssign(f.Type)
	}
	return e
}

// decode reads body member by member. bounds adds what is wrong with members
// of the right type. The text comes first: whatever else is wrong with a body
// that is no JSON, it is only that. Errors: InvalidRequest, MissingParameter
// and UnknownParameter, with all violations.
func (e *envelope[T]) decode(body []byte, bounds func(*T) []fault.Violation) (*T, error) {
	c := complaints{}
	f := e.open(&c, "")
	kind, err := newScan(body).members(f.member)
	if err != nil {
		return nil, err
	}
	if kind != jsontext.KindBeginObject {
		c.add("", fault.TypeMismatch, "Expected an object, got "+value.KindName(kind)+".")
		return nil, c.verdict()
	}
	f.close(bounds)
	if err := c.verdict(); err != nil {
		return nil, err
	}
	return f.into, nil
}

// nested reads an object inside a body that has been scanned as a whole. What
// it returns is good only if it complained of nothing.
func (e *envelope[T]) nested(c *complaints, at jsontext.Pointer, raw jsontext.Value, bounds func(*T) []fault.Violation) *T {
	f := e.open(c, at)
	if eachMember(c, at, raw, f.member) {
		f.close(bounds)
	}
	return f.into
}

// eachMember calls member for each member of an object inside a body that has
// been scanned as a whole, until it has complained of something else.
func eachMember(c *complaints, at jsontext.Pointer, raw jsontext.Value, member func(name []byte, raw jsontext.Value)) bool {
	if !c.expect(raw, jsontext.KindBeginObject, "an object", at) {
		return false
	}
	_, _ = newScan(raw).members(member) // what could be wrong with it has been looked for
	return true
}

// filling is an object on its way into a struct.
type filling[T any] struct {
	envelope   *envelope[T]
	complaints *complaints
	at         jsontext.Pointer // of the object in the body
	into       *T
	seen       []bool
}

func (e *envelope[T]) open(c *complaints, at jsontext.Pointer) *filling[T] {
	f := &filling[T]{envelope: e, complaints: c, at: at, into: new(T)}
	f.seen = make([]bool, f.members().NumField())
	return f
}

func (f *filling[T]) members() reflect.Value { return reflect.ValueOf(f.into).Elem() }

// member takes the next member of the object.
func (f *filling[T]) member(name []byte, raw jsontext.Value) {
	known, ok := f.envelope.fields[string(name)]
	if !ok {
		f.complaints.unknown(f.at, name, f.envelope.names)
		return
	}
	f.seen[known.index] = true
	f.complaints.assign(f.members().Field(known.index), raw, f.at.AppendToken(string(name)), false)
}

// close adds what is missing and what is out of bounds.
func (f *filling[T]) close(bounds func(*T) []fault.Violation) {
	unread := f.unread()
	for _, name := range f.envelope.names {
		if known := f.envelope.fields[name]; known.required && !f.seen[known.index] {
			f.complaints.add(f.at.AppendToken(name), fault.MissingParameter, fmt.Sprintf("The member %q is missing.", name))
		}
	}
	for _, v := range bounds(f.into) {
		if v.Pointer == "" && unread {
			continue // what was not taken looks as if it were not there
		}
		if at := f.at + jsontext.Pointer(v.Pointer); !f.complaints.about(string(at)) {
			f.complaints.add(at, v.Code, v.Detail)
		}
	}
}

// unread tells whether a member was not taken, since it has the wrong type or is
// too large.
func (f *filling[T]) unread() bool {
	for name := range f.envelope.fields {
		if f.complaints.about(string(f.at.AppendToken(name))) {
			return true
		}
	}
	return false
}

// complaints gathers what is wrong with the members of a body.
type complaints struct {
	count       int // also those that are not listed
	violations  []fault.Violation
	suggestions []string
}

func (c *complaints) add(at jsontext.Pointer, code fault.Code, detail string) {
	c.count++
	if len(c.violations) < maxViolations {
		c.violations = append(c.violations, fault.Violation{Pointer: clipped(at), Code: code, Detail: detail})
	}
}

// about tells whether something has been said about a member already.
func (c *complaints) about(pointer string) bool {
	return slices.ContainsFunc(c.violations, func(v fault.Violation) bool { return v.Pointer == pointer })
}

// unknown complains of a member that the envelope does not have. A body may
// consist of them, so those that are not listed cost nothing.
func (c *complaints) unknown(at jsontext.Pointer, name []byte, known []string) {
	if len(c.violations) == maxViolations {
		c.count++
		return
	}
	short := strings.ToValidUTF8(string(name[:min(len(name), maxPointer)]), "")
	c.add(at.AppendToken(short), fault.UnknownParameter,
		fmt.Sprintf("There is no member %.64q; known are %s.", short, listed(known)))
	c.suggestions = append(c.suggestions, near.Names(short, known, maxNear)...)
}

// verdict makes one error of all violations; nil when there are none.
func (c *complaints) verdict() error {
	if c.count == 0 {
		return nil
	}
	first := c.violations[0]
	detail := first.Detail
	switch {
	case c.count > len(c.violations):
		detail = fmt.Sprintf("%d things are wrong with the body; the first %d are listed.", c.count, len(c.violations))
	case c.count > 1:
		detail = fmt.Sprintf("%d things are wrong with the body.", c.count)
	case first.Pointer != "" && (first.Code == fault.TypeMismatch || first.Code == fault.ConstraintViolation):
		detail = first.Pointer + ": " + detail
	}
	e := fault.Invalid(fault.InvalidRequest, detail, c.violations, fault.MissingParameter, fault.UnknownParameter)
	slices.Sort(c.suggestions)
	e.Facts.Suggestions = slices.Compact(c.suggestions)
	return e
}

// assign puts a member's value into its field.
func (c *complaints) assign(into reflect.Value, raw jsontext.Value, at jsontext.Pointer, nullable bool) {
	t := into.Type()
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		into.SetBytes(raw)
	case t.Kind() == reflect.Pointer:
		if nullable && raw.Kind() == jsontext.KindNull {
			return
		}
		fresh := reflect.New(t.Elem())
		before := c.count
		if c.assign(fresh.Elem(), raw, at, false); c.count == before {
			into.Set(fresh)
		}
	case t.Kind() == reflect.String:
		c.text(into, raw, at)
	case t.Kind() == reflect.Int64:
		c.integer(into, raw, at)
	case t.Kind() == reflect.Bool:
		if raw.Kind() == jsontext.KindTrue || c.expect(raw, jsontext.KindFalse, "a boolean", at) {
			into.SetBool(raw.Kind() == jsontext.KindTrue)
		}
	case t == reflect.TypeFor[[]string]():
		c.texts(into, raw, at)
	case t.Kind() == reflect.Map:
		c.labels(into, raw, at)
	}
}

// mustAssign panics when assign knows nothing of t.
func mustAssign(t reflect.Type) {
	switch {
	case t == reflect.TypeFor[json.RawMessage](), t == reflect.TypeFor[[]string]():
	case t.Kind() == reflect.String, t.Kind() == reflect.Int64, t.Kind() == reflect.Bool:
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		mustAssign(t.Elem())
	default:
		panic("server: a body with a member of type " + t.String())
	}
}

func (c *complaints) expect(raw jsontext.Value, want jsontext.Kind, name string, at jsontext.Pointer) bool {
	if raw.Kind() == want {
		return true
	}
	c.add(at, fault.TypeMismatch, "Expected "+name+", got "+value.KindName(raw.Kind())+".")
	return false
}

func (c *complaints) text(into reflect.Value, raw jsontext.Value, at jsontext.Pointer) {
	if !c.expect(raw, jsontext.KindString, "a string", at) {
		return
	}
	if len(raw) > maxText+len(`""`) { // do not copy what will be refused
		c.add(at, fault.ConstraintViolation, "The text is too long.")
		return
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // it has been checked
	into.SetString(string(text))
}

// texts fills a list.
func (c *complaints) texts(into reflect.Value, raw jsontext.Value, at jsontext.Pointer) {
	if !c.expect(raw, jsontext.KindBeginArray, "an array", at) {
		return
	}
	list := []string{}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true)) // all has been checked
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != jsontext.KindEndArray {
		if len(list) == store.MaxOps {
			c.add(at, fault.ConstraintViolation, fmt.Sprintf("Expected at most %d items.", store.MaxOps))
			return
		}
		var item jsontext.Value
		if item, err = dec.ReadValue(); err == nil {
			text := reflect.New(reflect.TypeFor[string]()).Elem()
			c.text(text, item, at.AppendToken(strconv.Itoa(len(list))))
			list = append(list, text.String())
		}
	}
	into.Set(reflect.ValueOf(list))
}

// maxDigits is how long a number may be written. 400 digits are out of every
// bound, and more behind a point are nobody's number.
const maxDigits = 400

// integer accepts what JSON Schema calls one: 60 as well as 60.0 and 6e1.
func (c *complaints) integer(into reflect.Value, raw jsontext.Value, at jsontext.Pointer) {
	if !c.expect(raw, jsontext.KindNumber, "an integer", at) {
		return
	}
	if len(raw) > maxDigits { // do not copy what will be refused
		c.add(at, fault.ConstraintViolation, "The number has too many digits.")
		return
	}
	if i, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		into.SetInt(i)
		return
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil || math.Abs(f) >= 1<<53:
		c.add(at, fault.ConstraintViolation, "The number is out of bounds.")
	case f != math.Trunc(f):
		c.add(at, fault.TypeMismatch, "Expected an integer, got a number with a fraction.")
	default:
		into.SetInt(int64(f))
	}
}

// labels fills a map. Only there does null mean anything, and only where the
// map's values are pointers.
func (c *complaints) labels(into reflect.Value, raw jsontext.Value, at jsontext.Pointer) {
	if !c.expect(raw, jsontext.KindBeginObject, "an object", at) {
		return
	}
	t := into.Type()
	filled := reflect.MakeMap(t)
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true)) // all has been checked
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() == jsontext.KindString {
		if filled.Len() == store.MaxLabels {
			c.add(at, fault.ConstraintViolation, fmt.Sprintf("Expected at most %d members.", store.MaxLabels))
			return
		}
		var key, value jsontext.Value
		if key, err = dec.ReadValue(); err != nil {
			break
		}
		name := reflect.New(t.Key()).Elem()
		before := c.count
		if c.text(name, key, at); c.count != before {
			return // a name too long to be repeated
		}
		if value, err = dec.ReadValue(); err != nil {
			break
		}
		element := reflect.New(t.Elem()).Elem()
		c.assign(element, value, at.AppendToken(name.String()), true)
		filled.SetMapIndex(name, element)
	}
	into.Set(filled)
}

// listed joins names as a sentence does: a, b and c.
func listed(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
