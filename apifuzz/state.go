package main

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// What every session of a caller is given, so that calls by the book find
// something.
const (
	number  = "number"  // a float
	count   = "count"   // an integer
	weights = "weights" // a tensor of six elements
)

// variables are where the operations whose path has the name of a variable find
// one; others make up a new one.
var variables = map[string]string{
	"getVariable": number, "putVariable": number, "updateVariable": number, "getVariableHistory": number, "rollbackVariable": number,
	"incrementVariable": count, "lockVariable": count, "unlockVariable": count, "getTensor": weights, "putTensor": weights,
}

// seeds are the calls that make those variables.
var seeds = []string{"putVariable", "incrementVariable", "putTensor"}

// name draws what stands for {name} in a path.
func (c *caller) name(o operation) string {
	switch known, ok := variables[o.id]; {
	case strings.HasPrefix(o.path, "/tools"):
		return c.toolName()
	case ok:
		return known
	default:
		return fmt.Sprintf("x.%d", c.made)
	}
}

// lockToken opens what the caller has locked.
func (c *caller) lockToken() string { return "secret-of-" + c.id }

// bodies are the bodies by the book of operations whose schemas allow more than
// can be expected to succeed: what fits a variable depends on the variable.
var bodies = map[string]func(c *caller) object{
	"putVariable": func(c *caller) object {
		return object{{"value", raw(pick(c.rnd, []string{"0.5", "1", "1.25e0", "-0"}))}}
	},
	"createVariable": func(c *caller) object {
		o := pick(c.rnd, []object{
			{{"value", list{text("Ada"), text("é")}}},
			{{"value", raw("9223372036854775807")}},
			{{"value", object{{"a", object{}}}}, {"metadata", object{{"from", text("here")}}}},
			{{"value", raw("0.7")}, {"type", text("float")}, {"constraints", object{{"min", raw("0")}, {"max", raw("2")}}}},
			{{"value", text("a")}, {"type", text("choice")}, {"constraints", object{{"choices", list{text("a"), text("b")}}}}},
			{{"value", list{raw("1"), raw("0.5")}}, {"type", text("embedding")}, {"expected_version", raw("0")}},
		})
		return o.with("name", text(fmt.Sprintf("v.%d", c.made)))
	},
	"updateVariable": func(*caller) object {
		return object{{"metadata", object{{"note", text("wider")}, {"old", raw("null")}}}}
	},
	"incrementVariable": func(*caller) object { return object{{"by", raw("3")}, {"initial", raw("0")}} },
	"rollbackVariable":  func(*caller) object { return object{{"version", raw("1")}} },
	"lockVariable": func(c *caller) object {
		return object{{"ttl_seconds", raw("30")}, {"token", text(c.lockToken())}, {"holder", text("apifuzz")}}
	},
	"batchVariables": func(c *caller) object {
		return pick(c.rnd, []object{
			{{"get", list{text(number), text(weights), text("nothing")}}},
			{{"set", object{{number, object{{"value", raw("0.25")}}}, {"batch", object{{"value", raw("true")}}}}}, {"atomic", raw("true")}},
			{{"set", object{{number, object{{"value", text("no number")}}}, {"batch", object{{"value", raw("false")}}}}}},
		})
	},
	"importSession": func(c *caller) object {
		variable := func(name, kind string, v node) object {
			return object{{"name", text(name)}, {"type", text(kind)}, {"value", v}}
		}
		return object{
			{"id", text(fmt.Sprintf("%s~import-%d", c.id, c.made))},
			{"envelope", object{
				{"format", text("toolpit-session")},
				{"version", raw("1")},
				{"exported_at", text("2026-11-23T09:30:00.125Z")},
				{"session", object{{"ttl_seconds", raw("60")}, {"labels", object{{"team", text("blue")}}}}},
				{"variables", list{variable("a", "float", raw("0.7")), variable("b", "list", list{raw("null"), list{}}), variable("c", "string", text("é"))}},
				{"blobs", object{}},
			}},
		}
	},
	"putTensor": func(c *caller) object {
		return pick(c.rnd, []object{
			{{"shape", list{raw("2"), raw("3")}}, {"data", list{list{raw("1"), raw("2"), raw("3")}, list{raw("4"), raw("5"), raw("6.5")}}}},
			{{"shape", list{raw("2"), raw("3")}}, {"dtype", text("i32")}, {"data", list{raw("1"), raw("2"), raw("3"), raw("4"), raw("5"), raw("6")}}},
		})
	},
}

