package main

import (
	"bytes"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// expectation is what the document says about a call.
type expectation int

// The expectations.
const (
	accepted expectation = iota // it follows every rule
	refused                     // it breaks one
	open                        // it follows the rules of form; the rest depends on state or taste
)

// draft is a body on its way.
type draft struct {
	tree   object
	schema *openapi3.Schema
	args   *openapi3.Schema // of the tool that the body names, if it does
}

// spoil is a way to break a tree; it returns nil where that is impossible.
type spoil struct {
	name  string
	apply func(v values, o object, s *openapi3.Schema) object
}

// spoils break one rule of a schema each.
var spoils = []spoil{
	{"mistyped", func(v values, o object, s *openapi3.Schema) object {
		return v.replace(o, s, v.mistyped)
	}},
	{"beyond a bound", func(v values, o object, s *openapi3.Schema) object {
		return v.replace(o, s, v.beyond)
	}},
	{"missing", func(v values, o object, s *openapi3.Schema) object {
		if len(s.Required) == 0 {
			return nil
		}
		return o.without(pick(v.rnd, s.Required))
	}},
	{"extra", func(v values, o object, s *openapi3.Schema) object {
		if !closed(s) {
			return nil
		}
		foreign := slices.DeleteFunc([]string{"owner", "state", "fence", "version", "é", "", "a/b~c", "__proto__"}, func(name string) bool {
			return s.Properties[name] != nil
		})
		return o.with(pick(v.rnd, foreign), raw("1"))
	}},
	{"another case", func(v values, o object, s *openapi3.Schema) object {
		if !closed(s) || len(o) == 0 {
			return nil
		}
		c := slices.Clone(o)
		i := v.rnd.IntN(len(c))
		c[i].name = strings.ToUpper(c[i].name)
		return c
	}},
}

// replace gives one property another value.
func (v values) replace(o object, s *openapi3.Schema, by func(*openapi3.Schema) node) object {
	properties := propertiesOf(s)
	if len(properties) == 0 {
		return nil
	}
	name := pick(v.rnd, properties)
	if value := by(plain(s.Properties[name])); value != nil {
		return o.with(name, value)
	}
	return nil
}

// garble is a way to break a text, whatever its schema.
type garble struct {
	name   string
	expect expectation
	apply  func(v values, body []byte) []byte
}

// inside puts something into the first object.
func inside(body []byte, members string) []byte {
	rest := bytes.TrimPrefix(body, []byte("{"))
	if !bytes.HasPrefix(rest, []byte("}")) {
		members += ","
	}
	return append([]byte("{"+members), rest...)
}

var garbles = []garble{
	{"cut off", refused, func(v values, b []byte) []byte { return b[:1+v.rnd.IntN(len(b)-1)] }},
	{"a name twice", refused, func(v values, b []byte) []byte {
		return inside(b, pick(v.rnd, []string{`"tool":"ping","tool":"ping"`, `"labels":{},"labels":{}`, `"x":1,"\u0078":1`, `"":{"a":[{"b":1,"b":2}]}`}))
	}},
	{"something after it", refused, func(v values, b []byte) []byte {
		return append(b, pick(v.rnd, []string{"{}", "x", ",", "]", "\x00", "null", "//"})...)
	}},
	{"something before it", refused, func(v values, b []byte) []byte {
		return append([]byte(pick(v.rnd, []string{"\ufeff", "x", "\x00", "[", ")]}',\n", "\v"})), b...)
	}},
	{"bad UTF-8", refused, func(v values, b []byte) []byte {
		return inside(b, pick(v.rnd, []string{"\"a\":\"\xff\"", "\"\xc0\x80\":1", "\"a\":\"\xed\xa0\x80\"", "\"a\":\"\xf4\x90\x80\x80\"", "\"a\":\"\xe2\x82\""}))
	}},
	{"half a surrogate pair", refused, func(v values, b []byte) []byte {
		return inside(b, pick(v.rnd, []string{`"a":"\ud800"`, `"a":"\udc00\ud800"`, `"\ud83d":1`, `"a":"\ud800\u0041"`}))
	}},
	{"no JSON", refused, func(v values, _ []byte) []byte {
		return []byte(pick(v.rnd, []string{
			"tool=ping", "<xml/>", "---\ntool: ping", "'tool'", "{tool:\"ping\"}", "{'tool':'ping'}", "{\"tool\":\"ping\",}", "\x1f\x8b\x08\x00",
			"NaN", "{\"a\":Infinity}", "{\"a\":01}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":0x1}", "{\"a\":1.}", "\x00", " ", "{\"a\":tru}", "/**/{}",
		}))
	}},
	{"no object", refused, func(v values, _ []byte) []byte {
		return []byte(pick(v.rnd, []string{"null", "true", "1", `"ping"`, "[]", `[{"tool":"ping"}]`, "-0", "1e400"}))
	}},
	{"deep", refused, func(v values, b []byte) []byte {
		n := pick(v.rnd, []int{65, 100, 1000, 100_000})
		half := pick(v.rnd, [][2]string{{"[", "]"}, {`{"a":`, "}"}})
		return inside(b, `"x":`+strings.Repeat(half[0], n)+"1"+strings.Repeat(half[1], n))
	}},
	{"a megabyte of arrays", refused, func(v values, _ []byte) []byte {
		return []byte("[" + strings.Repeat("[],", 300_000) + "1]")
	}},
	{"too large", refused, func(v values, b []byte) []byte {
		return append(b, bytes.Repeat([]byte(" "), 1<<20)...)
	}},
	{"digits", refused, func(v values, b []byte) []byte {
		return inside(b, `"unknown":`+strings.Repeat("7", pick(v.rnd, []int{400, 20_000, 900_000})))
	}},
	{"large", open, func(v values, b []byte) []byte {
		return append(b, bytes.Repeat([]byte(" "), 200_000)...)
	}},
	{"bytes changed", open, func(v values, b []byte) []byte {
		c := slices.Clone(b)
		for range 1 + v.rnd.IntN(4) {
			c[v.rnd.IntN(len(c))] = byte(v.rnd.IntN(256))
		}
		return c
	}},
	{"blanks", open, func(v values, b []byte) []byte {
		return slices.Concat([]byte("\r\n\t "), b, []byte("\n\n"))
	}},
	{"empty", open, func(values, []byte) []byte { return nil }}, // one operation takes that for {}
}

// strange returns the tree with odd texts in some of its members.
func (v values) strange(o object) object {
	c := slices.Clone(o)
	for i, m := range c {
		switch value := m.value.(type) {
		case object:
			inner := v.strange(value)
			if v.rnd.IntN(2) == 0 {
				inner = append(inner.without("odd"), member{pick(v.rnd, odd), text(pick(v.rnd, odd))})
			}
			c[i].value = inner
		case text:
			if v.rnd.IntN(2) == 0 {
				c[i].value = text(pick(v.rnd, odd))
			}
		}
	}
	return c
}
