package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// Bounds of every JSON body.
const (
	maxDepth      = 64  // arrays and objects inside one another
	maxViolations = 100 // reported one by one
	maxPointer    = 256 // bytes of a violation's pointer
)

// envelope reads bodies of one type: a struct that oapi-codegen made, whose
// members it knows by their json tags. One streaming pass checks the text and
// assigns the members; it builds no tree, so a body costs no more than its
// own size again, however much it nests.
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
	for i, f := range indexed(reflect.TypeFor[T]()) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		e.names = append(e.names, name)
		e.fields[name] = field{index: i, required: !strings.Contains(options, "omitempty")}
		mustAssign(f.Type)
	}
	return e
}

// indexed returns the fields of a struct.
func indexed(t reflect.Type) []reflect.StructField {
	var fields []reflect.StructField
	for i := range t.NumField() {
		fields = append(fields, t.Field(i))
	}
	return fields
}

// decode reads body. bounds adds what is wrong with members of the right
// type. The text comes first: whatever else is wrong with a body that is no
// JSON, it is only that. Errors: InvalidRequest, MissingParameter and
// UnknownParameter, with all violations.
func (e *envelope[T]) decode(body []byte, bounds func(*T) []fault.Violation) (*T, error) {
	p := &pass{text: body, dec: jsontext.NewDecoder(bytes.NewBuffer(body))}
	into := new(T)
	if err := p.top(func(name string, raw jsontext.Value) {
		f, ok := e.fields[name]
		if !ok {
			p.unknown(name, e.names)
			return
		}
		p.seen[name] = true
		p.assign(reflect.ValueOf(into).Elem().Field(f.index), raw, jsontext.Pointer("").AppendToken(name), false)
	}); err != nil {
		return nil, err
	}
	for _, name := range e.names {
		if e.fields[name].required && !p.seen[name] {
			p.add(jsontext.Pointer("").AppendToken(name), fault.MissingParameter, "This member is required.")
		}
	}
	for _, v := range bounds(into) {
		if !p.complained[v.Pointer] {
			p.add(jsontext.Pointer(v.Pointer), v.Code, v.Detail)
		}
	}
	if err := p.verdict(); err != nil {
		return nil, err
	}
	return into, nil
}

// pass is one reading of one body.
type pass struct {
	text        []byte
	dec         *jsontext.Decoder
	seen        map[string]bool // known members
	count       int             // violations, also those that are not listed
	violations  []fault.Violation
	complained  map[string]bool // their pointers
	suggestions []string
}

// top reads the whole text and calls member for each member of the outermost
// object.
func (p *pass) top(member func(name string, raw jsontext.Value)) error {
	p.seen, p.complained = map[string]bool{}, map[string]bool{}
	if k := p.dec.PeekKind(); k != jsontext.KindBeginObject {
		if _, err := p.value(); err != nil {
			return err
		}
		p.add("", fault.TypeMismatch, "Expected an object, got "+kindName(k)+".")
		return p.end()
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return p.syntax(err)
	}
	for p.dec.PeekKind() != jsontext.KindEndObject {
		token, err := p.dec.ReadToken()
		if err != nil {
			return p.syntax(err)
		}
		name := token.String()
		raw, err := p.value()
		if err != nil {
			return err
		}
		member(name, raw)
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return p.syntax(err)
	}
	return p.end()
}

// value reads one value of any size and returns its text.
func (p *pass) value() (jsontext.Value, error) {
	outside := p.dec.StackDepth()
	start := int(p.dec.InputOffset())
	for start < len(p.text) && strings.IndexByte(" \t\r\n:", p.text[start]) >= 0 {
		start++
	}
	for {
		if _, err := p.dec.ReadToken(); err != nil {
			return nil, p.syntax(err)
		}
		switch depth := p.dec.StackDepth(); {
		case depth > maxDepth:
			return nil, fault.Newf(fault.InvalidRequest, "The body has more than %d levels of arrays and objects.", maxDepth)
		case depth == outside:
			return jsontext.Value(p.text[start:p.dec.InputOffset()]), nil
		}
	}
}

// end refuses whatever follows the value.
func (p *pass) end() error {
	if _, err := p.dec.ReadToken(); errors.Is(err, io.EOF) {
		return nil
	}
	return fault.Newf(fault.InvalidRequest, "There is something after the end of the JSON value, at byte %d.", p.dec.InputOffset())
}

// syntax says what is wrong with the text in words of our own: the library's
// quote the body, and a log would quote them.
func (p *pass) syntax(err error) error {
	detail, at := "The body ends before the JSON value does.", jsontext.Pointer("")
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = e.JSONPointer
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			detail = "An object has the same name twice."
		case !errors.Is(err, io.ErrUnexpectedEOF):
			detail = fmt.Sprintf("The body is not valid JSON in UTF-8, at byte %d.", e.ByteOffset)
		}
	}
	return fault.Invalid(fault.InvalidRequest, detail, []fault.Violation{
		{Pointer: clipped(at), Code: fault.InvalidRequest, Detail: detail},
	})
}