// queries are queries by the book, beside those for pages.
var queries = map[string][]string{
	"listVariables":      {"", "prefix=n", "glob=*", "type=float", "prefix=w&glob=w*&type=tensor"},
	"getVariableHistory": {"", "before=2", "before=9223372036854775807&limit=1"},
	"deleteVariable":     {"", "strict=false"},
	"getTensor":          {"", "", "slice=0:1", "slice=:,-1", "slice=1,2", "slice=0:0"},
	"watchSession":       {"", "after=0", "include_initial=true", "names=number,count&after=0", "after=9"},
}

// accepts are the media types that can be asked for, where there are several.
func (o operation) accepts() []string {
	ok := o.spec.Responses.Status(http.StatusOK)
	if ok == nil || len(ok.Value.Content) < 2 {
		return nil
	}
	all := []string{"*/*"}
	for media := range ok.Value.Content {
		all = append(all, media)
	}
	slices.Sort(all)
	return all
}

// npyFile is what numpy.save writes for six bytes in two rows.
var npyFile = fmt.Appendf(nil, "\x93NUMPY\x01\x00v\x00%-117s\nabcdef", "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }")

// binary makes a call's body one of the binary ones that the operation takes.
func (c *caller) binary(one *call) {
	one.binary = true
	if c.rnd.IntN(2) == 0 {
		one.set("Content-Type", "application/x-npy")
		one.body = bytes.Clone(npyFile)
		return
	}
	one.set("Content-Type", "application/octet-stream")
	dtype := pick(c.rnd, []string{"u8", "i32", "f32", "f64", "i64"})
	one.set("X-Tensor-Dtype", dtype)
	one.set("X-Tensor-Shape", "2,3")
	if order := pick(c.rnd, []string{"", "C", "F"}); order != "" {
		one.set("X-Tensor-Order", order)
	}
	one.body = bytes.Repeat([]byte{byte(c.rnd.IntN(100))}, 6*map[string]int{"u8": 1, "i32": 4, "f32": 4, "f64": 8, "i64": 8}[dtype])
}

// takesBinary tells whether the body need not be JSON.
func (o operation) takesBinary() bool {
	return o.body != nil && o.spec.RequestBody.Value.Content.Get("application/octet-stream") != nil
}

// bend is a way to break a binary body or what is said of it.
type bend struct {
	name   string
	expect expectation
	apply  func(v values, c *call)
}

