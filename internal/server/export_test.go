package server_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/server"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// octets puts a tensor of bytes into a session, past the edge.
func (r *running) octets(session, name string, content []byte) string {
	r.t.Helper()
	ref := store.Ref{Owner: "default", ID: session}
	w := store.NewBlobWriter(r.t.Context(), r.store, ref, int64(len(content)))
	defer func() {
		if err := w.Close(); err != nil {
			r.t.Error(err)
		}
	}()
	if _, err := w.Write(content); err != nil {
		r.t.Fatal(err)
	}
	upload, digest, err := w.Finish()
	if err != nil {
		r.t.Fatal(err)
	}
	v, err := value.Descriptor{Dtype: value.U8, Shape: []int64{int64(len(content))}, Order: value.RowMajor, Bytes: int64(len(content)), Digest: digest}.Value()
	if err != nil {
		r.t.Fatal(err)
	}
	_, err = r.store.Apply(r.t.Context(), ref, store.Unit{
		Write: store.Write{Token: store.MintToken(time.Now()), By: "test"},
		Ops:   []store.Op{store.PutContent(name, store.Content{Value: v, Upload: &upload})},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	w.Keep()
	return digest
}

// fill makes a session with a variable of every kind.
func (r *running) fill(id string) {
	r.t.Helper()
	r.call("POST", "/sessions", `{"id":"`+id+`","ttl_seconds":600,"labels":{"team":"<blue>"}}`).wants(201)
	for name, body := range map[string]string{
		"flag":   `{"value":true}`,
		"count":  `{"value":9007199254740993,"constraints":{"min":0},"metadata":{"why":"because"}}`,
		"ratio":  `{"type":"float","value":0.1}`,
		"name":   `{"value":"a \"b\" / é\u0000"}`,
		"choice": `{"type":"choice","value":"a","constraints":{"choices":["a","b"]}}`,
		"map":    `{"value":{"a":[1,2.50,{"b":null}]}}`,
		"list":   `{"value":[1,"x"]}`,
		"ints":   `{"value":[1,2,3]}`,
		"vector": `{"type":"embedding","value":[0.6,0.8]}`,
	} {
		r.call("PUT", "/sessions/"+id+"/variables/"+name, body).wants(201)
	}
	r.octets(id, "weights", []byte{1, 2, 3})
	r.octets(id, "same", []byte{1, 2, 3})
	r.octets(id, "none", nil)
	r.octets(id, "large", patterned(store.ChunkSize+100_001))
}

func patterned(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

// state is what an export says of a session, without the time of the export.
func (r *running) state(id string) (text string, parsed map[string]any) {
	r.t.Helper()
	a := r.call("POST", "/sessions/"+id+"/export", "").wants(200)
	if err := json.Unmarshal(a.body, &parsed); err != nil {
		r.t.Fatal(err)
	}
	delete(parsed, "exported_at")
	return string(a.body), parsed
}

func TestExportAndImport(t *testing.T) {
	s := start(t)
	s.fill("demo")
	envelope, before := s.state("demo")
	if n := len(before["blobs"].(map[string]any)); n != 3 {
		t.Errorf("%d blobs", n)
	}
	if got := before["session"]; !cmp.Equal(got, map[string]any{"ttl_seconds": 600.0, "labels": map[string]any{"team": "<blue>"}}) {
		t.Errorf("session %v", got)
	}
	if !strings.Contains(envelope, "9007199254740993") {
		t.Error("an integer has lost digits")
	}
	a := s.call("POST", "/sessions/import", `{"envelope":`+envelope+`}`).wants(201)
	id := a.text("session", "id")
	if a.header.Get("Location") != "/sessions/"+id || a.raw("session", "variable_count") != "13" || a.raw("dry_run") != "false" || a.raw("skipped") != "[]" {
		t.Errorf("%s", a.body)
	}
	if _, after := s.state(id); !cmp.Equal(before, after) {
		t.Errorf("(-exported +imported):\n%s", cmp.Diff(before, after))
	}
	named := s.call("POST", "/sessions/import", `{"id":"copy","envelope":`+envelope+`}`).wants(201)
	if named.text("session", "id") != "copy" {
		t.Errorf("%s", named.body)
	}
	s.call("POST", "/sessions/import", `{"id":"copy","envelope":`+envelope+`}`).refused(409, "VARIABLE_EXISTS")
}

func TestExportIsRefused(t *testing.T) {
	s := start(t, with(func(c *server.Config) { c.Limits.EnvelopeBytes = 4096 }))
	s.session("demo")
	s.call("POST", "/sessions/none/export", "").refused(404, "SESSION_NOT_FOUND")
	s.call("POST", "/sessions/demo/export", "", "Idempotency-Key", "a b").refused(400, "INVALID_REQUEST")
	s.call("POST", "/sessions/demo/export", "", "Idempotency-Key", "k").wants(200)
	s.octets("demo", "t", patterned(2700))
	s.call("POST", "/sessions/demo/export", "").wants(200)
	s.octets("demo", "t", patterned(3100))
	if a := s.call("POST", "/sessions/demo/export", "").refused(413, "VALUE_TOO_LARGE"); a.raw("limit_bytes") != "4096" || !strings.Contains(a.text("detail"), "tensors") {
		t.Errorf("%s", a.body)
	}
}

// restless is a store in which a session changes each time that its variables
// are listed, so many times.
type restless struct {
	store.Store

	times atomic.Int64
}

func (r *restless) ListVariables(ctx context.Context, ref store.Ref, q store.VariableQuery) (store.VariablePage, error) {
	page, err := r.Store.ListVariables(ctx, ref, q)
	if r.times.Add(-1) >= 0 {
		_, failed := r.Apply(ctx, ref, store.Unit{
			Write: store.Write{Token: store.MintToken(time.Now()), By: "test"}, Ops: []store.Op{store.Add("n", 1).StartingAt(0)},
		})
		if failed != nil {
			return page, failed
		}
	}
	return page, err
}

func TestExportIsOfOneInstant(t *testing.T) {
	var r *restless
	s := start(t, wrapped(func(s store.Store) store.Store { r = &restless{Store: s}; return r }))
	s.session("demo")
	r.times.Store(3)
	s.put("demo", "x", "1")
	_, state := s.state("demo")
	if n := len(state["variables"].([]any)); n != 2 {
		t.Errorf("%d variables", n)
	}
	r.times.Store(1000)
	if a := s.call("POST", "/sessions/demo/export", "").refused(503, "STORE_UNAVAILABLE"); a.raw("retryable") != "true" {
		t.Errorf("%s", a.body)
	}
}

// envelope writes an envelope of those variables and blobs.
func envelope(variables string, blobs ...[]byte) string {
	var members []string
	for _, b := range blobs {
		sum := sha256.Sum256(b)
		text, _ := json.Marshal(b) // base64
		members = append(members, fmt.Sprintf("%q:%s", hex.EncodeToString(sum[:]), text))
	}
	return `{"format":"toolpit-session","version":1,"exported_at":"2026-11-23T09:30:00Z","session":{"ttl_seconds":60,"labels":{}},"variables":[` +
		variables + `],"blobs":{` + strings.Join(members, ",") + `}}`
}
