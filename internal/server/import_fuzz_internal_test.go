package server

import (
	"errors"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// FuzzEnvelope imports any body. Whatever is accepted consists of variables that
// a store takes, and whatever is refused says where.
func FuzzEnvelope(f *testing.F) {
	const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	for _, seed := range []string{
		`{"format":"toolpit-session","version":1,"session":{"ttl_seconds":60,"labels":{"a":"b"}},"variables":[` +
			`{"name":"x","type":"integer","value":1,"constraints":{"min":0},"metadata":{"a":1}},` +
			`{"name":"t","type":"tensor","tensor":{"dtype":"u8","shape":[3],"order":"C","bytes":3,"digest":"` + digest + `"},"constraints":{"max":100}}],` +
			`"blobs":{"` + digest + `":"YWJj"}}`,
		`{"format":"toolpit-session","version":2,"session":null,"variables":[]}`,
		`{"format":"toolpit-session","version":1,"session":{"ttl_seconds":60,"labels":{}},"variables":[{"name":"e","type":"embedding","value":[1]}],"blobs":{"x":"\u0041\/=="}}`,
		`[]`, `{}`, ``,
	} {
		f.Add([]byte(seed))
	}
	limits := Limits{}.WithDefaults()
	f.Fuzz(func(t *testing.T, text []byte) {
		body, err := importBody.decode(append(append([]byte(`{"envelope":`), text...), '}'), importing)
		if err != nil {
			return // no JSON, or more than the envelope
		}
		got, err := limits.readEnvelope(jsontext.Value(body.Envelope))
		if err != nil {
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || kindOf(e.Code).statusFor(e) >= 500 || len(e.Violations) == 0 && e.Code != fault.VariableQuotaExceeded {
				t.Fatalf("%v", err)
			}
			return
		}
		names := map[string]bool{}
		for _, v := range got.variables {
			if names[v.name] || !isVariableName(v.name) {
				t.Fatalf("the variable %q", v.name)
			}
			names[v.name] = true
			op := store.CreateContent(v.name, v.content)
			if _, err := op.Resolve(store.Variable{}, nil, limits.Session); err != nil {
				t.Fatalf("a store refuses %q: %v", v.name, err)
			}
			unit := store.Unit{Write: store.Write{Token: store.KeyedToken("k")}, Ops: []store.Op{op}}
			if err := unit.Check(limits.Session); err != nil {
				t.Fatalf("a unit of %q: %v", v.name, err)
			}
			if _, ok := got.blobs[v.digest]; !ok && v.digest != "" {
				t.Fatalf("%q has no bytes", v.name)
			}
		}
	})
}
