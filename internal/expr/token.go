package expr

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenNumber
	tokenName
	tokenOperator
	tokenOpen
	tokenClose
	tokenComma
)

// token is one word of an expression.
type token struct {
	kind   tokenKind
	pos    int      // byte offset of the first byte
	text   string   // as written
	op     operator // of a tokenOperator
	number Number   // of a tokenNumber

	// edge marks the literal 2**63: it is no integer of ours, but its
	// negation is.
	edge bool
}

// String describes the token in a detail.
func (t token) String() string {
	switch t.kind {
	case tokenEnd:
		return "end of the expression"
	case tokenNumber:
		return "number " + quote(t.text)
	case tokenName:
		return "name " + quote(t.text)
	default:
		return "'" + t.text + "'"
	}
}

// scanner cuts an expression into tokens, one at a time.
type scanner struct {
	source string
	pos    int
}

// next returns the token at the current position and moves behind it.
func (s *scanner) next() (token, *failure) {
	for s.pos < len(s.source) && isSpace(s.source[s.pos]) {
		s.pos++
	}
	if s.pos == len(s.source) {
		return token{kind: tokenEnd, pos: s.pos}, nil
	}
	if length := len(numberForm.FindString(s.source[s.pos:])); length > 0 {
		return s.number(length)
	}
	switch c := s.source[s.pos]; {
	case isLetter(c):
		end := s.pos
		for end < len(s.source) && isWord(s.source[end]) {
			end++
		}
		return s.take(tokenName, end-s.pos), nil
	case c == '(':
		return s.take(tokenOpen, 1), nil
	case c == ')':
		return s.take(tokenClose, 1), nil
	case c == ',':
		return s.take(tokenComma, 1), nil
	}
	for _, op := range []operator{opPower, opFloorDivide, opAdd, opSubtract, opMultiply, opDivide, opModulo} {
		if strings.HasPrefix(s.source[s.pos:], op.String()) {
			t := s.take(tokenOperator, len(op.String()))
			t.op = op
			return t, nil
		}
	}
	return token{}, s.unexpected()
}

// take cuts a token of the given length.
func (s *scanner) take(kind tokenKind, length int) token {
	t := token{kind: kind, pos: s.pos, text: s.source[s.pos : s.pos+length]}
	s.pos += length
	return t
}

// peek returns the byte at an offset from the current position, 0 outside.
func (s *scanner) peek(offset int) byte {
	if i := s.pos + offset; i >= 0 && i < len(s.source) {
		return s.source[i]
	}
	return 0
}

// unexpected refuses the character at the current position.
func (s *scanner) unexpected() *failure {
	r, size := utf8.DecodeRuneInString(s.source[s.pos:])
	what := fmt.Sprintf("unexpected character %q", r)
	switch {
	case r == utf8.RuneError && size == 1:
		what = fmt.Sprintf("unexpected byte 0x%02x", s.source[s.pos])
	case r > '~':
		what = fmt.Sprintf("unexpected character %q (%U)", r, r)
	}
	return failf(syntaxError, "%s", what).hinting(s.hint(r)).at(s.pos)
}

// hint says what somebody who wrote r probably meant.
func (s *scanner) hint(r rune) string {
	switch r {
	case '^', '²', '³':
		return "write ** for a power"
	case '×', '·', '⋅', '∙':
		return "write * for a product"
	case '÷', '⁄', '∕':
		return "write / for a quotient"
	case '−', '–', '—':
		return "write - for a difference"
	case '√':
		return "write sqrt(...) for a root"
	case 'π':
		return "write pi"
	case 'τ':
		return "write tau"
	case '!':
		return "write factorial(...) for a factorial"
	case '|':
		return "write abs(...) for an absolute value"
	case '[', ']', '{', '}':
		return "group with ( and )"
	case '<', '>', '=':
		return "only arithmetic is evaluated, no comparisons or assignments"
	case '.':
		if isLetter(s.peek(-1)) {
			return "write the name of a function or constant without a module"
		}
	}
	return ""
}

const digits = `[0-9](?:_?[0-9])*`

// numberForm matches a decimal literal, with Python's rules for underscores.
var numberForm = regexp.MustCompile(
	`^(?:` + digits + `(?:\.(?:` + digits + `)?)?|\.` + digits + `)(?:[eE][+-]?` + digits + `)?`)

// number cuts a decimal literal.
func (s *scanner) number(length int) (token, *failure) {
	t := s.take(tokenNumber, length)
	if c := s.peek(0); isWord(c) || c == '.' {
		return t, s.malformed(t.text)
	}
	literal := strings.ReplaceAll(t.text, "_", "")
	if isInteger(literal) && literal[0] == '0' && strings.Trim(literal, "0") != "" {
		return t, failf(syntaxError, "malformed number").hinting("an integer has no leading zeros").at(t.pos)
	}
	if t.edge = literal == "9223372036854775808"; t.edge {
		return t, nil
	}
	n, f := readNumber(literal)
	t.number = n
	return t, f.at(t.pos)
}

// malformed refuses the character that follows a number.
func (s *scanner) malformed(number string) *failure {
	hint := "write an operator between a number and a name"
	switch s.peek(0) {
	case '_':
		hint = "an underscore may only stand between two digits"
	case '.':
		hint = "a number has only one decimal point"
	case 'x', 'X', 'o', 'O', 'b', 'B':
		if number == "0" {
			hint = "numbers are decimal"
		}
	case 'e', 'E':
		if !strings.ContainsAny(number, "eE") {
			hint = "an exponent needs digits"
		}
	case 'j', 'J':
		hint = "numbers are real"
	}
	return failf(syntaxError, "malformed number").hinting(hint).at(s.pos)
}

func isSpace(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) }
