package arch_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// elsewhere matches what is true of one machine only: the hosts that packages
// and images came from there, and where it kept its files. The patterns are in
// pieces, so as not to match themselves.
var elsewhere = []struct {
	pattern *regexp.Regexp
	why     string
}{
	{regexp.MustCompile(`\bGO(PROXY|SUMDB)` + `=|\bdeb(-src)? ` + `https?:|--(index-url|registry)` + `\b|^FROM [a-z0-9-]+\.[a-z0-9.-]+/`), "names a registry; let the client's settings choose it"},
	{regexp.MustCompile(`(^|[\s"'=:(\x60\[])/(work|root|Users|builds)` + `/[a-zA-Z0-9._-]`), "is a path of somebody's machine"},
	{regexp.MustCompile(`(^|[\s"'=:(\x60\[])/home` + `/[a-z][a-z0-9._-]*/`), "is a path of somebody's machine"},
}

func checkText(name string, text []byte) []string {
	if bytes.IndexByte(text, 0) >= 0 {
		return nil // not a text
	}
	var complaints []string
	for i, line := range strings.Split(string(text), "\n") {
		for _, e := range elsewhere {
			if found := e.pattern.FindString(line); found != "" {
				complaints = append(complaints, fmt.Sprintf("%s:%d: %q %s", name, i+1, strings.TrimSpace(found), e.why))
			}
		}
	}
	return complaints
}

// tracked lists the files that git tracks, or none where there is no git.
func tracked(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Logf("git ls-files: %v; looking at Go files only", err)
		sources, err := module()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range sources {
			names = append(names, s.path)
		}
		return names
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
}

func TestTextsSuitEveryMachine(t *testing.T) {
	for _, name := range tracked(t) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted, but not committed
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, complaint := range checkText(name, text) {
			t.Error(complaint)
		}
	}
}

func TestCheckText(t *testing.T) {
	for _, tr := range []struct {
		text string
		want []string
	}{
		{"see https://go.dev, internal/work/a, ./root/b, /home/ and /usr/bin/env", nil},
		{"\x00 /work" + "/main", nil},
		{"a\nGOPROXY" + "=https://example.com", []string{`f:2: "GOPROXY` + `=" names a registry; let the client's settings choose it`}},
		{"FROM example.com" + "/a/b", []string{`f:1: "FROM example.com` + `/" names a registry; let the client's settings choose it`}},
		{"cd /work" + "/main", []string{`f:1: "/work` + `/m" is a path of somebody's machine`}},
		{"dir: \"/home" + "/me/toolpit\"", []string{`f:1: "\"/home` + `/me/" is a path of somebody's machine`}},
	} {
		if d := cmp.Diff(tr.want, checkText("f", []byte(tr.text))); d != "" {
			t.Errorf("checkText(%q) (-want +got):\n%s", tr.text, d)
		}
	}
}
