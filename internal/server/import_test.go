package server_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// abc is the descriptor of a tensor whose bytes are abc.
const abc = `{"dtype":"u8","shape":[3],"order":"C","bytes":3,"digest":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}`

func TestDamagedEnvelopes(t *testing.T) {
	s := start(t)
	good := envelope(`{"name":"x","type":"integer","value":1},{"name":"t","type":"tensor","tensor":`+abc+`}`, []byte("abc"))
	s.call("POST", "/sessions/import", `{"dry_run":true,"envelope":`+good+`}`).wants(200)
	replaced := func(old, fresh string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("there is no %s", old)
		}
		return strings.Replace(good, old, fresh, 1)
	}
	for _, test := range []struct{ name, envelope, pointers string }{
		{"newer", replaced(`"version":1`, `"version":2,"news":1`), "/envelope/version CONSTRAINT_VIOLATION"},
		{"other format", replaced(`toolpit-session`, `zip`), "/envelope/format CONSTRAINT_VIOLATION"},
		{"no object", `[]`, "/envelope TYPE_MISMATCH"},
		{"unknown member", replaced(`"blobs"`, `"more":1,"blobs"`), "/envelope/more UNKNOWN_PARAMETER"},
		{"no variables", replaced(`"variables"`, `"variable"`), "/envelope/variable UNKNOWN_PARAMETER, /envelope/variables MISSING_PARAMETER"},
		{"variables no list", strings.Replace(envelope(``), `[]`, `{}`, 1), "/envelope/variables TYPE_MISMATCH"},
		{"time", replaced(`2026-11-23T09:30:00Z`, `yesterday`), "/envelope/exported_at CONSTRAINT_VIOLATION"},
		{"ttl", replaced(`"ttl_seconds":60`, `"ttl_seconds":0`), "/envelope/session/ttl_seconds CONSTRAINT_VIOLATION"},
		{"label", replaced(`"labels":{}`, `"labels":{"a":1}`), "/envelope/session/labels/a TYPE_MISMATCH"},
		{"name", replaced(`"name":"x"`, `"name":"1x"`), "/envelope/variables/0/name CONSTRAINT_VIOLATION"},
		{"twice", replaced(`"name":"x"`, `"name":"t"`), "/envelope/variables/1/name CONSTRAINT_VIOLATION"},
		{"type", replaced(`"integer"`, `"int"`), "/envelope/variables/0/type UNKNOWN_TYPE"},
		{"value", replaced(`"value":1`, `"value":"1"`), "/envelope/variables/0/value TYPE_MISMATCH"},
		{"no value", replaced(`,"value":1`, ``), "/envelope/variables/0 MISSING_PARAMETER"},
		{"value and tensor", replaced(`"value":1`, `"value":1,"tensor":`+abc), "/envelope/variables/0 MISSING_PARAMETER"},
		{"tensor as value", replaced(`"tensor":{`, `"value":{`), "/envelope/variables/1 MISSING_PARAMETER"},
		{"beyond constraints", replaced(`"value":1`, `"value":1,"constraints":{"min":2}`), "/envelope/variables/0/value CONSTRAINT_VIOLATION"},
		{"constraints", replaced(`"value":1`, `"value":1,"constraints":{"min":2,"max":1}`), "/envelope/variables/0/constraints/min INVALID_CONSTRAINTS"},
		{"metadata", replaced(`"value":1`, `"value":1,"metadata":[]`), "/envelope/variables/0/metadata TYPE_MISMATCH"},
		{"descriptor", replaced(`"shape":[3]`, `"shape":[4]`), "/envelope/variables/1/tensor/bytes CONSTRAINT_VIOLATION"},
		{"size", replaced(`"shape":[3],"order":"C","bytes":3`, `"shape":[4],"order":"C","bytes":4`), "/envelope/variables/1/tensor/bytes CONSTRAINT_VIOLATION"},
		{"tensor's constraints", replaced(abc, abc+`,"constraints":{"min":2,"max":1}`), "/envelope/variables/1/constraints/min INVALID_CONSTRAINTS"},
		{"elements", replaced(abc, abc+`,"constraints":{"max":98}`), "/envelope/variables/1/tensor/data/2 CONSTRAINT_VIOLATION"},
		{"base64", replaced(`"YWJj"`, `"YWJ"`), "/envelope/blobs/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad CONSTRAINT_VIOLATION"},
		{"other bytes", replaced(`"YWJj"`, `"YWJk"`), "/envelope/blobs/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad CONSTRAINT_VIOLATION"},
		{"no bytes", replaced(`"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad":"YWJj"`, ``), "/envelope/variables/1/tensor/digest CONSTRAINT_VIOLATION"},
	} {
		a := s.call("POST", "/sessions/import", `{"id":"demo","envelope":`+test.envelope+`}`)
		if a.status != 422 {
			t.Errorf("%s: status %d: %s", test.name, a.status, a.body)
			continue
		}
		if got := a.pointers(); got != test.pointers {
			t.Errorf("%s: %s, want %s: %s", test.name, got, test.pointers, a.body)
		}
	}
	for body, pointers := range map[string]string{
		`{}`:                                 "/envelope MISSING_PARAMETER",
		`{"envelope":` + good + `,"id":"-"}`: "/id CONSTRAINT_VIOLATION",
		`{"envelope":` + good + `,"on_conflict":"replace"}`: "/on_conflict CONSTRAINT_VIOLATION",
		`{"envelope":` + good + `,"dry_run":1}`:             "/dry_run TYPE_MISMATCH",
		`{"envelope":` + good + `,"dry_run":1`:              "",
	} {
		if a := s.call("POST", "/sessions/import", body).wants(400); !strings.HasPrefix(a.pointers(), pointers) {
			t.Errorf("%s: %s", body, a.pointers())
		}
	}
	s.call("GET", "/sessions/demo", "").refused(404, "SESSION_NOT_FOUND") // nothing was written
	if got := s.call("GET", "/sessions", "").raw("items"); got != "[]" {
		t.Errorf("there are sessions: %s", got)
	}
}

