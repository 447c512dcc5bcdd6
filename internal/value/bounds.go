package value

import (
	"bytes"
	"errors"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
)

// maxTexts is how many texts an enum, choices or required may list.
const maxTexts = 256

// bound reads min or max: an exact integer for integers, else a float.
func (p *parser) bound(t Type, m member, i **int64, f **float64) {
	at := p.path + "/" + m.name
	if t == Integer {
		p.integerIn(m, math.MinInt64, i)
		return
	}
	x, ok := finite(m.text.Kind(), m.text, 64)
	if !ok {
		p.noFloat(at, m.text.Kind(), m.text, 64)
		return
	}
	*f = &x
	if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
		p.out = strconv.AppendInt(p.out, int64(x), 10) // -0 bounds like 0
		return
	}
	p.out = floatText(p.out, x, 64)
}

// flag reads a boolean. false is the same as nothing, but stays visible.
func (p *parser) flag(m member, to *bool) {
	switch m.text.Kind() {
	case jsontext.KindTrue:
		*to = true
		p.out = append(p.out, "true"...)
	case jsontext.KindFalse:
		p.out = append(p.out, "false"...)
	default:
		p.mismatch(p.path+"/"+m.name, "a boolean", KindName(m.text.Kind()))
	}
}

// integerIn reads an integer that is not less than least.
func (p *parser) integerIn(m member, least int64, to **int64) {
	at := p.path + "/" + m.name
	n, ok := integral(m.text.Kind(), m.text)
	switch {
	case !ok:
		p.noInteger(at, m.text.Kind(), m.text)
	case n < least:
		p.violates(at, "Expected at least %d, got %d.", least, n)
	default:
		*to = &n
		p.out = strconv.AppendInt(p.out, n, 10)
	}
}

// count reads a number of characters or items.
func (p *parser) count(m member, to **int) { p.bounded(m, 0, math.MaxInt32, to) }

// depth reads a number of levels.
func (p *parser) depth(m member, to **int) { p.bounded(m, 1, MaxDepth, to) }

func (p *parser) bounded(m member, least, most int64, to **int) {
	var n *int64
	p.integerIn(m, least, &n)
	if n == nil {
		return
	}
	if *n > most {
		p.violates(p.path+"/"+m.name, "Expected at most %d, got %d.", most, *n)
		return
	}
	count := int(*n)
	*to = &count
}

// word reads a string.
func (p *parser) word(at string, text jsontext.Value) (string, bool) {
	if text.Kind() != jsontext.KindString {
		p.mismatch(at, "a string", KindName(text.Kind()))
		return "", false
	}
	p.out = appendString(p.out, text)
	return unquoted(text), true
}

func (p *parser) pattern(m member, l *limits) {
	s, ok := p.word(p.path+"/pattern", m.text)
	if !ok {
		return
	}
	compiled, err := compile(s)
	if err != nil {
		p.violates(p.path+"/pattern", "Expected a regular expression (RE2), got %s: %s.", shown(s), err)
		return
	}
	l.pattern = compiled
}

// texts reads different strings, as many as least or more.
func (p *parser) texts(m member, least int) []string {
	at := p.path + "/" + m.name
	if m.text.Kind() != jsontext.KindBeginArray {
		p.mismatch(at, "an array of strings", KindName(m.text.Kind()))
		return nil
	}
	texts := []string{}
	seen := map[string]int{}
	p.out = append(p.out, '[')
	for i, text := range items(m.text) {
		if i == maxTexts {
			p.violates(at, "Expected at most %d items, got more.", maxTexts)
			return nil
		}
		if i > 0 {
			p.out = append(p.out, ',')
		}
		item := at + "/" + strconv.Itoa(i)
		s, ok := p.word(item, text)
		if first, twice := seen[s]; ok && twice {
			p.violates(item, "Expected no two equal items, but the items %d and %d are.", first, i)
		}
		seen[s] = i
		texts = append(texts, s)
	}
	p.out = append(p.out, ']')
	if len(texts) < least {
		p.violates(at, "Expected at least %d item, got none.", least)
	}
	return texts
}

// items yields the items of an array that has been read before.
func items(array jsontext.Value) func(yield func(int, jsontext.Value) bool) {
	return func(yield func(int, jsontext.Value) bool) {
		dec := jsontext.NewDecoder(bytes.NewBuffer(array))
		_, err := dec.ReadToken()
		for i := 0; err == nil && dec.PeekKind() != jsontext.KindEndArray; i++ {
			var text jsontext.Value
			if text, err = dec.ReadValue(); err != nil || !yield(i, text) {
				return
			}
		}
	}
}

// itemType reads the type of items that are not converted: one of those that
// JSON itself tells apart.
func (p *parser) itemType(m member, l *limits) {
	at := p.path + "/item_type"
	s, ok := p.word(at, m.text)
	if !ok {
		return
	}
	if t, ok := TypeOf(s); ok && t <= Map {
		l.itemType = t
		return
	}
	p.violates(at, "Expected boolean, integer, float, string, list or map, got %s.", shown(s))
}

func (p *parser) dtype(t Type, m member, l *limits) {
	at := p.path + "/dtype"
	s, ok := p.word(at, m.text)
	if !ok {
		return
	}
	d, ok := DtypeOf(s)
	switch {
	case t == Embedding && !d.floats():
		p.violates(at, "Expected f64 or f32, got %s.", shown(s))
	case !ok:
		p.violates(at, "Expected f64, f32, i64, i32, u8 or bool, got %s.", shown(s))
	}
	l.dtype = d
}

// shape reads the lengths of a tensor's dimensions, -1 for any.
func (p *parser) shape(m member, l *limits) {
	shape, ok := p.lengths(p.path+"/shape", m.text, -1)
	if !ok {
		return
	}
	l.shape = shape
	p.out = append(p.out, shapeText(shape)...)
}

// lengths reads a shape whose lengths are not less than least.
func (f *findings) lengths(at string, text jsontext.Value, least int64) ([]int64, bool) {
	if text.Kind() != jsontext.KindBeginArray {
		f.mismatch(at, "an array of lengths", KindName(text.Kind()))
		return nil, false
	}
	before := len(f.found)
	shape := []int64{}
	for i, item := range items(text) {
		if i == MaxRank {
			f.violates(at, "Expected at most %d dimensions, got more.", MaxRank)
			return nil, false
		}
		n, ok := integral(item.Kind(), item)
		switch at := at + "/" + strconv.Itoa(i); {
		case !ok:
			f.noInteger(at, item.Kind(), item)
		case n < least:
			f.violates(at, "Expected at least %d, got %d.", least, n)
		}
		shape = append(shape, n)
	}
	return shape, len(f.found) == before
}

// jsonError adds what is wrong with the text of an object.
func (f *findings) jsonError(err error, expected string, raw []byte) {
	switch {
	case errors.Is(err, errNoObject):
		f.mismatch("", expected, KindName(jsontext.Value(bytes.TrimLeft(raw, " \t\r\n")).Kind()))
	case errors.Is(err, jsontext.ErrDuplicateName):
		f.unreadable("An object in the value has the same name twice.")
	case err != nil:
		f.unreadable("The value is not valid JSON.")
	}
}

// missing adds that a member is not there.
func (f *findings) missing(name string) {
	f.add("/"+name, fault.MissingParameter, "The member "+shown(name)+" is missing.")
}
