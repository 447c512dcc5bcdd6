package server_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/store"
	"toolpit/internal/value"
)

const vars = "/sessions/demo/variables"

// inSession starts a service with the session demo.
func inSession(t testing.TB, options ...func(*setup)) *running {
	t.Helper()
	s := start(t, options...)
	s.session("demo")
	return s
}

func TestVariableLives(t *testing.T) {
	s := inSession(t)
	made := s.call("PUT", vars+"/temperature", `{"value":0.50,"constraints":{"max":2,"min":0},"metadata":{"a":"<b>"}}`).wants(http.StatusCreated)
	if got := made.header.Get("Location"); got != vars+"/temperature" {
		t.Errorf("Location %q", got)
	}
	for member, want := range map[string]string{
		"name": `"temperature"`, "type": `"float"`, "value": "0.5", "version": "1", "constraints": `{"max":2,"min":0}`,
		"metadata": `{"a":"<b>"}`, "encoding": `"json"`, "updated_by": `"http"`,
	} {
		if got := made.raw(member); got != want {
			t.Errorf("%s is %s, want %s", member, got, want)
		}
	}
	read := s.call("GET", vars+"/temperature", "").wants(http.StatusOK)
	if diff := cmp.Diff(string(made.body), string(read.body)); diff != "" {
		t.Errorf("what is read is not what was answered:\n%s", diff)
	}
	if tag := read.header.Get("ETag"); tag == "" || tag != made.header.Get("ETag") {
		t.Errorf("ETag %q, then %q", made.header.Get("ETag"), tag)
	}
	again := s.call("PUT", vars+"/temperature", `{"value":1,"type":"float"}`).wants(http.StatusOK)
	if again.raw("value") != "1.0" || again.raw("version") != "2" || again.raw("metadata") != `{"a":"<b>"}` || again.header.Get("Location") != "" {
		t.Errorf("after the second write: %s", again.body)
	}
	if got := s.call("PUT", vars+"/temperature", `{"value":1,"metadata":{}}`).wants(http.StatusOK).raw("metadata"); got != "{}" {
		t.Errorf("metadata that were given do not replace: %s", got)
	}
	changed := s.call("PATCH", vars+"/temperature", `{"constraints":{"max":3,"min":null},"metadata":{"c":1}}`).wants(http.StatusOK)
	if changed.raw("constraints") != `{"max":3}` || changed.raw("metadata") != `{"c":1}` || changed.raw("value") != "1.0" {
		t.Errorf("after PATCH: %s", changed.body)
	}
	s.call("DELETE", vars+"/temperature", "").wants(http.StatusNoContent)
	s.call("DELETE", vars+"/temperature", "").wants(http.StatusNoContent)
	s.call("DELETE", vars+"/temperature?strict=true", "").refused(404, "VARIABLE_NOT_FOUND")
	s.call("GET", vars+"/temperature", "").refused(404, "VARIABLE_NOT_FOUND")
	reborn := s.call("POST", vars, `{"name":"temperature","value":"hot"}`).wants(http.StatusCreated)
	if reborn.raw("version") == "1" || reborn.raw("type") != `"string"` || reborn.header.Get("Location") != vars+"/temperature" {
		t.Errorf("created again: %s", reborn.body)
	}
	s.call("POST", vars, `{"name":"temperature","value":"hot"}`).refused(409, "VARIABLE_EXISTS")
	s.call("DELETE", vars+"/temperature?strict=true", "").wants(http.StatusNoContent)
}