var bends = []bend{
	{"bytes cut off", refused, func(v values, c *call) { c.body = c.body[:v.rnd.IntN(len(c.body))] }},
	{"bytes too many", refused, func(v values, c *call) {
		c.body = append(c.body, make([]byte, pick(v.rnd, []int{1, 8, 5000, 2 << 20}))...)
	}},
	{"bytes changed in a tensor", open, func(v values, c *call) {
		for range 1 + v.rnd.IntN(4) {
			c.body[v.rnd.IntN(len(c.body))] = byte(v.rnd.IntN(256))
		}
	}},
	{"no bytes", refused, func(_ values, c *call) { c.body = nil }},
	{"noise", refused, func(v values, c *call) {
		c.body = make([]byte, 7+v.rnd.IntN(5000)) // no multiple of what was said, or nearly never: seven is prime
		for i := range c.body {
			c.body[i] = byte(v.rnd.IntN(256))
		}
		c.expect = open
	}},
	{"a bad file head", refused, func(v values, c *call) {
		head := pick(v.rnd, []string{
			"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807), }",
			"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "{}", "((((((((((", "__import__('os')",
			"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", "{'descr': '|u1', 'fortran_order': 2, 'shape': (2, 3), }",
		})
		c.set("Content-Type", "application/x-npy")
		for _, name := range []string{"X-Tensor-Dtype", "X-Tensor-Shape", "X-Tensor-Order"} {
			delete(c.header, name)
		}
		c.body = fmt.Appendf(nil, "\x93NUMPY\x01\x00v\x00%-117s\nabcdef", head)
	}},
	{"a huge file head", refused, func(_ values, c *call) {
		c.set("Content-Type", "application/x-npy")
		for _, name := range []string{"X-Tensor-Dtype", "X-Tensor-Shape", "X-Tensor-Order"} {
			delete(c.header, name)
		}
		c.body = append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\x7f"), bytes.Repeat([]byte(" "), 100_000)...)
	}},
	{"a bad X-Tensor-Dtype", refused, func(v values, c *call) {
		c.set("X-Tensor-Dtype", pick(v.rnd, []string{"", "f16", "F32", "object", "<f4", "é", "f32,f32"}))
	}},
	{"a bad X-Tensor-Shape", refused, func(v values, c *call) {
		c.set("X-Tensor-Shape", pick(v.rnd, []string{"-1", "2,", ",", "2,x", "1e3", "99999999999999999999", "4294967296,4294967296", "1,1,1,1,1,1,1,1,1", "+6", strings.Repeat("1,", 90) + "1", "٢,3"}))
	}},
	{"a bad X-Tensor-Order", refused, func(v values, c *call) { c.set("X-Tensor-Order", pick(v.rnd, []string{"", "c", "K", "C,F"})) }},
	{"two dtypes", refused, func(_ values, c *call) { c.set("X-Tensor-Dtype", "u8", "i32") }},
	{"no X-Tensor-Shape", refused, func(_ values, c *call) {
		c.set("Content-Type", "application/octet-stream")
		delete(c.header, "X-Tensor-Shape")
	}},
	{"a bad Content-Digest", refused, func(v values, c *call) {
		c.set("Content-Digest", pick(v.rnd, []string{"sha-256", "sha-256=:AAAA:", "sha-256=:" + strings.Repeat("A", 43) + "=:", "sha-256=x", "sha-256=:é:"}))
	}},
}

// wrongQueries are values that break a parameter of a query.
var wrongQueries = map[string][]string{
	"slice":           {"", "x", "0:1:2", "1:2:3:4", "99999999999999999999", ":,:,:", "0:1,,", "%2B1", strings.Repeat(":,", 300) + ":", "%00"},
	"type":            {"", "number", "FLOAT", "%ff"},
	"prefix":          {strings.Repeat("p", 129), "%ff"},
	"glob":            {strings.Repeat("*", 257), "%ff"},
	"before":          {"", "0", "-1", "x", "1.5", "9223372036854775808"},
	"strict":          {"", "1", "TRUE", "yes"},
	"names":           {"", ",", "a,", "a%20b", "1a", strings.Repeat("a", 129), "%00"},
	"after":           {"", "-1", "x", "1.5", "99999999999999999999", "%2B1", "7-", "7-dcmcyig5"},
	"include_initial": {"", "1", "TRUE"},
}

// wrongHeaders are values that break a header of some operations.
var wrongHeaders = map[string][]string{
	"X-Lock-Token":  {"", "a b", "é", strings.Repeat("t", 129)},
	"Last-Event-ID": {"-1", "x", "1.5", "99999999999999999999", "7-", "7-dcmcyig5", "-DCMCYIG5"},
}

// wrongParameter breaks one parameter that only some operations have.
func wrongParameter(v values, o operation, c *call) bool {
	var own []*openapi3.Parameter
	for _, p := range o.parameters {
		if p.In == "query" && wrongQueries[p.Name] != nil || p.In == "header" && wrongHeaders[p.Name] != nil {
			own = append(own, p)
		}
	}
	if len(own) == 0 {
		return false
	}
	p := pick(v.rnd, own)
	c.how, c.expect = "a bad "+p.Name, refused
	if p.In == "header" {
		c.set(http.CanonicalHeaderKey(p.Name), pick(v.rnd, wrongHeaders[p.Name]))
	} else {
		c.query = p.Name + "=" + pick(v.rnd, wrongQueries[p.Name])
	}
	return true
}

// ranges are values of Range that a reader may send, well-formed or not.
var ranges = []string{
	"bytes=0-", "bytes=0-0", "bytes=-1", "bytes=2-4", "bytes=5-2", "bytes=99999999-", "bytes=0-99999999999999999999", "bytes=0-1,3-4", "bytes=", "items=0-1",
	"bytes=a-b", "bytes=--1", strings.Repeat("bytes=0-1,", 500) + strconv.Itoa(1),
}
