package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/value"
)

const (
	maxNumberLen = 1024 // bytes of a number's text
	maxExponent  = 400  // beyond any finite float64
)

// scanner reads arguments once. It finds what is wrong with their text, and
// builds the tree that the schema is checked against.
//
// It judges numbers before the schema sees them: the schema computes with
// fractions of unbounded size, and 1e999999999 would cost it a gigabyte.
type scanner struct {
	dec        *jsontext.Decoder
	keep       bool // build the tree; without it only the text is checked
	most       int  // values allowed; 0 sets no limit
	values     int
	tree       any
	violations []fault.Violation
	refused    map[string]bool // pointers of refused numbers
}

func newScanner(arguments []byte) *scanner {
	return &scanner{dec: jsontext.NewDecoder(bytes.NewBuffer(arguments))}
}

// scan reads the arguments, which are one object.
func (s *scanner) scan() error {
	if k := s.dec.PeekKind(); k != jsontext.KindInvalid && k != jsontext.KindBeginObject {
		return fault.Invalid(fault.ConstraintViolation, "The arguments must be an object.", []fault.Violation{{
			Pointer: argumentsPointer, Code: fault.TypeMismatch, Detail: "Expected an object, got " + value.KindName(k) + ".",
		}}, fault.TypeMismatch)
	}
	tree, err := s.value()
	if err != nil {
		return syntax(err)
	}
	if _, err := s.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return fault.New(fault.InvalidRequest, "There is something after the arguments.")
	}
	s.tree = tree
	return nil
}

func (s *scanner) value() (any, error) {
	s.values++
	if s.most > 0 && s.values > s.most {
		return nil, fault.Invalid(fault.ConstraintViolation, "The arguments hold too many values.", []fault.Violation{{
			Pointer: argumentsPointer, Code: fault.ConstraintViolation,
			Detail: "Expected at most " + strconv.Itoa(s.most) + " JSON values.",
		}})
	}
	token, err := s.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case jsontext.KindBeginObject:
		return s.object()
	case jsontext.KindBeginArray:
		return s.array()
	case jsontext.KindNumber:
		return s.number(token.String())
	case jsontext.KindString:
		if !s.keep {
			return nil, nil
		}
		return token.String(), nil
	case jsontext.KindTrue, jsontext.KindFalse:
		return token.Bool(), nil
	default:
		return nil, nil
	}
}

func (s *scanner) object() (any, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	var tree map[string]any
	if s.keep {
		tree = map[string]any{}
	}
	for s.dec.PeekKind() != jsontext.KindEndObject {
		token, err := s.dec.ReadToken()
		if err != nil {
			return nil, err
		}
		var name string
		if s.keep {
			name = token.String() // before the next read, which overwrites the token
		}
		member, err := s.value()
		if err != nil {
			return nil, err
		}
		if s.keep {
			tree[name] = member
		}
	}
	_, err := s.dec.ReadToken()
	return tree, err
}

func (s *scanner) array() (any, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	var tree []any
	for s.dec.PeekKind() != jsontext.KindEndArray {
		item, err := s.value()
		if err != nil {
			return nil, err
		}
		if s.keep {
			tree = append(tree, item)
		}
	}
	_, err := s.dec.ReadToken()
	if !s.keep {
		return nil, err // a slice in an interface is an allocation
	}
	return tree, err
}

func (s *scanner) enter() error {
	if s.dec.StackDepth() > MaxDepth {
		return fault.Newf(fault.InvalidRequest, "The arguments are nested more than %d levels deep.", MaxDepth)
	}
	return nil
}

// errEnough ends a scan that has found as much as will be reported.
var errEnough = errors.New("enough violations")

// number returns what the schema sees of a number: itself, or 0 in the place
// of one that is refused.
func (s *scanner) number(literal string) (any, error) {
	complaint := judgeNumber(literal)
	if complaint == "" {
		if !s.keep {
			return nil, nil
		}
		return json.Number(literal), nil
	}
	pointer := argumentsPointer + string(s.dec.StackPointer())
	if s.refused == nil {
		s.refused = map[string]bool{}
	}
	s.refused[pointer] = true
	s.violations = append(s.violations, fault.Violation{Pointer: pointer, Code: fault.ConstraintViolation, Detail: complaint})
	if len(s.violations) > MaxViolations || len(pointer) > maxPointer {
		return nil, errEnough // each further pointer might be as long as all arguments
	}
	return json.Number("0"), nil
}

func judgeNumber(literal string) string {
	if len(literal) > maxNumberLen {
		return "Expected a number of at most " + strconv.Itoa(maxNumberLen) + " characters, got " + strconv.Itoa(len(literal)) + "."
	}
	if i := strings.IndexAny(literal, "eE"); i >= 0 {
		if e, err := strconv.Atoi(literal[i+1:]); err != nil || e > maxExponent || e < -maxExponent {
			return "Expected a number with an exponent of at most " + strconv.Itoa(maxExponent) + " either way."
		}
	}
	if f, err := strconv.ParseFloat(literal, 64); err != nil || math.IsInf(f, 0) {
		return "Expected a number within the range of a 64-bit float."
	}
	return ""
}

// syntax says what is wrong with a text that is not JSON as we read it. A
// server has found out before, so this is for callers that are none.
func syntax(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || errors.Is(err, errEnough) {
		return err
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return fault.New(fault.InvalidRequest, "An object in the arguments has the same name twice.").Because(err)
	}
	return fault.New(fault.InvalidRequest, "The arguments are not valid JSON.").Because(err)
}