func TestImportMeetsWhatIsThere(t *testing.T) {
	s := start(t)
	s.session("demo")
	s.put("demo", "a", "1")
	s.put("demo", "b", `"text"`)
	s.call("PUT", "/sessions/demo/variables/c", `{"value":1,"constraints":{"min":0}}`).wants(201)
	ask := func(options, variables string) *answer {
		return s.call("POST", "/sessions/import", `{"id":"demo",`+options+`"envelope":`+envelope(variables)+`}`)
	}
	const abn = `{"name":"a","type":"integer","value":2},{"name":"b","type":"string","value":"new"},{"name":"n","type":"integer","value":3}`
	for _, dry := range []string{"", `"dry_run":true,`} {
		if a := ask(dry, abn).refused(409, "VARIABLE_EXISTS"); a.pointers() != "/envelope/variables/0 VARIABLE_EXISTS, /envelope/variables/1 VARIABLE_EXISTS" {
			t.Errorf("%s", a.body)
		}
	}
	s.call("GET", "/sessions/demo/variables/n", "").refused(404, "VARIABLE_NOT_FOUND")

	skip := `"on_conflict":"skip",`
	dry := ask(skip+`"dry_run":true,`, abn).wants(200)
	if dry.raw("created") != `["n"]` || dry.raw("skipped") != `["a","b"]` || dry.raw("dry_run") != "true" || dry.text("session", "id") != "demo" {
		t.Errorf("%s", dry.body)
	}
	s.call("GET", "/sessions/demo/variables/n", "").refused(404, "VARIABLE_NOT_FOUND")
	if a := ask(skip, abn).wants(200); a.raw("created") != `["n"]` || a.raw("skipped") != `["a","b"]` || a.raw("overwritten") != `[]` {
		t.Errorf("%s", a.body)
	}
	if a := ask(`"on_conflict":"overwrite",`, abn+`,{"name":"c","type":"integer","value":5,"constraints":{"min":0}}`).wants(200); a.raw("overwritten") != `["a","b","n","c"]` {
		t.Errorf("%s", a.body)
	}
	if got := s.call("GET", "/sessions/demo/variables/a", ""); got.raw("value") != "2" || got.raw("version") != "2" {
		t.Errorf("%s", got.body)
	}
	s.call("PUT", "/sessions/demo/variables/a/lock", `{"ttl_seconds":60,"token":"mine"}`).wants(200)
	ask(`"on_conflict":"overwrite",`, abn).refused(423, "VARIABLE_LOCKED")
	ask(`"on_conflict":"overwrite",`, `{"name":"b","type":"boolean","value":true},{"name":"a","type":"string","value":"x"}`).refused(423, "VARIABLE_LOCKED")
	if got := s.call("GET", "/sessions/demo/variables/b", ""); got.raw("type") != `"string"` {
		t.Errorf("%s", got.body)
	}
	s.call("POST", "/sessions/import", `{"id":"demo","on_conflict":"overwrite","envelope":`+envelope(abn)+`}`, "X-Lock-Token", "mine").wants(200)
}