// TestValuesAreKept writes values of every kind and reads them back.
func TestValuesAreKept(t *testing.T) {
	s := inSession(t)
	for i, test := range []struct{ body, typ, value string }{
		{`{"value":true}`, "boolean", "true"},
		{`{"value":9223372036854775807}`, "integer", "9223372036854775807"},
		{`{"value":-9223372036854775808}`, "integer", "-9223372036854775808"},
		{`{"value":2e3,"type":"integer"}`, "integer", "2000"},
		{`{"value":1.0}`, "float", "1.0"},
		{`{"value":""}`, "string", `""`},
		{`{"value":"<\u0061&😀\n>"}`, "string", `"<a&😀\n>"`},
		{`{"value":[]}`, "list", "[]"},
		{`{"value":[1, {"a": [null]}]}`, "list", `[1,{"a":[null]}]`},
		{`{"value":{}}`, "map", "{}"},
		{`{"value":{"n" : 9007199254740993, "x": 1.50}}`, "map", `{"n":9007199254740993,"x":1.50}`},
		{`{"value":[1,2]}`, "integer_list", "[1,2]"},
		{`{"value":[1.5,2]}`, "float_list", "[1.5,2.0]"},
		{`{"value":["a"]}`, "string_list", `["a"]`},
		{`{"value":[1,2],"type":"embedding","constraints":{"dimensions":2}}`, "embedding", "[1.0,2.0]"},
		{`{"value":"a","type":"choice","constraints":{"choices":["a","b"]}}`, "choice", `"a"`},
		{`{"value":{"shape":[1],"data":[2]},"type":"map"}`, "map", `{"shape":[1],"data":[2]}`},
		{`{"value":"NaN","type":"float","constraints":{"allow_special":true}}`, "float", `"NaN"`},
	} {
		path := fmt.Sprintf("%s/v%d", vars, i)
		s.call("PUT", path, test.body).wants(http.StatusCreated)
		got := s.call("GET", path, "").wants(http.StatusOK)
		if got.text("type") != test.typ || got.raw("value") != test.value {
			t.Errorf("%s: read as %s", test.body, got.body)
		}
	}
	if !strings.Contains(string(s.call("GET", vars+"/v6", "").body), `"value":"<a&😀\n>"`) {
		t.Error("characters were escaped that need not be")
	}
}

