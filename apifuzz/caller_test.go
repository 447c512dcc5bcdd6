package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"
)

// allows asks the library, which knows nothing of how a body came about.
func allows(t *testing.T, o operation, args *openapi3.Schema, body []byte) bool {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil || v == nil {
		return false
	}
	if o.body.VisitJSON(v) != nil {
		return false
	}
	return args == nil || args.VisitJSON(v["arguments"]) == nil
}

// huge tells of a body with an integer that 64 bits do not hold, which the
// library reads as a float.
func huge(body []byte) bool {
	return bytes.Contains(body, []byte("9223372036854775808")) || bytes.Contains(body, []byte("9223372036854775809"))
}

// TestBodiesAreWhatTheyAreSaidToBe draws bodies of every kind: those by the book
// must be allowed by the schemas, those said to be broken must not.
func TestBodiesAreWhatTheyAreSaidToBe(t *testing.T) {
	c := document(t)
	kinds := map[string]int{}
	for seed := range uint64(40) {
		one := newCaller(0, seed, "", nil, c, newTally())
		one.sessions = []session{{"demo", `"x-1"`}}
		for _, o := range c.operations {
			if o.body == nil || o.id == "executeInSession" { // its tools are not in this document
				continue
			}
			valid := one.valid(o)
			if kind, _, _ := strings.Cut(valid.header["Content-Type"][0], ";"); kind != "application/json" {
				continue
			}
			d := one.content(o, false)
			if !allows(t, o, d.args, valid.body) {
				t.Errorf("seed %d: %s is not by the book", seed, valid)
			}
			for range 30 {
				broken := one.valid(o)
				if kind, _, _ := strings.Cut(broken.header["Content-Type"][0], ";"); kind != "application/json" || !one.spoilBody(o, broken) {
					continue
				}
				kinds[broken.how]++
				switch ok := allows(t, o, d.args, broken.body); {
				case ok && broken.expect == refused && broken.how != "deep" && broken.how != "too large" && !huge(broken.body):
					t.Errorf("seed %d: %s is allowed", seed, broken)
				case !ok && broken.how == "at its bounds":
					t.Errorf("seed %d: %s is not allowed", seed, broken)
				}
			}
		}
	}
	for _, s := range spoils {
		if kinds[s.name] == 0 || kinds[s.name+", in the arguments"] == 0 {
			t.Errorf("nothing was %s: %v", s.name, kinds)
		}
	}
	for _, g := range garbles {
		if kinds[g.name] == 0 {
			t.Errorf("nothing was %s: %v", g.name, kinds)
		}
	}
}

// TestSeedRepeatsTheCalls compares two callers of one seed, and two of two.
func TestSeedRepeatsTheCalls(t *testing.T) {
	c := document(t)
	calls := func(n int, seed uint64) (all string) {
		one := newCaller(n, seed, "", nil, c, newTally())
		one.sessions = []session{{"demo", `"x-1"`}}
		for range 200 {
			o := pick(one.rnd, c.turns)
			made := one.valid(o)
			one.breakIn(made)
			all += made.String() + "\n"
		}
		return all
	}
	if calls(1, 7) != calls(1, 7) {
		t.Error("a seed does not repeat its calls")
	}
	if calls(1, 7) == calls(1, 8) || calls(1, 7) == calls(2, 7) {
		t.Error("two seeds, or two callers, make the same calls")
	}
}