func TestImportRestoresWhatWasExported(t *testing.T) {
	s := start(t)
	s.fill("demo")
	envelope, before := s.state("demo")
	for name, body := range map[string]string{
		"flag":   `{"value":1}`,
		"ratio":  `{"type":"float","value":0.1,"constraints":{"max":1},"metadata":{"extra":1}}`,
		"name":   `{"type":"choice","value":"z","constraints":{"choices":["z"]}}`,
		"choice": `{"type":"choice","value":"b","constraints":{"choices":["b","c"]}}`,
		"map":    `{"value":[1,2]}`,
		"list":   `{"value":"text"}`,
		"none":   `{"value":"no tensor"}`,
		"same":   `{"value":7}`,
	} {
		s.call("DELETE", "/sessions/demo/variables/"+name, "").wants(204)
		s.call("PUT", "/sessions/demo/variables/"+name, body).wants(201)
	}
	s.call("PATCH", "/sessions/demo/variables/count", `{"constraints":{"min":null,"max":9007199254740999},"metadata":{"why":null,"extra":1}}`).wants(200)
	s.call("PATCH", "/sessions/demo/variables/ints", `{"metadata":{"extra":1}}`).wants(200)
	s.put("demo", "vector", `[1,0]`)
	s.octets("demo", "weights", []byte("others"))
	s.octets("demo", "large", []byte("small"))
	if _, changed := s.state("demo"); cmp.Equal(changed, before) {
		t.Fatal("nothing has changed")
	}
	version := s.call("GET", "/sessions/demo/variables/flag", "").raw("version")
	versions := strings.Count(string(s.call("GET", "/sessions/demo/variables/ints/history", "").wants(200).body), `"version"`)

	a := s.call("POST", "/sessions/import", `{"id":"demo","on_conflict":"overwrite","envelope":`+envelope+`}`).wants(200)
	if n := strings.Count(a.raw("overwritten"), `"`) / 2; n != 13 || a.raw("created") != `[]` {
		t.Errorf("%s", a.body)
	}
	if _, after := s.state("demo"); !cmp.Equal(after, before) {
		t.Errorf("not restored: %s", cmp.Diff(before, after))
	}
	if a := s.call("GET", "/sessions/demo/variables/flag", ""); a.raw("type") != `"boolean"` || a.raw("version") <= version {
		t.Errorf("after version %s: %s", version, a.body)
	}
	if n := strings.Count(string(s.call("GET", "/sessions/demo/variables/ints/history", "").wants(200).body), `"version"`); n != versions+1 {
		t.Errorf("%d versions have become %d", versions, n)
	}
}

func TestImportIsRepeatedAsItWasAnswered(t *testing.T) {
	var labels []string
	for i := range 64 { // more than one record can keep
		labels = append(labels, fmt.Sprintf(`"%c%s":"%s"`, 'a'+i, strings.Repeat("\U0001F6E0", 63), strings.Repeat("\U0001F6E0", 256)))
	}
	for _, test := range []struct {
		name, options, prepare string
		status                 int
	}{
		{"minted", ``, ``, 201},
		{"free", `"id":"demo",`, ``, 201},
		{"living", `"id":"demo","on_conflict":"skip",`, `{"id":"demo"}`, 200},
		{"much labelled", `"id":"demo","on_conflict":"overwrite",`, `{"id":"demo","labels":{` + strings.Join(labels, ",") + `}}`, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			if test.prepare != "" {
				s.call("POST", "/sessions", test.prepare).wants(201)
				s.put("demo", "b", "2")
			}
			ask := func() *answer {
				return s.call("POST", "/sessions/import", `{`+test.options+`"envelope":`+
					envelope(`{"name":"a","type":"integer","value":1},{"name":"b","type":"integer","value":1}`)+`}`, "Idempotency-Key", "k").wants(test.status)
			}
			first := ask()
			if first.header.Get("Idempotency-Replayed") != "" {
				t.Error("the first answer is a replay")
			}
			again := func(when string) {
				t.Helper()
				a := ask()
				if string(a.body) != string(first.body) || a.header.Get("Idempotency-Replayed") != "true" ||
					a.header.Get("ETag") != first.header.Get("ETag") || a.header.Get("Location") != first.header.Get("Location") {
					t.Errorf("%s: %v %s, first %v %s", when, a.header, a.body, first.header, first.body)
				}
			}
			again("at once")
			id := first.text("session", "id")
			s.offset.Add(int64(time.Minute / 4))
			s.put(id, "another", "1")
			s.put(id, "b", "7")
			s.call("PATCH", "/sessions/"+id, `{"ttl_seconds":600}`, "If-Match", first.header.Get("ETag")).wants(200)
			again("after changes")
			if got := s.call("GET", "/sessions/"+id+"/variables/b", "").raw("value"); got != "7" {
				t.Errorf("b is %s", got)
			}
			s.call("DELETE", "/sessions/"+id, "").wants(204)
			again("after the end")
			s.call("GET", "/sessions/"+id, "").refused(404, "SESSION_NOT_FOUND")
			s.offset.Add(int64(2 * time.Hour))
			again("after the tombstone")
			s.call("GET", "/sessions/"+id, "").refused(404, "SESSION_NOT_FOUND")
		})
	}
}

