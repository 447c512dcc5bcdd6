package main

import (
	"maps"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// node is a JSON value as it will be written: an object, a list, a text, or raw
// JSON. Unlike a map it keeps order and may have a name twice.
type node interface {
	append(b []byte) []byte
}

type (
	object []member
	list   []node
	text   string
	raw    string
	member struct {
		name  string
		value node
	}
)

func (o object) append(b []byte) []byte {
	b = append(b, '{')
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(text(m.name).append(b), ':')
		b = m.value.append(b)
	}
	return append(b, '}')
}

func (l list) append(b []byte) []byte {
	b = append(b, '[')
	for i, v := range l {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.append(b)
	}
	return append(b, ']')
}

func (t text) append(b []byte) []byte {
	b, err := jsontext.AppendQuote(b, t)
	if err != nil {
		panic(err) // texts that are not UTF-8 are made of bytes, not of trees
	}
	return b
}

func (r raw) append(b []byte) []byte { return append(b, r...) }

// at returns the place of a member, or -1.
func (o object) at(name string) int {
	return slices.IndexFunc(o, func(m member) bool { return m.name == name })
}

func (o object) get(name string) node {
	if i := o.at(name); i >= 0 {
		return o[i].value
	}
	return nil
}

// with returns a copy in which name has the value.
func (o object) with(name string, value node) object {
	c := slices.Clone(o)
	if i := c.at(name); i >= 0 {
		c[i].value = value
		return c
	}
	return append(c, member{name, value})
}

// without returns a copy that lacks name.
func (o object) without(name string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.name == name })
}

// treeOf makes a tree of what a JSON library decoded.
func treeOf(v any) node {
	switch v := v.(type) {
	case map[string]any:
		o := object{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			o = append(o, member{name, treeOf(v[name])})
		}
		return o
	case []any:
		l := list{}
		for _, element := range v {
			l = append(l, treeOf(element))
		}
		return l
	case string:
		return text(v)
	case bool:
		return raw(strconv.FormatBool(v))
	case float64:
		return raw(strconv.FormatFloat(v, 'f', -1, 64))
	default:
		return raw("null")
	}
}