// unknown complains of a member that the envelope does not have. A body may
// consist of them, so those that are not listed cost nothing.
func (p *pass) unknown(name string, known []string) {
	if len(p.violations) == maxViolations {
		p.count++
		return
	}
	p.add(jsontext.Pointer("").AppendToken(name), fault.UnknownParameter,
		"There is no such member; known are "+listed(known)+".")
	p.suggestions = append(p.suggestions, near(name, known)...)
}

func (p *pass) add(at jsontext.Pointer, code fault.Code, detail string) {
	p.count++
	if len(p.violations) < maxViolations {
		pointer := clipped(at)
		p.violations = append(p.violations, fault.Violation{Pointer: pointer, Code: code, Detail: detail})
		p.complained[pointer] = true
	}
}

// clipped keeps a pointer from echoing the body.
func clipped(at jsontext.Pointer) string {
	if len(at) > maxPointer {
		return string(at[:maxPointer]) + "…"
	}
	return string(at)
}

// verdict makes one error of all violations; nil when there are none.
func (p *pass) verdict() error {
	if p.count == 0 {
		return nil
	}
	detail := p.violations[0].Detail
	switch {
	case p.count > len(p.violations):
		detail = fmt.Sprintf("%d things are wrong with the body; the first %d are listed.", p.count, len(p.violations))
	case p.count > 1:
		detail = fmt.Sprintf("%d things are wrong with the body.", p.count)
	}
	e := fault.Invalid(fault.InvalidRequest, detail, p.violations, fault.MissingParameter, fault.UnknownParameter)
	slices.Sort(p.suggestions)
	e.Facts.Suggestions = slices.Compact(p.suggestions)
	return e
}

// assign puts a member's value into its field.
func (p *pass) assign(into reflect.Value, raw jsontext.Value, at jsontext.Pointer, nullable bool) {
	t := into.Type()
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		into.SetBytes(raw)
	case t.Kind() == reflect.Pointer:
		if nullable && raw.Kind() == jsontext.KindNull {
			return
		}
		fresh := reflect.New(t.Elem())
		before := p.count
		if p.assign(fresh.Elem(), raw, at, false); p.count == before {
			into.Set(fresh)
		}
	case t.Kind() == reflect.String:
		if p.expect(raw, jsontext.KindString, "a string", at) {
			text, _ := jsontext.AppendUnquote(nil, raw) // the text has been checked
			into.SetString(string(text))
		}
	case t.Kind() == reflect.Int64:
		p.integer(into, raw, at)
	case t.Kind() == reflect.Map:
		p.members(into, raw, at)
	}
}

// mustAssign panics when assign knows nothing of t.
func mustAssign(t reflect.Type) {
	switch {
	case t == reflect.TypeFor[json.RawMessage](), t.Kind() == reflect.String, t.Kind() == reflect.Int64:
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		mustAssign(t.Elem())
	default:
		panic("server: a body with a member of type " + t.String())
	}
}

func (p *pass) expect(raw jsontext.Value, want jsontext.Kind, name string, at jsontext.Pointer) bool {
	if raw.Kind() == want {
		return true
	}
	p.add(at, fault.TypeMismatch, "Expected "+name+", got "+kindName(raw.Kind())+".")
	return false
}

// integer accepts what JSON Schema calls one: 60 as well as 60.0 and 6e1.
func (p *pass) integer(into reflect.Value, raw jsontext.Value, at jsontext.Pointer) {
	if !p.expect(raw, jsontext.KindNumber, "an integer", at) {
		return
	}
	if i, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		into.SetInt(i)
		return
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil || math.Abs(f) >= 1<<53:
		p.add(at, fault.ConstraintViolation, "The number is out of bounds.")
	case f != math.Trunc(f):
		p.add(at, fault.TypeMismatch, "Expected an integer, got a number with a fraction.")
	default:
		into.SetInt(int64(f))
	}
}

// members fills a map of labels. Only there does null mean anything, and only
// where the map's values are pointers.
func (p *pass) members(into reflect.Value, raw jsontext.Value, at jsontext.Pointer) {
	if !p.expect(raw, jsontext.KindBeginObject, "an object", at) {
		return
	}
	t := into.Type()
	filled := reflect.MakeMap(t)
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true)) // checked before
	_, _ = dec.ReadToken()
	for dec.PeekKind() == jsontext.KindString {
		if filled.Len() == store.MaxLabels {
			p.add(at, fault.ConstraintViolation, fmt.Sprintf("Expected at most %d members.", store.MaxLabels))
			return
		}
		token, _ := dec.ReadToken()
		name := token.String()
		value, err := dec.ReadValue()
		if err != nil {
			return // cannot be: the text has been checked
		}
		element := reflect.New(t.Elem()).Elem()
		p.assign(element, value, at.AppendToken(name), true)
		filled.SetMapIndex(reflect.ValueOf(name), element)
	}
	into.Set(filled)
}

func kindName(k jsontext.Kind) string {
	switch k {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "a boolean"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginArray:
		return "an array"
	default:
		return "an object"
	}
}
