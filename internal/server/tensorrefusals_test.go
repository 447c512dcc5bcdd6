package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"toolpit/internal/server"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// counted is a store that counts what is staged and dropped.
type counted struct {
	store.Store

	staged, discarded, fetched atomic.Int64
	fail                       func(index int64) error // of Stage
	vanish                     atomic.Int64            // chunks that are not found first
}

func (c *counted) Stage(ctx context.Context, ref store.Ref, u store.Upload, index int64, chunk []byte) error {
	c.staged.Add(1)
	if c.fail != nil {
		if err := c.fail(index); err != nil {
			return err
		}
	}
	return c.Store.Stage(ctx, ref, u, index, chunk)
}

func (c *counted) Discard(ctx context.Context, ref store.Ref, u store.Upload) error {
	c.discarded.Add(1)
	return c.Store.Discard(ctx, ref, u)
}

func (c *counted) Chunk(ctx context.Context, ref store.Ref, digest string, part store.Part, room []byte) ([]byte, error) {
	c.fetched.Add(1)
	if c.vanish.Add(-1) >= 0 {
		return nil, store.NoBytes()
	}
	return c.Store.Chunk(ctx, ref, digest, part, room)
}

// counting starts a service on a store that is counted.
func counting(t testing.TB, options ...func(*setup)) (*running, *counted) {
	t.Helper()
	c := &counted{}
	r := start(t, append(options, func(s *setup) {
		s.wrap = func(inner store.Store) store.Store { c.Store = inner; return c }
	})...)
	r.session("s")
	return r, c
}

func octet(dtype, shape string) []string {
	return []string{"Content-Type", octets, "X-Tensor-Dtype", dtype, "X-Tensor-Shape", shape}
}

// npyFile makes a file of version 1 with that text as header.
func npyFile(text string, elements string) string {
	return "\x93NUMPY\x01\x00" + string([]byte{byte(len(text)), byte(len(text) >> 8)}) + text + elements
}

