package main_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// curl is one command of a document.
type curl struct {
	method, url, body string
	header            http.Header
}

// readme returns the README, and its section on typed state apart.
func readme(t *testing.T) (rest, typed string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(text), "\n## Typed state\n")
	typed, after, closed := strings.Cut(after, "\n## ")
	if !found || !closed {
		t.Fatal("the README has no section on typed state")
	}
	return before + "\n" + after, typed
}

// curls returns the curl commands in a document's sh blocks.
func curls(t *testing.T, text string) []curl {
	t.Helper()
	var out []curl
	shell := false
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			shell = line == "```sh"
		case shell && strings.HasPrefix(line, "curl "):
			out = append(out, parseCurl(t, words(t, line)[1:]))
		}
	}
	return out
}

// words splits a command as a shell would, as far as our documents need it.
func words(t *testing.T, line string) []string {
	t.Helper()
	var out []string
	var word strings.Builder
	open, quoted := false, false
	for _, r := range line {
		switch {
		case r == '\'':
			quoted, open = !quoted, true
		case r == ' ' && !quoted:
			if open {
				out = append(out, word.String())
				word.Reset()
			}
			open = false
		case !quoted && strings.ContainsRune("\"$`|;&<>*", r):
			t.Fatalf("the test does not understand %q in %s", r, line)
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if open {
		out = append(out, word.String())
	}
	return out
}

func parseCurl(t *testing.T, args []string) curl {
	t.Helper()
	c := curl{method: http.MethodGet, header: http.Header{}}
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-s", "-si":
		case "-X":
			i++
			c.method = args[i]
		case "-d":
			i++
			c.body = args[i]
		case "-H":
			i++
			name, v, _ := strings.Cut(args[i], ": ")
			c.header.Set(name, v)
		default:
			c.url = args[i]
		}
	}
	return c
}

// A stranger pastes the README's commands one after the other.
func TestREADME(t *testing.T) {
	p := serve(t, "--store", "sqlite:"+filepath.Join(t.TempDir(), "data", "readme.db"))
	p.ready(t)
	rest, typed := readme(t)
	commands := curls(t, rest)
	want := []struct {
		status int
		says   string
	}{
		{201, `"id":"demo"`},
		{200, `"value":5`},
		{200, `"result":341`},
		{200, `"command_count":2`},
		{200, `tiplooT`},
		{200, `"value":6`},
		{422, `"/arguments/b"`},
	}
	if len(commands) != len(want) {
		t.Fatalf("the README has %d curls, the test knows %d", len(commands), len(want))
	}
	for i, c := range commands {
		req, err := http.NewRequestWithContext(t.Context(), c.method, strings.Replace(c.url, "localhost:8080", p.url, 1), strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = c.header
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want[i].status || !strings.Contains(string(body), want[i].says) {
			t.Errorf("%s %s: %d %s; want %d and %s", c.method, c.url, resp.StatusCode, body, want[i].status, want[i].says)
		}
	}
	t.Run("typed state", func(t *testing.T) { typedState(t, p.url, typed) })
}

// exchange is one request and what was answered.
type exchange struct {
	request string // method, path and query
	status  int
	body    strings.Builder
}

// recorder stands between a client and a server and keeps what they say.
type recorder struct {
	proxy *httputil.ReverseProxy

	mu        sync.Mutex
	exchanges []*exchange
}

func newRecorder(t *testing.T, target string) *recorder {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return &recorder{proxy: &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(u) },
		FlushInterval: -1,
	}}
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	e := &exchange{request: req.Method + " " + req.URL.RequestURI()}
	r.mu.Lock()
	r.exchanges = append(r.exchanges, e)
	r.mu.Unlock()
	r.proxy.ServeHTTP(&recording{w, e}, req)
}

// recording is an answer that is kept as it is given.
type recording struct {
	http.ResponseWriter
	to *exchange
}

func (r *recording) WriteHeader(status int) {
	r.to.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recording) Write(b []byte) (int, error) {
	r.to.body.Write(b)
	return r.ResponseWriter.Write(b)
}

// Unwrap lets the proxy flush.
func (r *recording) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// typedState runs the section's commands as they stand there, with the shell
// and with curl.
func typedState(t *testing.T, target, section string) {
	if _, err := exec.LookPath("curl"); err != nil {
		required := strings.Split(os.Getenv("TOOLPIT_TEST_REQUIRE"), ",")
		if slices.Contains(required, "curl") {
			t.Fatalf("SKIPPED: curl is required: %v", err)
		}
		t.Skipf("SKIPPED: %v", err)
	}
	var script strings.Builder
	shell := false
	for line := range strings.Lines(section) {
		switch {
		case strings.HasPrefix(line, "```"):
			shell = strings.TrimSpace(line) == "```sh"
		case shell:
			script.WriteString(line)
		}
	}
	if n := strings.Count("\n"+script.String(), "\ncurl "); n != 6 {
		t.Errorf("the section has %d commands, and says that it has six", n)
	}
	seen := newRecorder(t, target)
	front := httptest.NewServer(seen)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// Without -e: curl says 28 when it stops watching.
	cmd := exec.CommandContext(ctx, "sh", "-u")
	cmd.Dir = t.TempDir()
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(script.String(), "localhost:8080", strings.TrimPrefix(front.URL, "http://")))
	said, err := cmd.CombinedOutput()
	front.Close() // every exchange has ended
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	checkTypedState(t, seen.exchanges)
}

func checkTypedState(t *testing.T, seen []*exchange) {
	t.Helper()
	const session = "/sessions/demo"
	want := []struct {
		request string
		status  int
		says    []string
	}{
		{"PUT " + session + "/variables/temperature", 201, []string{`"type":"float"`, `"value":0.7`, `"constraints":{"max":2,"min":0}`}},
		{"PUT " + session + "/tensors/rows", 201, []string{`"dtype":"u8"`, `"shape":[100,4]`}},
		{"GET " + session + "/tensors/rows?slice=0:10,:", 200, []string{`"shape":[10,4]`, `"data":[49,48,48,10,49,48,49,10,`, `,49,48,57,10]`}},
		{"PUT " + session + "/variables/temperature", 200, []string{`"value":0.9`, `"version":2`}},
		{"GET " + session + "/variables/temperature/history", 200, []string{`"value":0.9`, `"value":0.7`}},
		{"POST " + session + "/variables/temperature/rollback", 200, []string{`"value":0.7`, `"version":3`, `"rollback_from":1`}},
		{"GET " + session + "/watch?after=0", 200, []string{"event: registered", "event: value_change", "event: rollback"}},
		{"POST " + session + "/fork", 201, []string{`"purpose":"experiment"`, `"variable_count":3`}},
	}
	if len(seen) != len(want) {
		t.Fatalf("the section made %d requests, want %d", len(seen), len(want))
	}
	for i, w := range want {
		body := seen[i].body.String()
		if seen[i].request != w.request || seen[i].status != w.status {
			t.Errorf("request %d: %s answered %d %s; want %s and %d", i, seen[i].request, seen[i].status, body, w.request, w.status)
		}
		for _, s := range w.says {
			if !strings.Contains(body, s) {
				t.Errorf("%s answered %s; want %s in it", w.request, body, s)
			}
		}
	}
}
