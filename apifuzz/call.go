package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// call is one request, as far as it is made up.
type call struct {
	operation string // whose rules it follows or breaks
	how       string // in what way
	expect    expectation
	method    string
	path      string // escaped
	query     string
	header    http.Header
	body      []byte
	chunked   bool
	binary    bool   // the body is no JSON
	session   string // that it is about
	asked     bool   // for a failure: a demonstration of one, or very little time
	ends      bool   // its session, when it succeeds
}

func (c *call) set(name string, values ...string) { c.header[name] = values }

// request makes the HTTP request.
func (c *call) request(ctx context.Context, base string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, c.method, base, bytes.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	if req.URL.Path, err = url.PathUnescape(c.path); err != nil {
		return nil, err
	}
	req.URL.RawPath, req.URL.RawQuery, req.Header = c.path, c.query, c.header
	req.GetBody = nil // so that a keyed request is not repeated behind our back
	switch {
	case len(c.body) == 0:
		req.Body = http.NoBody
	case c.chunked:
		req.ContentLength = -1
	}
	return req, nil
}

// String is what somebody needs in order to make the call by hand.
func (c *call) String() string {
	body := string(c.body)
	if len(body) > 300 {
		body = fmt.Sprintf("%s… (%d bytes)", body[:300], len(body))
	}
	target := c.path
	if c.query != "" {
		target += "?" + c.query
	}
	return fmt.Sprintf("%s, %s: %s %s %v %q", c.operation, c.how, c.method, target, c.header, body)
}

// notice finds out whether a body asks for a failure, or for a session's end.
func (c *call) notice() {
	var body struct {
		Tool    string `json:"tool"`
		Timeout any    `json:"timeout_ms"`
	}
	if json.Unmarshal(c.body, &body) != nil {
		return
	}
	ms, timed := body.Timeout.(float64)
	c.asked = body.Tool == "error_demo" || timed && ms < 1000
	c.ends = body.Tool == "cleanup"
}

