package main_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// curl is one command of a document.
type curl struct {
	method, url, body string
	header            http.Header
}

// curls returns the curl commands in a document's sh blocks.
func curls(t *testing.T, path string) []curl {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []curl
	shell := false
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
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
	commands := curls(t, filepath.Join("..", "..", "README.md"))
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
}
