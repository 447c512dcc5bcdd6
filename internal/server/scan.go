package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
)

// maxDepth is how many arrays and objects may be inside one another.
const maxDepth = 64

// scan reads a JSON text once and refuses what is not JSON as we read it:
// syntax, invalid UTF-8, a name twice in one object, too many levels, anything
// after the end. It builds no tree, so a text of 350,000 empty arrays costs
// nothing but itself.
type scan struct {
	text  []byte
	dec   *jsontext.Decoder
	names names
}

func newScan(text []byte) *scan {
	// The library could find names that come twice, and would keep all names of
	// an object in a map for it: twenty times the size of a body of names.
	return &scan{
		text:  text,
		dec:   jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true)),
		names: names{most: len(text)/leastMember + 1},
	}
}

// members reads the whole text. If it is an object, member is called for each
// of its members, with the name in a buffer that will be used again;
// otherwise the text's kind is returned. Errors: InvalidRequest.
func (s *scan) members(member func(name []byte, raw jsontext.Value)) (jsontext.Kind, error) {
	kind := s.dec.PeekKind()
	if kind != jsontext.KindBeginObject {
		if _, err := s.value(); err != nil {
			return 0, err
		}
		return kind, s.end()
	}
	if err := s.token(); err != nil {
		return 0, err
	}
	for s.dec.PeekKind() != jsontext.KindEndObject {
		name, err := s.name()
		if err != nil {
			return 0, err
		}
		raw, err := s.value()
		if err != nil {
			return 0, err
		}
		member(name, raw)
	}
	if err := s.token(); err != nil {
		return 0, err
	}
	return kind, s.end()
}

// value reads one value of any size and returns its text.
func (s *scan) value() (jsontext.Value, error) {
	outside := s.dec.StackDepth()
	start := int(s.dec.InputOffset())
	for start < len(s.text) && strings.IndexByte(" \t\r\n:", s.text[start]) >= 0 {
		start++
	}
	for {
		if err := s.token(); err != nil {
			return nil, err
		}
		if s.dec.StackDepth() == outside {
			return jsontext.Value(s.text[start:s.dec.InputOffset()]), nil
		}
		for s.atName() {
			if _, err := s.name(); err != nil {
				return nil, err
			}
		}
	}
}

// atName tells whether the next token is a name.
func (s *scan) atName() bool {
	kind, n := s.dec.StackIndex(s.dec.StackDepth())
	return kind == jsontext.KindBeginObject && n%2 == 0 && s.dec.PeekKind() != jsontext.KindEndObject
}

// token reads one token that is no name.
func (s *scan) token() error {
	token, err := s.dec.ReadToken()
	if err != nil {
		return s.syntax(err)
	}
	switch token.Kind() {
	case jsontext.KindBeginObject, jsontext.KindBeginArray:
		if s.dec.StackDepth() > maxDepth {
			return fault.Newf(fault.InvalidRequest, "The body has more than %d levels of arrays and objects.", maxDepth)
		}
		if token.Kind() == jsontext.KindBeginObject {
			s.names.begin(s.dec.InputOffset() - 1)
		}
	case jsontext.KindEndObject:
		if name, twice := s.names.end(s.text[:s.dec.InputOffset()]); twice {
			return refuseText(s.dec.StackPointer().AppendToken(name), "An object has the same name twice.")
		}
	}
	return nil
}

// name reads one name, and returns it in a buffer that will be used again.
func (s *scan) name() ([]byte, error) {
	raw, err := s.dec.ReadValue()
	if err != nil {
		return nil, s.syntax(err)
	}
	return s.names.add(raw), nil
}

// end refuses whatever follows the value.
func (s *scan) end() error {
	if _, err := s.dec.ReadToken(); errors.Is(err, io.EOF) {
		return nil
	}
	return fault.Newf(fault.InvalidRequest, "There is something after the end of the JSON value, at byte %d.", s.dec.InputOffset())
}

// syntax says what is wrong with the text in words of our own: the library's
// quote it.
func (s *scan) syntax(err error) error {
	e, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case !ok: // nothing but blanks
		return refuseText("", "The body ends before the JSON value does.")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuseText(e.JSONPointer, "The body ends before the JSON value does.")
	default:
		return refuseText(e.JSONPointer, fmt.Sprintf("The body is not valid JSON in UTF-8, at byte %d.", e.ByteOffset))
	}
}

func refuseText(at jsontext.Pointer, detail string) error {
	return fault.Invalid(fault.InvalidRequest, detail, []fault.Violation{
		{Pointer: clipped(at), Code: fault.InvalidRequest, Detail: detail},
	})
}

// maxPointer is how many bytes a violation's pointer may have.
const maxPointer = 256

// clipped keeps a pointer from echoing the body.
func clipped(at jsontext.Pointer) string {
	if len(at) > maxPointer {
		return strings.ToValidUTF8(string(at[:maxPointer]), "") + "…"
	}
	return string(at)
}