// send makes the call and reads the answer.
func send(ctx context.Context, client *http.Client, base string, c *call) (*http.Request, answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := c.request(ctx, base)
	if err != nil {
		return nil, answer{}, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	if isStream(res.Header) {
		defer time.AfterFunc(streamTime, cancel).Stop()
		body, _ := io.ReadAll(io.LimitReader(res.Body, streamBytes)) // its end is ours
		return req, answer{res.StatusCode, res.Header, body}, nil
	}
	body, err := io.ReadAll(res.Body)
	return req, answer{res.StatusCode, res.Header, body}, err
}

// How much is read of an answer that has no end.
const (
	streamTime  = 20 * time.Millisecond
	streamBytes = 64 << 10
)

// isStream tells whether an answer goes on for as long as somebody reads it.
func isStream(h http.Header) bool {
	media, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return media == "text/event-stream" || media == "application/x-ndjson"
}

// prepared is a call to which nothing has been done yet.
func prepared(o operation) *call {
	return &call{operation: o.id, how: "valid", method: o.method, path: o.path, header: http.Header{}}
}

// blow is a way to break what surrounds a body. It tells whether it could.
type blow struct {
	name  string
	apply func(rnd *rand.Rand, o operation, c *call) bool
}

// blows break headers, queries, paths and methods.
var blows = []blow{
	{"a bad key", func(rnd *rand.Rand, o operation, c *call) bool {
		c.set("Idempotency-Key", pick(rnd, []string{"", strings.Repeat("k", 256), "a b", "é", "a\tb", "a\u2028"}))
		c.expect = refusedIf(o.has("header", "Idempotency-Key"))
		return true
	}},
	{"two keys", func(_ *rand.Rand, o operation, c *call) bool {
		c.set("Idempotency-Key", "a", "b")
		c.expect = refusedIf(o.has("header", "Idempotency-Key"))
		return true
	}},
	{"a bad If-Match", func(rnd *rand.Rand, o operation, c *call) bool {
		c.set("If-Match", pick(rnd, []string{"", "x", `"`, `"never"`, `W/"x"`, `"a", "b"`, "\"é\"", `"` + strings.Repeat("x", 4000) + `"`}))
		c.expect = refusedIf(o.has("header", "If-Match"))
		return true
	}},
	{"an odd If-None-Match", func(rnd *rand.Rand, _ operation, c *call) bool {
		c.set("If-None-Match", pick(rnd, []string{"*", "", "x", `"`, `W/"x"`, `"a", "b"`, ",,,", strings.Repeat(`"x",`, 1000)}))
		c.expect = open
		return true
	}},
	{"an odd Accept", func(rnd *rand.Rand, _ operation, c *call) bool {
		c.set("Accept", pick(rnd, []string{"image/png", "", "*", "*/*;q=0", "application/json;q=0, */*", "text/event-stream", ";;;", strings.Repeat("a/b,", 1000), "application/*;q=x"}))
		c.expect = open
		return true
	}},
	{"a bad Content-Type", func(rnd *rand.Rand, o operation, c *call) bool {
		if o.body == nil || len(c.body) == 0 {
			return false
		}
		c.set("Content-Type", pick(rnd, []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "multipart/form-data; boundary=x", "json", "application/json,text/plain", ";", "application/ json"}))
		c.expect = refused
		return true
	}},
	{"a Content-Encoding", func(rnd *rand.Rand, o operation, c *call) bool {
		if o.body == nil || len(c.body) == 0 {
			return false
		}
		c.set("Content-Encoding", pick(rnd, []string{"gzip", "br", "zstd", "identity, gzip", "GZIP", "x"}))
		c.expect = refused
		return true
	}},
	{"an odd X-Request-Id", func(rnd *rand.Rand, _ operation, c *call) bool {
		c.set("X-Request-Id", pick(rnd, []string{"", strings.Repeat("x", 129), "a b", "é", `"><script>`, "a;b", "../x"}))
		return true // and is otherwise as good as before
	}},
	{"an odd traceparent", func(rnd *rand.Rand, _ operation, c *call) bool {
		c.set("Traceparent", pick(rnd, []string{"", "00-0-0-0", "00-" + strings.Repeat("0", 32) + "-" + strings.Repeat("0", 16) + "-01", "ff-x", strings.Repeat("-", 500)}))
		return true
	}},
	{"odd headers", func(rnd *rand.Rand, _ operation, c *call) bool {
		name := pick(rnd, []string{"Range", "Expect", "Authorization", "Prefer", "Cookie", "X-Http-Method-Override", "X-Forwarded-For", "Last-Event-Id", "If-Modified-Since", "Te"})
		value := pick(rnd, []string{"bytes=0-", "x", "", "é", "DELETE", "127.0.0.1", "-1", strings.Repeat("v", 3000)})
		if name == "Expect" || name == "Te" {
			value = pick(rnd, []string{"100-continue", "trailers"})
		}
		c.set(name, value)
		c.expect = open
		return true
	}},
	{"another site's page", func(rnd *rand.Rand, o operation, c *call) bool {
		c.set("Sec-Fetch-Site", pick(rnd, []string{"cross-site", "same-site"}))
		c.expect = refusedIf(o.method != http.MethodGet)
		return true
	}},
	{"a bad query", func(rnd *rand.Rand, o operation, c *call) bool {
		c.query = pick(rnd, []string{
			"limit=0", "limit=1001", "limit=-1", "limit=abc", "limit=1.5", "limit=%2B5", "limit=", "limit=1&limit=2", "limit=99999999999999999999", "limit=%00",
			"cursor=", "cursor=x%zz", "cursor=%ff", "cursor=" + strings.Repeat("c", 1025), "limit=1;cursor=2", "limit=0x10", "limit=1e2", "limit=%D9%A1",
		})
		name, _, _ := strings.Cut(c.query, "=")
		c.expect = refusedIf(o.has("query", name))
		return true
	}},
	{"an odd query", func(rnd *rand.Rand, _ operation, c *call) bool {
		c.query = pick(rnd, []string{"cursor=bm90IGEgY3Vyc29y", "unknown=1", "&&&", "=", "%zz", "a=%00", "q=" + strings.Repeat("q", 5000), "limit=1&cursor=null"})
		c.expect = open
		return true
	}},
	{"a bad id", func(rnd *rand.Rand, o operation, c *call) bool {
		if !strings.Contains(o.path, "{") {
			return false
		}
		before, rest, _ := strings.Cut(o.path, "{")
		_, after, _ := strings.Cut(rest, "}")
		after = strings.Replace(after, "{name}", number, 1)
		c.path = before + pick(rnd, []string{
			"%00", "a%2Fb", "%2e%2e%2f", "..%2f..%2fetc%2fpasswd", "%20", "-a", ".a", "%C3%A9", "%ff", strings.Repeat("a", 129), "a%0d%0ab", "%7Bx%7D", "*",
		}) + after
		c.expect = refused
		return true
	}},
	{"nobody's id", func(_ *rand.Rand, o operation, c *call) bool {
		if !strings.Contains(o.path, "{id}") {
			return false
		}
		c.path = strings.NewReplacer("{id}", "nobody", "{name}", number).Replace(o.path)
		c.expect = refusedIf(o.method != http.MethodDelete)
		return true
	}},
	{"another method", func(rnd *rand.Rand, o operation, c *call) bool {
		c.method = pick(rnd, []string{"PUT", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "get", "X"})
		c.expect = refused
		return !slices.Contains(o.methods, c.method)
	}},
	{"a bad parameter", func(rnd *rand.Rand, o operation, c *call) bool { return wrongParameter(values{rnd}, o, c) }},
	{"a Range", func(rnd *rand.Rand, o operation, c *call) bool {
		c.set("Range", pick(rnd, ranges))
		if rnd.IntN(2) == 0 {
			c.set("If-Range", pick(rnd, []string{"", "x", `"x"`, `W/"x"`, "Mon, 23 Nov 2026 09:30:00 GMT"}))
		}
		c.expect = open
		return o.has("header", "Range")
	}},
	{"a bad name", func(rnd *rand.Rand, o operation, c *call) bool {
		at := strings.LastIndex(o.path, "/{name}")
		if at < 0 || !strings.Contains(o.path, "{id}") {
			return false
		}
		before := strings.Replace(o.path[:at], "{id}", c.session, 1)
		c.path = before + "/" + pick(rnd, []string{"%00", "%20", "1a", "-a", ".a", "a%2Fb", "%C3%A9", "%ff", strings.Repeat("a", 129), "a%0d%0ab", "*", "a:b"}) + o.path[at+len("/{name}"):]
		c.expect = refused
		return true
	}},
	{"a name of nothing", func(_ *rand.Rand, o operation, c *call) bool {
		if !strings.Contains(o.path, "{name}") || !strings.Contains(o.path, "{id}") {
			return false
		}
		c.path = strings.NewReplacer("{id}", c.session, "{name}", "nothing").Replace(o.path)
		c.expect = open
		return true
	}},
	{"HEAD", func(_ *rand.Rand, o operation, c *call) bool {
		c.method, c.body = http.MethodHead, nil
		c.expect = open
		return o.method == http.MethodGet
	}},
	{"another path", func(rnd *rand.Rand, _ operation, c *call) bool {
		c.path += pick(rnd, []string{"/", "//", "/x", "%2f", ".json", "%00", ";x=1", "/..", "/../../etc/passwd", "/%2e%2e"})
		c.expect = open
		return true
	}},
	{"a body", func(rnd *rand.Rand, o operation, c *call) bool {
		if o.body != nil {
			return false
		}
		c.body = []byte(pick(rnd, []string{"{}", "x", strings.Repeat("x", 100_000), strings.Repeat("x", 1<<20+1)}))
		c.set("Content-Type", "application/json")
		c.expect = open
		return true
	}},
}

func refusedIf(yes bool) expectation {
	if yes {
		return refused
	}
	return open
}