// mortal is a store that dies after so many units.
type mortal struct {
	store.Store

	units atomic.Int64
}

func (m *mortal) Apply(ctx context.Context, ref store.Ref, u store.Unit) (store.Applied, error) {
	if m.units.Add(-1) < 0 {
		return store.Applied{}, fault.New(fault.StoreUnavailable, "")
	}
	return m.Store.Apply(ctx, ref, u)
}

func TestImportIsFinishedByRepeatingIt(t *testing.T) {
	var variables []string
	for i := range 300 {
		variables = append(variables, fmt.Sprintf(`{"name":"v%d","type":"integer","value":%d}`, i, i))
	}
	variables = append(variables, `{"name":"t1","type":"tensor","tensor":`+abc+`}`, `{"name":"t2","type":"tensor","tensor":`+abc+`}`)
	text := envelope(strings.Join(variables, ","), []byte("abc"))
	for _, test := range []struct {
		name, options string
		status        int
		prepare       func(s *running)
	}{
		{"minted", ``, 201, func(*running) {}},
		{"free", `"id":"demo",`, 201, func(*running) {}},
		{"living", `"id":"demo",`, 200, func(s *running) { s.session("demo") }},
		{"skipping", `"id":"demo","on_conflict":"skip",`, 200, func(s *running) { s.session("demo"); s.put("demo", "v7", "0"); s.put("demo", "v299", "0") }},
		{"overwriting", `"id":"demo","on_conflict":"overwrite",`, 200, func(s *running) { s.session("demo"); s.put("demo", "v7", "0") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &mortal{}
			m.units.Store(1000)
			s := start(t, wrapped(func(s store.Store) store.Store { m.Store = s; return m }))
			test.prepare(s)
			body := `{` + test.options + `"envelope":` + text + `}`
			for units := range 4 {
				m.units.Store(int64(units))
				s.call("POST", "/sessions/import", body, "Idempotency-Key", "k").refused(503, "STORE_UNAVAILABLE")
			}
			m.units.Store(1000)
			done := s.call("POST", "/sessions/import", body, "Idempotency-Key", "k").wants(test.status)
			again := s.call("POST", "/sessions/import", body, "Idempotency-Key", "k").wants(test.status)
			if done.header.Get("Idempotency-Replayed") != "" || again.header.Get("Idempotency-Replayed") != "true" || string(done.body) != string(again.body) {
				t.Errorf("%s, again %s", done.body, again.body)
			}
			s.call("POST", "/sessions/import", strings.Replace(body, `"value":1}`, `"value":2}`, 1), "Idempotency-Key", "k").refused(422, "IDEMPOTENCY_KEY_REUSED")
			id := done.text("session", "id")
			if n := s.call("GET", "/sessions/"+id, "").raw("variable_count"); n != "302" {
				t.Errorf("%s variables", n)
			}
			if usage := s.call("GET", "/sessions/"+id+"/usage", "").raw("blobs"); !strings.Contains(usage, `"used":1`) {
				t.Errorf("blobs %s", usage)
			}
			for name, version := range map[string]string{"v0": "1", "v299": "1", "v7": map[bool]string{true: "2", false: "1"}[test.name == "overwriting"]} {
				if got := s.call("GET", "/sessions/"+id+"/variables/"+name, ""); got.raw("version") != version {
					t.Errorf("%s", got.body)
				}
			}
			if list := s.call("GET", "/sessions", "").raw("items"); strings.Count(list, `"id"`) != 1 {
				t.Errorf("sessions: %s", list)
			}
		})
	}
}

