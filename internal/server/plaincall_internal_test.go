package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzPlainCall compares the quick reading of a call with the thorough one.
func FuzzPlainCall(f *testing.F) {
	for seed := range plainCalls {
		f.Add([]byte(seed))
	}
	limits := Limits{}.WithDefaults()
	f.Fuzz(func(t *testing.T, body []byte) {
		quick, ok := plainCall(body)
		if !ok || len(limits.execute(&quick)) > 0 {
			return // then the envelope reads it
		}
		thorough, err := executeBody.decode(body, limits.execute)
		if err != nil {
			t.Fatalf("%q is no call, and was read as one: %v", body, err)
		}
		if diff := cmp.Diff(*thorough, quick); diff != "" {
			t.Errorf("%q: - thorough, + quick:\n%s", body, diff)
		}
	})
}

// plainCalls are bodies, and whether they are plain.
var plainCalls = map[string]bool{
	`{"tool":"increment_counter"}`:                                                      true,
	`{"tool":"increment_counter","arguments":{}}`:                                       true,
	` { "arguments" : { "a" : 1 , "b" : "c d" } , "timeout_ms" : 50, "tool" : "x" } `:   true,
	"{\"tool\":\"x\",\r\n\t\"arguments\":{\"a\":null,\"b\":true,\"c\":false,\"d\":-0}}": true,

	``:                                       false,
	`{`:                                      false,
	`{}`:                                     false,
	`{"tool":""}`:                            false,
	`{"tool":"x"`:                            false,
	`{"tool":"x",}`:                          false,
	`{"tool":"x"}}`:                          false,
	`{"tool":"x","tool":"y"}`:                false,
	`{"tool":"x","why":1}`:                   false,
	`{"tool":"\u0078"}`:                      false,
	"{\"tool\":\"x\x7f\"}":                   false,
	"{\"tool\":\"\xff\"}":                    false,
	`{"tool":7}`:                             false,
	`{"tool":"x","timeout_ms":1.0}`:          false,
	`{"tool":"x","timeout_ms":01}`:           false,
	`{"tool":"x","timeout_ms":-}`:            false,
	`{"tool":"x","timeout_ms":null}`:         false,
	`{"tool":"x","arguments":null}`:          false,
	`{"tool":"x","arguments":{"a":1e5}}`:     false,
	`{"tool":"x","arguments":{"a":nul}}`:     false,
	`{"tool":"x","arguments":{"a":[]}}`:      false,
	`{"tool":"x","arguments":{"a":1,}}`:      false,
	`{"tool":"x","arguments":{"a":1"b":2}}`:  false,
	`{"tool":"x","arguments":{"a":1,"a":2}}`: false,
	`{"tool":"x","arguments":{"a":99999999999999999999}}`:                              false,
	`{"tool":"x","arguments":{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1}}`: false,
}

func TestPlainCallsNeedNoDecoder(t *testing.T) {
	for body, want := range plainCalls {
		if _, ok := plainCall([]byte(body)); ok != want {
			t.Errorf("%q is plain: %t", body, ok)
		}
	}
}
