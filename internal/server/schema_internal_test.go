package server

import "testing"

func TestOpenAPISchema(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{`true`, `{}`},
		{`false`, `{"not":{}}`},
		{`{"$schema":"x","$id":"y","$comment":"z","type":"string"}`, `{"type":"string"}`},
		{`{"const":7}`, `{"enum":[7]}`},
		{`{"type":"number","exclusiveMinimum":0,"minimum":-5}`, `{"type":"number","minimum":0,"exclusiveMinimum":true}`},
		{`{"maximum":10,"exclusiveMaximum":9.5}`, `{"maximum":9.5,"exclusiveMaximum":true}`},
		{`{"minimum":1,"maximum":2}`, `{"minimum":1,"maximum":2}`},
		{`{"examples":["a","b"]}`, `{"example":"a"}`},
		{`{"examples":[]}`, `{}`},
		{`{"type":["string","null"]}`, `{"nullable":true,"type":"string"}`},
		{`{"type":["string","integer"]}`, `{"anyOf":[{"type":"string"},{"type":"integer"}]}`},
		{`{"type":["string","integer","null"]}`, `{"nullable":true,"anyOf":[{"type":"string"},{"type":"integer"}]}`},
		{`{"type":"null"}`, `{"nullable":true,"enum":[null]}`},
		{`{"type":"string","contentEncoding":"base64"}`, `{"type":"string","format":"byte"}`},
		{
			`{"type":"object","required":[],"properties":{"a":true,"b":{"const":1}},"additionalProperties":false}`,
			`{"type":"object","properties":{"a":{"nullable":true},"b":{"enum":[1]}},"additionalProperties":false}`,
		},
		{`{"additionalProperties":{"const":"x"},"required":["a"]}`, `{"additionalProperties":{"enum":["x"]},"required":["a"]}`},
		{`{"items":{"const":1},"not":true,"anyOf":[{"const":2},false]}`, `{"items":{"enum":[1]},"not":{},"anyOf":[{"enum":[2]},{"not":{}}]}`},
		{`{"patternProperties":{"^a":{}},"prefixItems":[{}],"if":{},"unevaluatedProperties":false,"title":"<t>"}`, `{"title":"<t>"}`},
	} {
		schema, err := parseJSON([]byte(test.in))
		if err != nil {
			t.Fatalf("%s: %v", test.in, err)
		}
		got, err := openAPISchema(schema)
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if text := string(got.append(nil)); text != test.want {
			t.Errorf("%s\nis  %s\nnot %s", test.in, text, test.want)
		}
	}
	for _, refused := range []string{`{"$ref":"#/$defs/x"}`, `{"properties":{"a":{"items":{"$ref":"#"}}}}`, `{"$defs":{}}`, `7`, `{"items":[]}`} {
		schema, err := parseJSON([]byte(refused))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := openAPISchema(schema); err == nil {
			t.Errorf("%s is accepted as %s", refused, got.append(nil))
		}
	}
}

func TestYAMLTree(t *testing.T) {
	got, err := parseYAML([]byte("b: {x: 1, 'y': '1'}\na: [true, null, 0.5, ~, no, 2026-11-23, \"t\\u00e9\", text]\n200: |\n  two\n  lines\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"b":{"x":1,"y":"1"},"a":[true,null,0.5,null,"no","2026-11-23","té","text"],"200":"two\nlines\n"}`
	if text := string(got.append(nil)); text != want {
		t.Errorf("%s\nnot %s", text, want)
	}
	for _, refused := range []string{"a: &x 1\nb: *x", "a: 0x10", "a: .inf", "a: [", ""} {
		if got, err := parseYAML([]byte(refused)); err == nil {
			t.Errorf("%q is accepted as %s", refused, got.append(nil))
		}
	}
}