func TestTensorsThatAreRefused(t *testing.T) {
	r, counts := counting(t)
	r.call("POST", "/sessions/s/variables", `{"name":"n","value":1}`).wants(http.StatusCreated)
	r.putBytes("/sessions/s/tensors/there", []byte{1, 2}).wants(http.StatusCreated)
	before := counts.staged.Load()
	npyType := []string{"Content-Type", "application/x-npy"}
	jsonType := []string{"Content-Type", "application/json"}
	sum := sha256.Sum256([]byte("other"))
	for name, c := range map[string]struct {
		path   string
		body   string
		header []string
		status int
		code   string
	}{
		"no session":              {"/sessions/no/tensors/x", "ab", octet("u8", "2"), 404, "SESSION_NOT_FOUND"},
		"bad session":             {"/sessions/%20/tensors/x", "ab", octet("u8", "2"), 400, "INVALID_REQUEST"},
		"bad name":                {"/sessions/s/tensors/1x", "ab", octet("u8", "2"), 400, "INVALID_REQUEST"},
		"long name":               {"/sessions/s/tensors/" + strings.Repeat("x", 129), "ab", octet("u8", "2"), 400, "INVALID_REQUEST"},
		"another type":            {"/sessions/s/tensors/n", "ab", octet("u8", "2"), 422, "TYPE_MISMATCH"},
		"no type of body":         {"", "ab", nil, 415, "UNSUPPORTED_MEDIA_TYPE"},
		"a form":                  {"", "ab", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		"compressed":              {"", "ab", append(octet("u8", "2"), "Content-Encoding", "gzip"), 415, "UNSUPPORTED_MEDIA_TYPE"},
		"no dtype":                {"", "ab", []string{"Content-Type", octets, "X-Tensor-Shape", "2"}, 400, "MISSING_PARAMETER"},
		"no shape":                {"", "ab", []string{"Content-Type", octets, "X-Tensor-Dtype", "u8"}, 400, "MISSING_PARAMETER"},
		"no known dtype":          {"", "ab", octet("f16", "1"), 422, "UNKNOWN_TYPE"},
		"a word as shape":         {"", "ab", octet("u8", "two"), 400, "INVALID_REQUEST"},
		"a negative length":       {"", "ab", octet("u8", "-2"), 400, "INVALID_REQUEST"},
		"a plus":                  {"", "ab", octet("u8", "+2"), 400, "INVALID_REQUEST"},
		"an empty entry":          {"", "ab", octet("u8", "2,"), 400, "INVALID_REQUEST"},
		"nine axes":               {"", "ab", octet("u8", "1,1,1,1,1,1,1,1,2"), 400, "INVALID_REQUEST"},
		"thousands of numbers":    {"", "ab", octet("u8", strings.Repeat("1,", 7000)+"2"), 400, "INVALID_REQUEST"},
		"more than 64 bits":       {"", "ab", octet("u8", "4294967296,4294967296"), 400, "INVALID_REQUEST"},
		"an overflow by size":     {"", "ab", octet("f64", "2305843009213693952"), 400, "INVALID_REQUEST"},
		"an empty overflow":       {"", "", octet("u8", "0,4294967296,4294967296"), 400, "INVALID_REQUEST"},
		"a number of 20 digits":   {"", "ab", octet("u8", "99999999999999999999"), 400, "INVALID_REQUEST"},
		"no known order":          {"", "ab", append(octet("u8", "2"), "X-Tensor-Order", "A"), 400, "INVALID_REQUEST"},
		"more than a gibibyte":    {"", "ab", octet("u8", "1073741825"), 413, "BODY_TOO_LARGE"},
		"too short":               {"", "abc", octet("u8", "4"), 400, "INVALID_REQUEST"},
		"too long":                {"", "abc", octet("u8", "2"), 413, "BODY_TOO_LARGE"},
		"a bool that is none":     {"", "\x00\x01\x02", octet("bool", "3"), 422, "CONSTRAINT_VIOLATION"},
		"a bool of the high":      {"", "\x00\x01\xff", octet("bool", "3"), 422, "CONSTRAINT_VIOLATION"},
		"a wrong digest":          {"", "ab", append(octet("u8", "2"), "Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":"), 400, "INVALID_REQUEST"},
		"half a digest":           {"", "ab", append(octet("u8", "2"), "Content-Digest", "sha-256=:YWI=:"), 400, "INVALID_REQUEST"},
		"a digest in hexadecimal": {"", "ab", append(octet("u8", "2"), "Content-Digest", fmt.Sprintf("sha-256=%x", sum)), 400, "INVALID_REQUEST"},
		"no file":                 {"", "PK\x03\x04", npyType, 400, "INVALID_REQUEST"},
		"half a header":           {"", "\x93NUMPY\x01\x00\x76\x00{", npyType, 400, "INVALID_REQUEST"},
		"a file of objects":       {"", npyFile(`{'descr': '|O', 'fortran_order': False, 'shape': (1,), }`, "ab"), npyType, 422, "UNKNOWN_TYPE"},
		"a file of texts":         {"", npyFile(`{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }`, "ab"), npyType, 422, "UNKNOWN_TYPE"},
		"a file of nine axes":     {"", npyFile(`{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2), }`, "ab"), npyType, 422, "CONSTRAINT_VIOLATION"},
		"a file of a zebibyte":    {"", npyFile(`{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807,), }`, "ab"), npyType, 400, "INVALID_REQUEST"},
		"a file of a tebibyte":    {"", npyFile(`{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776,), }`, "ab"), npyType, 413, "BODY_TOO_LARGE"},
		"a long header":           {"", "\x93NUMPY\x02\x00\xff\xff\xff\x7f{}", npyType, 400, "INVALID_REQUEST"},
		"a file that is short":    {"", npyFile(`{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }`, "ab"), npyType, 400, "INVALID_REQUEST"},
		"a file that is long":     {"", npyFile(`{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }`, "ab"), npyType, 413, "BODY_TOO_LARGE"},
		"a file with a shape":     {"", npyFile(`{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }`, "ab"), append(npyType, "X-Tensor-Shape", "2"), 400, "INVALID_REQUEST"},
		"no JSON":                 {"", "{", jsonType, 400, "INVALID_REQUEST"},
		"JSON without data":       {"", `{"shape":[1]}`, jsonType, 422, "CONSTRAINT_VIOLATION"},
		"JSON of another length":  {"", `{"shape":[2],"data":[1]}`, jsonType, 422, "CONSTRAINT_VIOLATION"},
		"JSON of a wrong type":    {"", `{"shape":[1],"dtype":"u8","data":["a"]}`, jsonType, 422, "TYPE_MISMATCH"},
		"JSON with a dtype":       {"", `{"shape":[1],"data":[1]}`, append(jsonType, "X-Tensor-Dtype", "u8"), 400, "INVALID_REQUEST"},
		"large JSON":              {"", `{"shape":[600000],"data":[` + filled("1,", 1<<20) + `]}`, jsonType, 413, "BODY_TOO_LARGE"},
		"it is there":             {"/sessions/s/tensors/there", "ab", append(octet("u8", "2"), "If-None-Match", "*"), 412, "VERSION_CONFLICT"},
		"it is not there":         {"", "ab", append(octet("u8", "2"), "If-Match", "*"), 412, "VERSION_CONFLICT"},
		"it is another":           {"/sessions/s/tensors/there", "ab", append(octet("u8", "2"), "If-Match", `"other"`), 412, "VERSION_CONFLICT"},
		"no precondition":         {"", "ab", append(octet("u8", "2"), "If-None-Match", `"x"`), 400, "INVALID_REQUEST"},
		"a key with a blank":      {"", "ab", append(octet("u8", "2"), "Idempotency-Key", "a b"), 400, "INVALID_REQUEST"},
		"a bad lock token":        {"", "ab", append(octet("u8", "2"), "X-Lock-Token", "a b"), 400, "INVALID_REQUEST"},
		"a bad durability":        {"", "ab", append(octet("u8", "2"), "Prefer", "durability=granite"), 400, "INVALID_REQUEST"},
		"XML wanted":              {"", "ab", append(octet("u8", "2"), "Accept", "text/xml"), 406, "NOT_ACCEPTABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			path := c.path
			if path == "" {
				path = "/sessions/s/tensors/x"
			}
			r.putRaw(path, []byte(c.body), c.header...).refused(c.status, c.code)
			if c.header != nil && c.code != "BODY_TOO_LARGE" { // and without saying how long it is
				r.send(r.rawRequest(path, struct{ io.Reader }{strings.NewReader(c.body)}, c.header...)).refused(c.status, c.code)
			}
		})
	}
	r.t = t
	for _, many := range []string{"X-Tensor-Dtype", "X-Tensor-Shape", "X-Tensor-Order"} {
		req := r.rawRequest("/sessions/s/tensors/x", strings.NewReader("ab"), octet("u8", "2")...)
		req.Header[many] = []string{"2", "2"}
		r.send(req).refused(http.StatusBadRequest, "INVALID_REQUEST")
	}
	r.call("GET", "/sessions/s/tensors/x", "").refused(http.StatusNotFound, "VARIABLE_NOT_FOUND")
	if a := r.call("GET", "/sessions/s/tensors/there", "").wants(http.StatusOK); string(a.body) != "\x01\x02" {
		t.Errorf("what was there is %q", a.body)
	}
	if staged, dropped := counts.staged.Load()-before, counts.discarded.Load(); staged != dropped {
		t.Errorf("%d chunks were staged and %d dropped", staged, dropped)
	}
}

func TestReadingTensorsThatAreNotThere(t *testing.T) {
	r, _ := counting(t)
	r.call("POST", "/sessions/s/variables", `{"name":"n","value":1}`).wants(http.StatusCreated)
	r.putBytes("/sessions/s/tensors/x", []byte{1, 2}).wants(http.StatusCreated)
	r.call("GET", "/sessions/no/tensors/x", "").refused(http.StatusNotFound, "SESSION_NOT_FOUND")
	r.call("GET", "/sessions/s/tensors/no", "").refused(http.StatusNotFound, "VARIABLE_NOT_FOUND")
	r.call("HEAD", "/sessions/s/tensors/no", "").wants(http.StatusNotFound)
	r.call("GET", "/sessions/s/tensors/1", "").refused(http.StatusBadRequest, "INVALID_REQUEST")
	r.call("GET", "/sessions/s/tensors/n", "").refused(http.StatusUnprocessableEntity, "TYPE_MISMATCH")
	r.call("GET", "/sessions/s/tensors/x", "", "If-Match", `"no"`).refused(http.StatusPreconditionFailed, "VERSION_CONFLICT")
	r.call("GET", "/sessions/s/tensors/x", "", "If-None-Match", `no`).refused(http.StatusBadRequest, "INVALID_REQUEST")
	for accept, form := range map[string]string{
		"text/html": "", "application/x-npy;q=0": "", "*/*;q=0": "", "image/*": "", "application/*": octets, "*/*": octets,
		"application/json, */*;q=0.5": "application/json", "application/x-npy;q=0.9, application/json;q=0.8": "application/x-npy",
		"application/octet-stream;q=0.1, application/json;q=0.2": "application/json", "*/*, application/octet-stream;q=0": "application/x-npy",
	} {
		a := r.call("GET", "/sessions/s/tensors/x", "", "Accept", accept)
		if form == "" {
			a.refused(http.StatusNotAcceptable, "NOT_ACCEPTABLE")
		} else if got := a.wants(http.StatusOK).header.Get("Content-Type"); got != form {
			t.Errorf("%s is answered with %s", accept, got)
		}
	}
	r.call("POST", "/sessions/s/tensors/x", "{}").refused(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
}

// TestRefusalsOfTensorsVary checks that what is refused in one form is not kept
// for another, and that a slice's refusal tells how much there is.
func TestRefusalsOfTensorsVary(t *testing.T) {
	r, _ := counting(t)
	r.putBytes("/sessions/s/tensors/x", []byte{1, 2}).wants(http.StatusCreated)
	for name, c := range map[string]struct {
		query  string
		header []string
		status int
		code   string
	}{
		"a form":      {"", []string{"Accept", "text/html"}, http.StatusNotAcceptable, "NOT_ACCEPTABLE"},
		"a condition": {"", []string{"If-Match", `"no"`}, http.StatusPreconditionFailed, "VERSION_CONFLICT"},
		"a range":     {"", []string{"Range", "bytes=9-"}, http.StatusRequestedRangeNotSatisfiable, "RANGE_NOT_SATISFIABLE"},
		"a slice":     {"?slice=5", nil, http.StatusRequestedRangeNotSatisfiable, "RANGE_NOT_SATISFIABLE"},
		"an axis":     {"?slice=0,0", nil, http.StatusRequestedRangeNotSatisfiable, "RANGE_NOT_SATISFIABLE"},
	} {
		a := r.call("GET", "/sessions/s/tensors/x"+c.query, "", c.header...).refused(c.status, c.code)
		if a.header.Get("Vary") != "Accept" {
			t.Errorf("%s: Vary is %q", name, a.header.Get("Vary"))
		}
		if c.query != "" && !strings.HasSuffix(a.text("detail"), "; the tensor has the shape [2].") {
			t.Errorf("%s: the detail is %q", name, a.text("detail"))
		}
		if head := r.call("HEAD", "/sessions/s/tensors/x"+c.query, "", c.header...); name != "a range" && (head.status != c.status || head.header.Get("Vary") != "Accept") {
			t.Errorf("%s: HEAD is answered %d with Vary %q", name, head.status, head.header.Get("Vary"))
		}
	}
}

// TestConditionsOnTensors go through the tags of GET and of the variable.
func TestConditionsOnTensors(t *testing.T) {
	r, _ := counting(t)
	const path = "/sessions/s/tensors/x"
	header := octet("u8", "2")
	r.putRaw(path, []byte("ab"), append(header, "If-None-Match", "*")...).wants(http.StatusCreated)
	old := r.call("GET", path, "").header.Get("ETag")
	for i, accept := range []string{octets, "application/x-npy", "application/json"} {
		tag := r.call("GET", path, "", "Accept", accept).header.Get("ETag")
		r.putRaw(path, []byte{byte(i), 1}, append(header, "If-Match", tag)...).wants(http.StatusOK)
	}
	tag := r.call("GET", "/sessions/s/variables/x", "").header.Get("ETag")
	r.putRaw(path, []byte("cd"), append(header, "If-Match", tag)...).wants(http.StatusOK)
	r.putRaw(path, []byte("ef"), append(header, "If-Match", tag)...).refused(http.StatusPreconditionFailed, "VERSION_CONFLICT")
	r.putRaw(path, []byte("ef"), append(header, "If-Match", old)...).refused(http.StatusPreconditionFailed, "VERSION_CONFLICT")
	r.putRaw(path, []byte("ef"), append(header, "If-Match", "*")...).wants(http.StatusOK)
	if a := r.call("GET", path, ""); string(a.body) != "ef" {
		t.Errorf("the tensor is %q", a.body)
	}
}

// TestRepeatedTensors sends a request again under its key, also after the
// tensor has changed.
func TestRepeatedTensors(t *testing.T) {
	r, counts := counting(t)
	const path = "/sessions/s/tensors/x"
	for name, header := range map[string][]string{
		"plain":     append(octet("u8", "2"), "Idempotency-Key", "k1"),
		"condition": append(octet("u8", "2"), "Idempotency-Key", "k2", "If-None-Match", "*"),
	} {
		r.call("DELETE", "/sessions/s/variables/x", "").wants(http.StatusNoContent)
		first := r.putRaw(path, []byte("ab"), header...).wants(http.StatusCreated)
		r.putRaw(path, []byte("cd"), octet("u8", "2")...).wants(http.StatusOK)
		staged := counts.staged.Load()
		again := r.putRaw(path, []byte("ab"), header...).wants(http.StatusCreated)
		if !bytes.Equal(first.body, again.body) || again.header.Get("Idempotency-Replayed") != "true" || again.header.Get("ETag") != first.header.Get("ETag") {
			t.Errorf("%s: first\n%s\nthen\n%s %v", name, first.body, again.body, again.header)
		}
		if n := counts.staged.Load() - staged; n != 0 {
			t.Errorf("%s: %d chunks were staged again", name, n)
		}
		if a := r.call("GET", path, ""); string(a.body) != "cd" {
			t.Errorf("%s: the tensor is %q", name, a.body)
		}
		r.putRaw(path, []byte("xy"), header...).refused(http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED")
		r.putRaw(path, []byte("ab"), append(header, "X-Tensor-Shape", "1,2")...).refused(http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED")
	}
}

// TestRepeatedTensorsOfAnotherTime sends requests again when what is there would
// refuse them.
func TestRepeatedTensorsOfAnotherTime(t *testing.T) {
	const path, variable = "/sessions/s/tensors/x", "/sessions/s/variables/x"
	npyType := []string{"Content-Type", "application/x-npy"}
	for name, c := range map[string]struct {
		body   string
		header []string
	}{
		"octets":   {"ab", octet("u8", "2")},
		"a file":   {npyFile("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", "ab"), npyType},
		"JSON":     {`{"shape":[2],"data":[97,98]}`, []string{"Content-Type", "application/json"}},
		"no bytes": {"", octet("u8", "0")},
	} {
		t.Run(name, func(t *testing.T) {
			r, counts := counting(t)
			put := func(more ...string) *answer {
				return r.putRaw(path, []byte(c.body), append(append(append([]string{}, c.header...), "Idempotency-Key", "k"), more...)...)
			}
			put("If-Match", "*").refused(http.StatusPreconditionFailed, "VERSION_CONFLICT") // which leaves the key free
			first := put("If-None-Match", "*").wants(http.StatusCreated)
			staged := counts.staged.Load()
			again := func(when string) {
				t.Helper()
				a := put("If-None-Match", "*").wants(http.StatusCreated)
				if !bytes.Equal(a.body, first.body) || a.header.Get("ETag") != first.header.Get("ETag") || a.header.Get("Idempotency-Replayed") != "true" {
					t.Errorf("%s: %v %s, first %s", when, a.header, a.body, first.body)
				}
			}
			r.call("DELETE", variable, "").wants(http.StatusNoContent)
			again("deleted")
			if r.call("PUT", path, `{"shape":[1],"dtype":"f64","data":[1]}`).wants(http.StatusCreated); counts.staged.Load() != staged+1 {
				t.Errorf("%d chunks were staged", counts.staged.Load())
			}
			r.call("PATCH", variable, `{"constraints":{"dtype":"f64","shape":[1]}}`).wants(http.StatusOK)
			again("of another shape")
			r.call("DELETE", variable, "").wants(http.StatusNoContent)
			r.put("s", "x", "1")
			again("of another type")
			r.call("DELETE", "/sessions/s", "").wants(http.StatusNoContent)
			again("without a session")
			r.session("s")
			again("in another session of that id")
			if n := counts.staged.Load(); n != staged+1 {
				t.Errorf("%d chunks were staged", n-staged-1)
			}
			r.call("DELETE", "/sessions/s", "").wants(http.StatusNoContent)
			r.putRaw(path, []byte(c.body), append(append([]string{}, c.header...), "Idempotency-Key", "other")...).refused(http.StatusNotFound, "SESSION_NOT_FOUND")
			if n := counts.staged.Load(); n != staged+1 {
				t.Errorf("%d chunks were staged", n-staged-1)
			}
		})
	}
}

func TestLockedTensors(t *testing.T) {
	r, counts := counting(t)
	const path = "/sessions/s/tensors/x"
	r.putRaw(path, []byte("ab"), octet("u8", "2")...).wants(http.StatusCreated)
	token := r.call("PUT", "/sessions/s/variables/x/lock", `{"ttl_seconds":60}`).wants(http.StatusOK).text("token")
	r.putRaw(path, []byte("cd"), octet("u8", "2")...).refused(http.StatusLocked, "VARIABLE_LOCKED")
	if counts.staged.Load() != counts.discarded.Load()+1 {
		t.Error("what the lock refused was not dropped")
	}
	r.putRaw(path, []byte("cd"), append(octet("u8", "2"), "X-Lock-Token", token)...).wants(http.StatusOK)
}

// TestQuotasOfTensors are known before all of a tensor has come.
func TestQuotasOfTensors(t *testing.T) {
	r, counts := counting(t, func(s *setup) { s.store.Limits.SessionBytes = 2 << 20 })
	const size = 8 << 20
	r.putBytes("/sessions/s/tensors/x", make([]byte, size)).refused(http.StatusTooManyRequests, "SESSION_QUOTA_EXCEEDED")
	if n := counts.staged.Load(); n > 2 {
		t.Errorf("%d chunks were staged", n)
	}
	r, counts = counting(t, with(func(c *server.Config) { c.Limits.Session.TensorBytes = 100 }))
	r.putBytes("/sessions/s/tensors/x", make([]byte, 100)).wants(http.StatusCreated)
	a := r.putBytes("/sessions/s/tensors/x", make([]byte, 101)).refused(http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE")
	if a.raw("limit_bytes") != "100" || counts.staged.Load() != 1 {
		t.Errorf("%s, staged %d chunks", a.body, counts.staged.Load())
	}
}

// TestConstraintsOfTensors judge elements on their way in.
func TestConstraintsOfTensors(t *testing.T) {
	r, counts := counting(t)
	const path = "/sessions/s/tensors/x"
	if _, err := r.store.Apply(t.Context(), store.Ref{Owner: "default", ID: "s"}, tensorWithin(t, r.store)); err != nil {
		t.Fatal(err)
	}
	staged := counts.staged.Load()
	content := make([]byte, 3<<20)
	content[2<<20+5] = 11
	a := r.putRaw(path, content, octet("u8", fmt.Sprint(len(content)))...).refused(http.StatusUnprocessableEntity, "CONSTRAINT_VIOLATION")
	if !strings.Contains(string(a.body), fmt.Sprintf(`"/data/%d"`, 2<<20+5)) {
		t.Errorf("%s", a.body)
	}
	if n := counts.staged.Load() - staged; n != 2 || counts.discarded.Load() != 1 {
		t.Errorf("%d chunks were staged, dropped %d times", n, counts.discarded.Load())
	}
	content[2<<20+5] = 10
	r.putRaw(path, content, octet("u8", fmt.Sprint(len(content)))...).wants(http.StatusOK)
	r.putRaw(path, []byte("a"), octet("u8", "1")...).refused(http.StatusUnprocessableEntity, "CONSTRAINT_VIOLATION")
	r.putRaw(path, make([]byte, 8), octet("f64", "1")...).refused(http.StatusUnprocessableEntity, "CONSTRAINT_VIOLATION")
	r.call("PUT", path, `{"shape":[2],"data":[1,11]}`).refused(http.StatusUnprocessableEntity, "CONSTRAINT_VIOLATION")
	r.call("PUT", path, `{"shape":[2],"data":[1,10]}`).wants(http.StatusOK)
}

// TestPatchesOfTensors widens bounds, which asks nothing of the elements, and
// checks that what refuses a patch is pointed at.
func TestPatchesOfTensors(t *testing.T) {
	r, _ := counting(t)
	const variable, path = "/sessions/s/variables/x", "/sessions/s/tensors/x"
	if _, err := r.store.Apply(t.Context(), store.Ref{Owner: "default", ID: "s"}, tensorWithin(t, r.store)); err != nil {
		t.Fatal(err)
	}
	for body, pointers := range map[string]string{
		`{"constraints":{"dtype":"f64"}}`:                 "/constraints/dtype CONSTRAINT_VIOLATION",
		`{"constraints":{"shape":[-1,-1],"dtype":"f32"}}`: "/constraints/shape CONSTRAINT_VIOLATION, /constraints/dtype CONSTRAINT_VIOLATION",
		`{"constraints":{"max_elements":0}}`:              "/constraints/max_elements CONSTRAINT_VIOLATION",
		`{"constraints":{"max":9}}`:                       "/constraints/max INVALID_CONSTRAINTS",
		`{"constraints":{"min":1,"max":null}}`:            "/constraints/min INVALID_CONSTRAINTS",
	} {
		if a := r.call("PATCH", variable, body).wants(http.StatusUnprocessableEntity); a.pointers() != pointers {
			t.Errorf("%s: pointers %s, want %s", body, a.pointers(), pointers)
		}
	}
	r.call("PATCH", variable, `{"constraints":{"shape":[-1]}}`).wants(http.StatusOK)
	r.call("PATCH", variable, `{"constraints":{"max":100}}`).wants(http.StatusOK)
	r.putRaw(path, []byte{100}, octet("u8", "1")...).wants(http.StatusOK)
	r.putRaw(path, []byte{101}, octet("u8", "1")...).refused(http.StatusUnprocessableEntity, "CONSTRAINT_VIOLATION")
	r.call("POST", variable+"/rollback", `{"version":1}`).wants(http.StatusOK)
}

// tensorWithin is a unit that creates x with bounds.
func tensorWithin(t testing.TB, s store.Store) store.Unit {
	t.Helper()
	w := store.NewBlobWriter(t.Context(), s, store.Ref{Owner: "default", ID: "s"}, 1)
	defer w.Close()
	if _, err := w.Write([]byte{5}); err != nil {
		t.Fatal(err)
	}
	u, digest, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	w.Keep()
	v, err := value.Descriptor{Dtype: value.U8, Shape: []int64{1}, Order: value.RowMajor, Bytes: 1, Digest: digest}.Value()
	if err != nil {
		t.Fatal(err)
	}
	const constraints = `{"dtype":"u8","max":10,"min":0}`
	return store.Unit{
		Write: store.Write{Token: store.MintToken(time.Now())},
		Ops:   []store.Op{store.CreateContent("x", store.Content{Value: v, Upload: &u, Constraints: []byte(constraints), Judged: constraints})},
	}
}

// TestBodiesThatBreakOff leave nothing behind.
func TestBodiesThatBreakOff(t *testing.T) {
	r, counts := counting(t)
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	req := r.rawRequest("/sessions/s/tensors/x", reader, octet("u8", "4000000")...).WithContext(ctx)
	req.ContentLength = 4_000_000
	req.Header.Set("X-Request-Id", "broken-off")
	done := make(chan error)
	go func() {
		res, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			_ = res.Body.Close()
		}
		done <- err
	}()
	if _, err := writer.Write(make([]byte, 2<<20+7)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = writer.CloseWithError(errors.New("gone")) // the transport waits for what it reads
	if err := <-done; err == nil {
		t.Error("the request was answered")
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	r.log.of(t, "broken-off")
	if counts.discarded.Load() != 1 {
		t.Errorf("what was staged was dropped %d times", counts.discarded.Load())
	}
	r.call("GET", "/sessions/s/tensors/x", "").refused(http.StatusNotFound, "VARIABLE_NOT_FOUND")
}

// TestBytesThatVanish are looked for again: the tensor was overwritten between
// its description and its first chunk.
func TestBytesThatVanish(t *testing.T) {
	r, counts := counting(t)
	r.putBytes("/sessions/s/tensors/x", numbers(100)).wants(http.StatusCreated)
	counts.vanish.Store(2)
	if a := r.call("GET", "/sessions/s/tensors/x", "").wants(http.StatusOK); !bytes.Equal(a.body, numbers(100)) {
		t.Errorf("%d bytes", len(a.body))
	}
	counts.vanish.Store(1 << 40)
	before := counts.fetched.Load()
	r.call("GET", "/sessions/s/tensors/x", "").refused(http.StatusNotFound, "VERSION_NOT_FOUND")
	if n := counts.fetched.Load() - before; n != 3 {
		t.Errorf("%d tries", n)
	}
}

// TestReadingFetchesLittle counts the chunks that a part of a tensor costs.
func TestReadingFetchesLittle(t *testing.T) {
	r, counts := counting(t)
	r.putBytes("/sessions/s/tensors/x", numbers(8<<20)).wants(http.StatusCreated)
	for _, c := range []struct {
		path   string
		header []string
		method string
		chunks int64
	}{
		{"?slice=5000000", nil, "GET", 1},
		{"?slice=1048570:1048580", nil, "GET", 2},
		{"", []string{"Range", "bytes=3145728-4194303"}, "GET", 1},
		{"", nil, "HEAD", 0},
		{"?slice=3:3", nil, "GET", 0},
		{"", nil, "GET", 8},
	} {
		before := counts.fetched.Load()
		r.call(c.method, "/sessions/s/tensors/x"+c.path, "", c.header...)
		if n := counts.fetched.Load() - before; n != c.chunks {
			t.Errorf("%s %s %v: %d chunks were fetched, want %d", c.method, c.path, c.header, n, c.chunks)
		}
	}
}
