package value

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
)

// MaxDepth is how many arrays and objects of a value may be inside one another.
const MaxDepth = 64

// reader reads the JSON text of one value, judges it and writes the value's
// text. Everything it does once for each token costs time and memory in
// proportion to the text.
type reader struct {
	findings
	dec    *jsontext.Decoder
	out    []byte // the value's text
	stored bool   // what is read is a value's text: it is judged and not adapted
	index  int    // of the item that is read, -1 outside a list
}

func newReader(raw []byte) *reader {
	return &reader{dec: jsontext.NewDecoder(bytes.NewBuffer(raw)), index: -1}
}

// at is the pointer to what is being read.
func (r *reader) at() string {
	if r.index < 0 {
		return ""
	}
	return "/" + strconv.Itoa(r.index)
}

// fail says that the text is not JSON as we read it.
func (r *reader) fail(err error) {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		r.unreadable("An object in the value has the same name twice.")
		return
	}
	r.unreadable("The value is not valid JSON.")
}

// end makes sure that there is nothing after the value.
func (r *reader) end() {
	if r.over() {
		return
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		r.unreadable("There is something after the value.")
	}
}

// next reads a value of any kind. The text of arrays and objects is not
// returned; text is valid until the next call. ok is false at the end of what
// can be read.
func (r *reader) next() (kind jsontext.Kind, text []byte, ok bool) {
	kind = r.dec.PeekKind()
	var err error
	if kind == jsontext.KindBeginArray || kind == jsontext.KindBeginObject {
		err = r.dec.SkipValue()
	} else {
		text, err = r.dec.ReadValue()
	}
	if err != nil {
		r.fail(err)
		return kind, nil, false
	}
	return kind, text, true
}

// enter reads the beginning of an array or an object; where there is something
// else, it reads that and says so.
func (r *reader) enter(begin jsontext.Kind) bool {
	if kind := r.dec.PeekKind(); kind != begin && kind != jsontext.KindInvalid {
		if kind, _, ok := r.next(); ok {
			r.mismatch(r.at(), KindName(begin), KindName(kind))
		}
		return false
	}
	return r.token()
}

// token reads one token.
func (r *reader) token() bool {
	if _, err := r.dec.ReadToken(); err != nil {
		r.fail(err)
		return false
	}
	return true
}

// scalar reads a value of type t, which is one of the types of a list's items.
func (r *reader) scalar(t Type, l *limits) {
	kind, text, ok := r.next()
	if !ok {
		return
	}
	switch t {
	case Boolean:
		r.boolean(kind, text, l)
	case Integer:
		i, ok := integral(kind, text)
		if !ok {
			r.noInteger(r.at(), kind, text)
			return
		}
		if l != nil {
			r.integer(r.at(), i, l)
		}
		r.out = strconv.AppendInt(r.out, i, 10)
	case Float:
		r.number(kind, text, l)
	default:
		r.string(kind, text, l)
	}
}

// boolean takes true, false, 1, 0, "true" and "false", spelt like that.
func (r *reader) boolean(kind jsontext.Kind, text []byte, l *limits) {
	name := string(text)
	if l == nil || !l.strict {
		switch name {
		case "1", `"true"`:
			name = "true"
		case "0", `"false"`:
			name = "false"
		}
	}
	switch {
	case name == "true" || name == "false":
		r.out = append(r.out, name...)
	case l != nil && l.strict:
		r.mismatch(r.at(), "true or false", got(kind, text))
	default:
		r.mismatch(r.at(), `true, false, 1, 0, "true" or "false"`, got(kind, text))
	}
}

// integral takes a number without a fraction.
func integral(kind jsontext.Kind, text []byte) (int64, bool) {
	if kind != jsontext.KindNumber || len(text) > maxNumber {
		return 0, false
	}
	i, integral, fits := literal(text).integer()
	return i, integral && fits
}

// noInteger says why something is not integral.
func (f *findings) noInteger(pointer string, kind jsontext.Kind, text []byte) {
	if kind != jsontext.KindNumber {
		f.mismatch(pointer, "an integer", KindName(kind))
		return
	}
	if len(text) > maxNumber {
		f.violates(pointer, "Expected "+longNumber+", got %d.", len(text))
		return
	}
	if _, integral, _ := literal(text).integer(); !integral {
		f.add(pointer, fault.TypeMismatch, "Expected an integer, got a number with a fraction.")
		return
	}
	f.violates(pointer, "Expected "+wideInteger+", got %s.", got(kind, text))
}

// number takes a number, and the special floats where they are allowed.
func (r *reader) number(kind jsontext.Kind, text []byte, l *limits) {
	if kind == jsontext.KindString {
		name := unquoted(text)
		f, ok := special(name)
		switch {
		case ok && l != nil && l.allowSpecial:
			r.float(r.at(), f, l)
			r.out = append(r.out, specialText(f)...)
			return
		case ok:
			r.violates(r.at(), "Expected a finite number, got %s; the constraint allow_special is not set.", shown(name))
			return
		}
	}
	f, ok := finite(kind, text, 64)
	if !ok {
		r.noFloat(r.at(), kind, text, 64)
		return
	}
	if l != nil && !l.holds(f) {
		r.float(r.at(), f, l)
	}
	r.out = floatText(r.out, f, 64)
}

// finite takes a number that a float of so many bits can come near.
func finite(kind jsontext.Kind, text []byte, bits int) (float64, bool) {
	if kind != jsontext.KindNumber || len(text) > maxNumber {
		return 0, false
	}
	return literal(text).float(bits)
}

// noFloat says why something is not finite.
func (f *findings) noFloat(pointer string, kind jsontext.Kind, text []byte, bits int) {
	switch {
	case kind != jsontext.KindNumber:
		f.mismatch(pointer, "a number", KindName(kind))
	case len(text) > maxNumber:
		f.violates(pointer, "Expected "+longNumber+", got %d.", len(text))
	case bits == 32:
		f.violates(pointer, "Expected "+wideSingle+", got %s.", got(kind, text))
	default:
		f.violates(pointer, "Expected "+wideNumber+", got %s.", got(kind, text))
	}
}

// string takes a string.
func (r *reader) string(kind jsontext.Kind, text []byte, l *limits) {
	if kind != jsontext.KindString {
		r.mismatch(r.at(), "a string", KindName(kind))
		return
	}
	if l != nil {
		r.text(r.at(), unquoted(text), l)
	}
	r.out = appendString(r.out, text)
}

// appendString writes a JSON string with as few escapes as possible.
func appendString(out, text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return append(out, text...)
	}
	out, _ = jsontext.AppendQuote(out, unquoted(text)) // its only error is invalid UTF-8, which is no JSON
	return out
}

// unquoted returns what a JSON string says.
func unquoted(text []byte) string {
	if bytes.IndexByte(text, '\\') < 0 && len(text) >= 2 {
		return string(text[1 : len(text)-1])
	}
	s, _ := jsontext.AppendUnquote(nil, text) // the decoder has found it valid
	return string(s)
}