func TestImportKeepsToTheQuotas(t *testing.T) {
	s := start(t, func(u *setup) {
		u.store.Limits.Variables = 3
		u.server.Limits.Session = u.store.Limits
	})
	variables := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`{"name":"v%d","type":"integer","value":1}`, i))
		}
		return strings.Join(all, ",")
	}
	s.call("POST", "/sessions/import", `{"id":"demo","envelope":`+envelope(variables(4))+`}`).refused(429, "VARIABLE_QUOTA_EXCEEDED")
	s.call("GET", "/sessions/demo", "").refused(404, "SESSION_NOT_FOUND")
	s.session("demo")
	s.put("demo", "x", "1")
	s.call("POST", "/sessions/import", `{"id":"demo","envelope":`+envelope(variables(3))+`}`).refused(429, "VARIABLE_QUOTA_EXCEEDED")
	if n := s.call("GET", "/sessions/demo", "").raw("variable_count"); n != "1" {
		t.Errorf("%s variables", n)
	}
	s.call("POST", "/sessions/import", `{"id":"demo","envelope":`+envelope(variables(2))+`}`).wants(200)
}

func TestDryRunSaysWhatTheImportWould(t *testing.T) {
	s := start(t, func(u *setup) {
		u.store.Limits.SessionBytes = 20_000
		u.server.Limits.Session = u.store.Limits
	})
	ask := func(status int, code, options, text string) {
		t.Helper()
		for _, dry := range []string{`"dry_run":true,`, ``} {
			a := s.call("POST", "/sessions/import", `{`+dry+options+`"envelope":`+text+`}`)
			if a.status != status || code != "" && a.text("code") != code {
				t.Errorf("%s%s: %d %s", dry, options, a.status, a.body)
			}
		}
	}
	const tensor = `{"name":"t","type":"tensor","tensor":{"dtype":"u8","shape":[20001],"order":"C","bytes":20001,"digest":"%x"}}`
	large := make([]byte, 20_001)
	ask(429, "SESSION_QUOTA_EXCEEDED", ``, envelope(`{"name":"v","type":"string","value":"`+strings.Repeat("x", 20_000)+`"}`))
	ask(429, "SESSION_QUOTA_EXCEEDED", `"id":"new",`, envelope(fmt.Sprintf(tensor, sha256.Sum256(large)), large))
	if got := s.call("GET", "/sessions", "").raw("items"); got != "[]" {
		t.Errorf("there are sessions: %s", got)
	}

	s.session("demo")
	var all []string
	for i := range 200 { // more than a unit takes
		s.put("demo", fmt.Sprintf("v%d", i), "1")
		all = append(all, fmt.Sprintf(`{"name":"v%d","type":"string","value":"new"}`, i))
	}
	text := envelope(strings.Join(all, ","))
	token := s.call("PUT", "/sessions/demo/variables/v150/lock", `{"ttl_seconds":60}`).wants(200).text("token")
	a := s.call("POST", "/sessions/import", `{"id":"demo","dry_run":true,"on_conflict":"overwrite","envelope":`+text+`}`).refused(423, "VARIABLE_LOCKED")
	if a.pointers() != "/envelope/variables/150 VARIABLE_LOCKED" {
		t.Errorf("%s", a.body)
	}
	s.call("POST", "/sessions/import", `{"id":"demo","dry_run":true,"on_conflict":"skip","envelope":`+text+`}`).wants(200)
	a = s.call("POST", "/sessions/import", `{"id":"demo","dry_run":true,"on_conflict":"overwrite","envelope":`+text+`}`, "X-Lock-Token", token).wants(200)
	if n := strings.Count(a.raw("overwritten"), ","); n != 199 {
		t.Errorf("%s", a.body)
	}
	if got := s.call("GET", "/sessions/demo/variables/v0", ""); got.raw("value") != "1" || got.raw("version") != "1" {
		t.Errorf("%s", got.body)
	}
	ask(200, "", `"id":"demo",`, envelope(`{"name":"w","type":"string","value":"x"}`))
	if n := s.call("GET", "/sessions/demo", "").raw("variable_count"); n != "201" {
		t.Errorf("%s variables", n)
	}
	ask(429, "SESSION_QUOTA_EXCEEDED", `"id":"demo",`, envelope(`{"name":"z","type":"string","value":"`+strings.Repeat("x", 19_000)+`"}`))
}

func TestImportOfALargeBody(t *testing.T) {
	s := start(t)
	s.session("demo")
	digest := s.octets("demo", "t", patterned(3<<20))
	text, before := s.state("demo")
	if len(text) < 4<<20 || !strings.Contains(text, digest) {
		t.Fatalf("the envelope has %d bytes", len(text))
	}
	a := s.call("POST", "/sessions/import", `{"id":"copy","envelope":`+text+`}`).wants(201)
	if _, after := s.state(a.text("session", "id")); !cmp.Equal(before, after) {
		t.Error("the copy differs")
	}
	s.call("POST", "/sessions/import", `{"envelope":"`+strings.Repeat("x", 32<<20)+`"}`).refused(413, "BODY_TOO_LARGE")
}
