package server

import (
	"bytes"
	"strconv"

	"toolpit/api"
)

// plain reads JSON of the simplest kind, from left to right. It refuses
// nothing: where it does not understand the text, somebody else has to read it.
type plain struct {
	text []byte
	at   int
}

// maxPlain is how many members an object may have to be simple.
const maxPlain = 8

// plainCall reads the body of a call as nearly all are written: members that
// are known, each once, and flat arguments without escapes. It does so without
// a decoder, in a fraction of the time. When ok is false the envelope has to read
// the body; when it is true, the envelope would find the same.
func plainCall(body []byte) (call api.ExecuteRequest, ok bool) {
	p := plain{text: body}
	ok = p.object(func(name []byte) bool {
		switch string(name) {
		case "tool":
			tool, ok := p.word()
			call.Tool = string(tool)
			return ok
		case "arguments":
			start := p.at
			ok := p.object(func([]byte) bool { return p.scalar() })
			call.Arguments = body[start:p.at]
			return ok
		case "timeout_ms":
			n, ok := p.integer()
			call.TimeoutMS = &n
			return ok
		default:
			return false
		}
	})
	p.blanks()
	return call, ok && p.at == len(body) && call.Tool != ""
}

// object reads an object; member reads the value of each of its members.
func (p *plain) object(member func(name []byte) bool) bool {
	if p.blanks(); !p.take('{') {
		return false
	}
	if p.blanks(); p.take('}') {
		return true
	}
	var names [maxPlain][]byte
	for n := range names {
		p.blanks()
		name, ok := p.word()
		if !ok {
			return false
		}
		for _, before := range names[:n] {
			if bytes.Equal(before, name) {
				return false
			}
		}
		names[n] = name
		if p.blanks(); !p.take(':') {
			return false
		}
		if p.blanks(); !member(name) {
			return false
		}
		if p.blanks(); p.take('}') {
			return true
		}
		if !p.take(',') {
			return false
		}
	}
	return false
}

// scalar reads a value that is neither an object nor an array.
func (p *plain) scalar() bool {
	if p.at == len(p.text) {
		return false
	}
	switch p.text[p.at] {
	case '"':
		_, ok := p.word()
		return ok
	case 't', 'f', 'n':
		return p.literal("true") || p.literal("false") || p.literal("null")
	default:
		_, ok := p.integer()
		return ok
	}
}

// word reads a string of printable ASCII without escapes.
func (p *plain) word() (inside []byte, ok bool) {
	if !p.take('"') {
		return nil, false
	}
	for start := p.at; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return p.text[start : p.at-1], true
		case c < ' ' || c > '~' || c == '\\':
			return nil, false
		}
	}
	return nil, false
}

// integer reads a number that is written with digits only.
func (p *plain) integer() (n int64, ok bool) {
	start := p.at
	p.take('-')
	first := p.at
	for p.at < len(p.text) && p.text[p.at]-'0' <= 9 {
		p.at++
	}
	if p.at == first || p.text[first] == '0' && p.at > first+1 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(p.text[start:p.at]), 10, 64)
	return n, err == nil
}

func (p *plain) literal(word string) bool {
	if !bytes.HasPrefix(p.text[p.at:], []byte(word)) {
		return false
	}
	p.at += len(word)
	return true
}

func (p *plain) take(c byte) bool {
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *plain) blanks() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}
