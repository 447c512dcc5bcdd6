package npy

import (
	"strconv"
	"strings"
)

// literal reads the one form of Python literal that a header has: a dictionary
// of three known names, in any order. It reads no escapes, no comments, and no
// expressions, and keeps nothing that it has not checked.
type literal struct {
	text string
	at   int
}

// described is what the dictionary says.
type described struct {
	Header
	bigEndian bool
}

// describe parses the text of a header. Errors: *MalformedError,
// *UnsupportedError.
func describe(text string) (described, error) {
	p := &literal{text: text}
	d, err := p.dictionary()
	if err != nil {
		return d, err
	}
	if p.blanks(); p.at < len(p.text) {
		return d, p.unexpected("the end")
	}
	return d, d.check()
}

func (p *literal) dictionary() (described, error) {
	var d described
	if !p.take('{') {
		return d, p.unexpected("a dictionary")
	}
	missing := []string{"descr", "fortran_order", "shape"}
	for !p.take('}') {
		name, err := p.quoted()
		if err != nil {
			return d, err
		}
		missing, err = without(missing, name)
		if err != nil {
			return d, err
		}
		if !p.take(':') {
			return d, p.unexpected("a colon")
		}
		if err := p.member(&d, name); err != nil {
			return d, err
		}
		if !p.take(',') {
			if !p.take('}') {
				return d, p.unexpected("a comma or the dictionary's end")
			}
			break
		}
	}
	if len(missing) > 0 {
		return d, malformed("the header has no %s", missing[0])
	}
	return d, nil
}

// without returns the names that are still missing once this one has come.
func without(missing []string, name string) ([]string, error) {
	for i, m := range missing {
		if m == name {
			return append(missing[:i:i], missing[i+1:]...), nil
		}
	}
	return nil, malformed("the header has %s, which does not belong there or comes twice", clipped(name))
}

func (p *literal) member(d *described, name string) (err error) {
	switch name {
	case "descr":
		d.Descr, d.bigEndian, err = p.descr()
	case "fortran_order":
		d.Fortran, err = p.truth()
	default:
		d.Shape, err = p.shape()
	}
	return err
}

// descr reads the name of a type and returns it as of little-endian elements.
func (p *literal) descr() (descr string, bigEndian bool, err error) {
	if p.peek('[') || p.peek('(') {
		return "", false, &UnsupportedError{Detail: "elements with fields or axes of their own are not taken; " + taken}
	}
	if descr, err = p.quoted(); err != nil {
		return "", false, err
	}
	if rest, ok := strings.CutPrefix(descr, ">"); ok {
		descr, bigEndian = "<"+rest, true
	}
	if _, ok := ItemSize(descr); !ok {
		if bigEndian {
			descr = ">" + descr[1:]
		}
		return "", false, unsupportedType(descr)
	}
	return descr, bigEndian, nil
}

func (p *literal) truth() (bool, error) {
	switch {
	case p.word("True"):
		return true, nil
	case p.word("False"):
		return false, nil
	default:
		return false, p.unexpected("True or False")
	}
}

// shape reads a tuple. As in Python, one with a single member ends in a comma,
// for (3) is a number.
func (p *literal) shape() ([]int64, error) {
	if !p.take('(') {
		return nil, p.unexpected("a tuple")
	}
	shape := []int64{}
	for !p.take(')') {
		if len(shape) == MaxRank {
			return nil, unsupportedRank()
		}
		length, err := p.length()
		if err != nil {
			return nil, err
		}
		shape = append(shape, length)
		if !p.take(',') {
			if len(shape) == 1 || !p.take(')') {
				return nil, p.unexpected("a comma or the tuple's end")
			}
			break
		}
	}
	return shape, nil
}

func (p *literal) length() (int64, error) {
	p.blanks()
	start := p.at
	for p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9' {
		p.at++
	}
	digits := p.text[start:p.at]
	if digits == "" || len(digits) > 1 && digits[0] == '0' {
		p.at = start
		return 0, p.unexpected("the length of an axis")
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, malformed("an axis is longer than 64 bits can say")
	}
	if p.at < len(p.text) && p.text[p.at] == 'L' {
		p.at++ // Python 2 wrote long integers so
	}
	return n, nil
}

// quoted reads a string, which may hold anything but quotes, escapes and line
// breaks.
func (p *literal) quoted() (string, error) {
	if !p.peek('\'') && !p.peek('"') {
		return "", p.unexpected("a string")
	}
	rest := p.text[p.at+1:]
	n := strings.IndexAny(rest, "'\"\\\n\r")
	if n < 0 || rest[n] != p.text[p.at] {
		return "", malformed("a string in the header, at byte %d, does not end", p.at)
	}
	p.at += n + 2
	return rest[:n], nil
}

func (p *literal) blanks() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// peek tells whether c comes next, after blanks.
func (p *literal) peek(c byte) bool {
	p.blanks()
	return p.at < len(p.text) && p.text[p.at] == c
}

func (p *literal) take(c byte) bool {
	found := p.peek(c)
	if found {
		p.at++
	}
	return found
}

func (p *literal) word(w string) bool {
	p.blanks()
	found := strings.HasPrefix(p.text[p.at:], w)
	if found {
		p.at += len(w)
	}
	return found
}

func (p *literal) unexpected(wanted string) error {
	return malformed("expected %s at byte %d of the header", wanted, p.at)
}