// TestRefusedBodies has the requests that are refused with all that is wrong.
func TestRefusedVariableBodies(t *testing.T) {
	s := inSession(t)
	s.call("PUT", vars+"/n", `{"value":5,"constraints":{"max":10}}`).wants(201)
	s.call("PUT", vars+"/text", `{"value":"a"}`).wants(201)
	s.call("PUT", vars+"/map", `{"value":{}}`).wants(201)
	for _, test := range []struct {
		method, path, body string
		status             int
		code, pointers     string
	}{
		// the envelope
		{"PUT", "/n", `{}`, 400, "MISSING_PARAMETER", "/value MISSING_PARAMETER"},
		{"PUT", "/n", `[]`, 400, "INVALID_REQUEST", " TYPE_MISMATCH"},
		{"PUT", "/n", ``, 400, "INVALID_REQUEST", ""},
		{"PUT", "/n", `{"value":1,"vaule":2}`, 400, "UNKNOWN_PARAMETER", "/vaule UNKNOWN_PARAMETER"},
		{"PUT", "/n", `{"value":{"a":1,"a":2}}`, 400, "INVALID_REQUEST", "/value/a INVALID_REQUEST"},
		{"PUT", "/n", `{"value":1,"value":2}`, 400, "INVALID_REQUEST", "/value INVALID_REQUEST"},
		{"PUT", "/n", `{"value":1}x`, 400, "INVALID_REQUEST", ""},
		{"PUT", "/n", `{"value":01}`, 400, "INVALID_REQUEST", " INVALID_REQUEST"},
		{"PUT", "/n", `{"value":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, 400, "INVALID_REQUEST", ""},
		{"PUT", "/n", `{"value":1,"type":7,"expected_version":"1"}`, 400, "INVALID_REQUEST", "/type TYPE_MISMATCH, /expected_version TYPE_MISMATCH"},
		{"PUT", "/n", `{"value":1,"expected_version":-1}`, 400, "INVALID_REQUEST", "/expected_version CONSTRAINT_VIOLATION"},
		{"PUT", "/n", `{"value":1,"name":"n"}`, 400, "UNKNOWN_PARAMETER", "/name UNKNOWN_PARAMETER"},
		{"POST", "", `{"value":1}`, 400, "MISSING_PARAMETER", "/name MISSING_PARAMETER"},
		{"POST", "", `{"name":"1a","value":1}`, 400, "INVALID_REQUEST", "/name CONSTRAINT_VIOLATION"},
		{"POST", "", `{"name":"a/b","value":1,"expected_version":-1}`, 400, "INVALID_REQUEST", "/expected_version CONSTRAINT_VIOLATION, /name CONSTRAINT_VIOLATION"},
		{"PATCH", "/n", `{"value":1}`, 400, "UNKNOWN_PARAMETER", "/value UNKNOWN_PARAMETER"},
		// names in the path
		{"PUT", "/1a", `{"value":1}`, 400, "INVALID_REQUEST", "name INVALID_REQUEST"},
		{"PUT", "/a%2Fb", `{"value":1}`, 400, "INVALID_REQUEST", "name INVALID_REQUEST"},
		{"GET", "/-a", ``, 400, "INVALID_REQUEST", "name INVALID_REQUEST"},
		{"DELETE", "/" + strings.Repeat("a", 129), ``, 400, "INVALID_REQUEST", "name INVALID_REQUEST"},
		{"DELETE", "/n?strict=1", ``, 400, "INVALID_REQUEST", "strict INVALID_REQUEST"},
		// the value and what belongs to it
		{"PUT", "/new", `{"value":null}`, 422, "TYPE_MISMATCH", "/value TYPE_MISMATCH"},
		{"PUT", "/n", `{"value":null}`, 422, "TYPE_MISMATCH", "/value TYPE_MISMATCH"},
		{"PUT", "/n", `{"value":"5"}`, 422, "TYPE_MISMATCH", "/value TYPE_MISMATCH"},
		{"PUT", "/n", `{"value":5.5}`, 422, "TYPE_MISMATCH", "/value TYPE_MISMATCH"},
		{"PUT", "/n", `{"value":11}`, 422, "CONSTRAINT_VIOLATION", "/value CONSTRAINT_VIOLATION"},
		{"PUT", "/n", `{"value":9223372036854775808}`, 422, "CONSTRAINT_VIOLATION", "/value CONSTRAINT_VIOLATION"},
		{"PUT", "/n", `{"value":5,"type":"float"}`, 422, "TYPE_MISMATCH", "/type TYPE_MISMATCH"},
		{"PUT", "/n", `{"value":5,"type":"Integer"}`, 422, "UNKNOWN_TYPE", "/type UNKNOWN_TYPE"},
		{"PUT", "/n", `{"value":5,"type":""}`, 422, "UNKNOWN_TYPE", "/type UNKNOWN_TYPE"},
		{"PUT", "/n", `{"value":5,"constraints":{"max":11}}`, 422, "INVALID_CONSTRAINTS", "/constraints INVALID_CONSTRAINTS"},
		{"PUT", "/n", `{"value":5,"metadata":[]}`, 422, "TYPE_MISMATCH", "/metadata TYPE_MISMATCH"},
		{"PUT", "/new", `{"value":5,"constraints":null}`, 422, "INVALID_CONSTRAINTS", ""},
		{"PUT", "/new", `{"value":[1,"a",2.5],"type":"integer_list"}`, 422, "TYPE_MISMATCH", "/value/1 TYPE_MISMATCH, /value/2 TYPE_MISMATCH"},
		{"PUT", "/new", `{"value":{"a":1},"constraints":{"required":["a/b","c~d"]}}`, 422, "CONSTRAINT_VIOLATION", "/value/a~1b CONSTRAINT_VIOLATION, /value/c~0d CONSTRAINT_VIOLATION"},
		{"PUT", "/new", `{"value":1,"type":"tensor"}`, 422, "TYPE_MISMATCH", "/value TYPE_MISMATCH"},
		{"PUT", "/new", `{"value":{"shape":[1],"data":[2]}}`, 422, "TYPE_MISMATCH", "/value TYPE_MISMATCH"},
		{"PATCH", "/n", `{"constraints":{"max":4}}`, 422, "CONSTRAINT_VIOLATION", "/constraints/max CONSTRAINT_VIOLATION"},
		{"PATCH", "/n", `{"constraints":null}`, 422, "INVALID_CONSTRAINTS", ""},
		{"PATCH", "/n", `{"constraints":{"mox":4}}`, 422, "INVALID_CONSTRAINTS", ""},
		{"PATCH", "/n", `{"metadata":7}`, 422, "TYPE_MISMATCH", "/metadata TYPE_MISMATCH"},
		{"PATCH", "/none", `{}`, 404, "VARIABLE_NOT_FOUND", ""},
		{"PUT", "/n", `{"value":5,"metadata":{"a":"` + strings.Repeat("x", 4096) + `"}}`, 413, "VALUE_TOO_LARGE", ""},
		{"PUT", "/text", `{"value":"` + strings.Repeat("x", 256<<10) + `"}`, 413, "VALUE_TOO_LARGE", ""},
		{"PUT", "/text", `{"value":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "BODY_TOO_LARGE", ""},
		// increments
		{"POST", "/n/increment", `{"by":1.5}`, 400, "INVALID_REQUEST", "/by TYPE_MISMATCH"},
		{"POST", "/n/increment", `{"min":2,"max":1}`, 400, "INVALID_REQUEST", "/max CONSTRAINT_VIOLATION"},
		{"POST", "/n/increment", `{"by":6}`, 422, "CONSTRAINT_VIOLATION", "/by CONSTRAINT_VIOLATION"},
		{"POST", "/n/increment", `{"by":2,"max":6}`, 422, "CONSTRAINT_VIOLATION", "/by CONSTRAINT_VIOLATION"},
		{"POST", "/n/increment", `{"by":-2,"min":4}`, 422, "CONSTRAINT_VIOLATION", "/by CONSTRAINT_VIOLATION"},
		{"POST", "/n/increment", `{"by":9223372036854775807}`, 422, "COUNTER_OVERFLOW", "/by COUNTER_OVERFLOW"},
		{"POST", "/text/increment", `{}`, 422, "TYPE_MISMATCH", ""},
		{"POST", "/none/increment", `{}`, 404, "VARIABLE_NOT_FOUND", ""},
	} {
		t.Run(test.method+test.path+" "+test.body[:min(len(test.body), 60)], func(t *testing.T) {
			a := s.call(test.method, vars+test.path, test.body)
			a.t = t
			a.refused(test.status, test.code)
			if got := a.pointers(); test.pointers != "" && got != test.pointers {
				t.Errorf("pointers %q, want %q", got, test.pointers)
			}
		})
	}
	for name, want := range map[string]string{"n": "5", "text": `"a"`, "map": "{}"} {
		if a := s.call("GET", vars+"/"+name, "").wants(200); a.raw("value") != want || a.raw("version") != "1" {
			t.Errorf("a refusal changed %s: %s", name, a.body)
		}
	}
	if a := s.call("PUT", vars+"/x", `{"value":5,"type":"intger"}`); a.raw("suggestions") != `["integer"]` {
		t.Errorf("no suggestion: %s", a.body)
	}
	for _, body := range []string{`{"value":1,"type":"tensor"}`, `{"value":{"shape":[1],"data":[2]}}`} {
		if a := s.call("PUT", vars+"/x", body); !strings.Contains(a.text("detail"), "PUT to /sessions/demo/tensors/x") {
			t.Errorf("%s: the detail does not say where tensors go: %s", body, a.body)
		}
	}
	s.call("PUT", vars+"/map", `{"value":{"shape":[1],"data":[2]}}`).wants(200) // a map stays one
}

func TestIncrement(t *testing.T) {
	s := inSession(t)
	for _, test := range [][2]string{
		{`{"initial":10}`, `{"name":"n","value":11,"version":1}`},
		{`{}`, `{"name":"n","value":12,"version":2}`},
		{`{"by":-20,"min":-8,"initial":7}`, `{"name":"n","value":-8,"version":3}`},
		{`{"by":9223372036854775807}`, `{"name":"n","value":9223372036854775799,"version":4}`},
		{`{"by":0,"max":9223372036854775807}`, `{"name":"n","value":9223372036854775799,"version":5}`},
	} {
		a := s.call("POST", vars+"/n/increment", test[0]).wants(200)
		if got := strings.TrimSpace(string(a.body)); got != test[1] {
			t.Errorf("%s: %s, want %s", test[0], got, test[1])
		}
		if tag := s.call("GET", vars+"/n", "").header.Get("ETag"); tag != a.header.Get("ETag") {
			t.Errorf("%s: ETag %s, the variable has %s", test[0], a.header.Get("ETag"), tag)
		}
	}
}

func TestListVariables(t *testing.T) {
	s := inSession(t)
	if got := s.call("GET", vars, "").wants(200); got.raw("items") != "[]" || got.header.Get("Link") != "" {
		t.Errorf("an empty list: %s", got.body)
	}
	for name, body := range map[string]string{
		"layer_1": `{"value":1}`, "layer_2": `{"value":"x"}`, "layer_10": `{"value":1.5}`, "other": `{"value":2}`, "_z": `{"value":[]}`, "Z.a-b": `{"value":3}`,
	} {
		s.call("PUT", vars+"/"+name, body).wants(201)
	}
	for query, want := range map[string]string{
		"":                              "Z.a-b _z layer_1 layer_10 layer_2 other",
		"limit=1":                       "Z.a-b _z layer_1 layer_10 layer_2 other",
		"limit=4&type=integer":          "Z.a-b layer_1 other",
		"prefix=layer_":                 "layer_1 layer_10 layer_2",
		"prefix=layer_1&limit=1":        "layer_1 layer_10",
		"glob=*_%3F&limit=2":            "_z layer_1 layer_2",
		"glob=[a-z]*&type=float":        "layer_10",
		"prefix=l&glob=*0&type=float":   "layer_10",
		"prefix=none":                   "",
		"prefix=&glob=":                 "Z.a-b _z layer_1 layer_10 layer_2 other",
		"prefix=%26limit%3D9&glob=a%26": "",
	} {
		var names []string
		for _, page := range s.pages(vars + "?" + query) {
			names = append(names, page.items("name")...)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for query, pointer := range map[string]string{
		"limit=0": "limit", "limit=1001": "limit", "limit=%2B5": "limit", "cursor=": "cursor", "cursor=***": "cursor", "cursor=dG9vbDphZGQ": "cursor",
		"cursor=" + strings.Repeat("a", 1025): "cursor", "glob=[": "glob", `glob=a\`: "glob", "glob=" + strings.Repeat("a", 257): "glob",
		"prefix=" + strings.Repeat("a", 129): "prefix", "type=": "type", "type=int": "type", "type=a&type=b": "type",
	} {
		a := s.call("GET", vars+"?"+query, "").refused(400, "INVALID_REQUEST")
		if got := a.pointers(); got != pointer+" INVALID_REQUEST" {
			t.Errorf("%s: pointers %s", query, got)
		}
	}
	s.call("GET", vars+"?glob=%zz", "").refused(400, "INVALID_REQUEST")
	s.call("GET", vars+"?prefix=%ff", "").refused(400, "INVALID_REQUEST")
	s.call("GET", vars+"?%ff=a", "").refused(400, "INVALID_REQUEST")
}

// TestVariablesOfNoSession asks every route for a session that never was, one
// that has expired, and one that is somebody else's.
func TestVariablesOfNoSession(t *testing.T) {
	s := start(t)
	s.call("POST", "/sessions", `{"id":"demo","ttl_seconds":60}`).wants(201)
	s.call("PUT", vars+"/x", `{"value":1}`).wants(201)
	routes := [][3]string{
		{"GET", ""},
		{"POST", "", `{"name":"x","value":1}`},
		{"GET", "/x"},
		{"PUT", "/x", `{"value":1}`},
		{"PATCH", "/x", `{}`},
		{"DELETE", "/x"},
		{"POST", ":batch", `{"get":["x"]}`},
		{"POST", ":batch", `{"get":[]}`},
		{"POST", ":batch", `{"set":{"x":{"value":1}}}`},
		{"POST", ":batch", `{"set":{}}`},
		{"POST", "/x/increment", `{}`},
		{"GET", "/x/history"},
		{"POST", "/x/rollback", `{"version":1}`},
		{"PUT", "/x/lock", `{"ttl_seconds":1}`},
		{"DELETE", "/x/lock"},
	}
	s.offset.Store(int64(61 * time.Second))
	for _, r := range routes {
		s.call(r[0], "/sessions/none/variables"+r[1], r[2]).refused(404, "SESSION_NOT_FOUND")
		s.call(r[0], "/sessions/a%20b/variables"+r[1], r[2]).refused(400, "INVALID_REQUEST")
		s.call(r[0], vars+r[1], r[2]).refused(410, "SESSION_EXPIRED")
	}
}

func TestWritesToAFrozenSession(t *testing.T) {
	s := inSession(t)
	s.call("PUT", vars+"/x", `{"value":1}`).wants(201)
	if _, err := s.store.Update(t.Context(), store.Ref{Owner: "default", ID: "demo"}, store.SessionUpdate{
		Write: store.Write{Token: store.MintToken(time.Now()), By: "test"}, ReadOnly: new(true),
	}); err != nil {
		t.Fatal(err)
	}
	for _, r := range [][3]string{
		{"POST", "", `{"name":"y","value":1}`},
		{"PUT", "/x", `{"value":1}`},
		{"PATCH", "/x", `{}`},
		{"DELETE", "/x"},
		{"POST", ":batch", `{"set":{"x":{"value":1}}}`},
		{"POST", "/x/increment", `{}`},
		{"POST", "/x/rollback", `{"version":1}`},
		{"PUT", "/x/lock", `{"ttl_seconds":1}`},
	} {
		s.call(r[0], vars+r[1], r[2]).refused(409, "SESSION_READ_ONLY")
	}
	s.call("GET", vars+"/x", "").wants(200)
	s.call("POST", vars+":batch", `{"get":["x"]}`).wants(200)
}

func TestTooManyVariables(t *testing.T) {
	s := inSession(t, func(s *setup) { s.store.Limits.Variables = 1 })
	s.call("PUT", vars+"/x", `{"value":1}`).wants(201)
	s.call("PUT", vars+"/y", `{"value":1}`).refused(429, "VARIABLE_QUOTA_EXCEEDED")
	s.call("POST", vars+":batch", `{"set":{"y":{"value":1}}}`).refused(429, "VARIABLE_QUOTA_EXCEEDED")
	s.call("PUT", vars+"/x", `{"value":2}`).wants(200)
}

// tensor writes a tensor as the store sees it.
func (r *running) tensor(name string, text string) {
	r.t.Helper()
	ref := store.Ref{Owner: "default", ID: "demo"}
	up := store.Upload{ID: rand.Text(), Bytes: int64(len(text))}
	if err := r.store.Stage(r.t.Context(), ref, up, 0, []byte(text)); err != nil {
		r.t.Fatal(err)
	}
	v, err := (value.Descriptor{Dtype: value.U8, Shape: []int64{int64(len(text))}, Order: value.RowMajor, Bytes: up.Bytes, Digest: digest(text)}).Value()
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.store.Apply(r.t.Context(), ref, store.Unit{
		Write: store.Write{Token: store.MintToken(time.Now()), By: "test"},
		Ops:   []store.Op{store.PutContent(name, store.Content{Value: v, Upload: &up})},
	}); err != nil {
		r.t.Fatal(err)
	}
}

func TestTensorsAreDescribed(t *testing.T) {
	s := inSession(t)
	s.tensor("w", "abc")
	s.tensor("w", "abcd")
	a := s.call("GET", vars+"/w", "").wants(200)
	want := `{"dtype":"u8","shape":[4],"order":"C","bytes":4,"digest":"` + digest("abcd") + `","href":"/sessions/demo/tensors/w"}`
	if a.raw("tensor") != want || a.raw("value") != "" || a.text("encoding") != "blob" || a.text("type") != "tensor" {
		t.Errorf("a tensor is %s", a.body)
	}
	if got := s.call("GET", vars+"?type=tensor", "").wants(200); !strings.Contains(string(got.body), want) {
		t.Errorf("the list has %s", got.body)
	}
	var history struct {
		Items []struct {
			Value  json.RawMessage
			Tensor struct {
				Bytes int64
				Href  string
			}
		}
	}
	if err := json.Unmarshal(s.call("GET", vars+"/w/history", "").wants(200).body, &history); err != nil {
		t.Fatal(err)
	}
	if h := history.Items; len(h) != 2 || h[0].Tensor.Href == "" || h[0].Tensor.Bytes != 4 || h[1].Tensor.Href != "" || h[1].Tensor.Bytes != 3 || h[1].Value != nil {
		t.Errorf("the history has %+v", history)
	}
	s.call("PUT", vars+"/w", `{"value":5}`).refused(422, "TYPE_MISMATCH")
	s.call("POST", vars+"/w/rollback", `{"version":1}`).wants(200)
}
