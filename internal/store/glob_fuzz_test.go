package store_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"toolpit/internal/store"
)

// FuzzGlob compares the matcher that both back ends use with one that is written
// as simply as the rules are. Names and patterns have the lengths that the edge
// lets through.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{
		{"layer_*", "layer_7"},
		{"*", ""},
		{"?", "é"},
		{"[a-c]?", "b7"},
		{"[^a-c]", "d"},
		{`\*`, "*"},
		{`[\]]`, "]"},
		{"a*b*c", "aXbYc"},
		{"[", "a"},
		{`\`, "a"},
		{"[]", "a"},
		{"[a-", "a"},
		{"a/*", "a/b"},
		{"*", "a/b"},
		{"[z-a]", "m"},
		{"?", "\xff"},
		{"*\x80", "é\x80"},
		{strings.Repeat("*a", 100) + "b", strings.Repeat("a", 128)},
		{strings.Repeat("*?", 128), strings.Repeat("a", 127)},
		{strings.Repeat("*[ab]", 50) + "c", strings.Repeat("ab", 64)},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, glob, name string) {
		q := store.VariableQuery{Limit: 1, Glob: glob}
		if len(glob) > 256 || len(name) > store.MaxNameLen || q.Check() != nil {
			return
		}
		start := time.Now()
		got := q.Wants(name)
		if took := time.Since(start); took > time.Second {
			t.Errorf("%q and %q take %v", glob, name, took)
		}
		want := glob == "" || (&globbing{seen: map[[2]int]bool{}}).matches(glob, name)
		if got != want {
			t.Errorf("%q wants %q: %t, should be %t", glob, name, got, want)
		}
	})
}

// globbing remembers which rests of pattern and name do not match.
type globbing struct{ seen map[[2]int]bool }

func (g *globbing) matches(glob, name string) bool {
	at := [2]int{len(glob), len(name)}
	if g.seen[at] {
		return false
	}
	g.seen[at] = true
	if glob == "" {
		return name == ""
	}
	if glob[0] == '*' {
		return g.matches(glob[1:], name) || name != "" && name[0] != '/' && g.matches(glob, name[1:])
	}
	if name == "" {
		return false
	}
	char, size := utf8.DecodeRuneInString(name)
	switch glob[0] {
	case '?':
		return char != '/' && g.matches(glob[1:], name[size:])
	case '[':
		holds, rest := class(glob[1:], char)
		return holds && g.matches(rest, name[size:])
	case '\\':
		glob = glob[1:]
	}
	return glob[0] == name[0] && g.matches(glob[1:], name[1:])
}

// class tells whether a character is in the class that begins behind its
// bracket, and returns what is behind the class.
func class(glob string, char rune) (holds bool, rest string) {
	glob, negated := strings.CutPrefix(glob, "^")
	in := false
	for first := true; first || glob[0] != ']'; first = false {
		var low, high rune
		low, glob = bound(glob)
		high = low
		if strings.HasPrefix(glob, "-") {
			high, glob = bound(glob[1:])
		}
		in = in || low <= char && char <= high
	}
	return in != negated, glob[1:]
}

func bound(glob string) (rune, string) {
	glob = strings.TrimPrefix(glob, `\`)
	char, size := utf8.DecodeRuneInString(glob)
	return char, glob[size:]
}
