package near_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/near"
)

func TestNames(t *testing.T) {
	candidates := []string{
		"get_variable", "set_variable", "delete_variable", "echo", "sin", "sinh", "Add", "e", "naïve",
		strings.Repeat("n", 64),
	}
	for _, c := range []struct {
		why, word string
		want      []string
	}{
		{"a byte inserted", "get_varriable", []string{"get_variable"}},
		{"a byte deleted", "delete_variabl", []string{"delete_variable"}},
		{"a byte replaced", "eCha", []string{"echo"}},
		{"neighbours swapped", "ceho", []string{"echo"}},
		{"neighbours swapped cost one edit", "ehco", []string{"echo"}},
		{"the same name in another case", "SIN", []string{"sin"}},
		{"a candidate keeps its case", "addd", []string{"Add"}},
		{"equally near, in the order of candidates", "let_variable", []string{"get_variable", "set_variable"}},
		{"the nearest only", "sinn", []string{"sin", "sinh"}},
		{"three edits in a long word", "delte_varible_", []string{"delete_variable"}},
		{"four edits", "dlte_varible_", nil},
		{"two edits in a short word", "ehc", nil},
		{"two edits in four bytes", "ehoc", []string{"echo"}},
		{"a part", "variable", []string{"get_variable", "set_variable", "delete_variable"}},
		{"the whole of a part", "echo_everything", []string{"echo"}},
		{"too short a part", "va", nil},
		{"all bytes replaced", "q", nil},
		{"beyond ASCII", "naive", []string{"naïve"}},
		{"no text", "\xff\x00", nil},
		{"nothing", "", nil},
		{"nothing like it", "multiply", nil},
		{"the longest word", strings.Repeat("n", 63) + "m", []string{strings.Repeat("n", 64)}},
		{"a word too long", strings.Repeat("n", 65), nil},
	} {
		if diff := cmp.Diff(c.want, near.Names(c.word, candidates, 3)); diff != "" {
			t.Errorf("%s: Names(%q) (-want +got):\n%s", c.why, c.word, diff)
		}
	}
}

func TestNamesReturnsAtMostSoMany(t *testing.T) {
	candidates := []string{"aa1", "aa2", "aa3"}
	for most, want := range map[int][]string{-1: {}, 0: {}, 1: {"aa1"}, 2: {"aa1", "aa2"}, 9: candidates} {
		if diff := cmp.Diff(want, near.Names("aa0", candidates, most)); diff != "" {
			t.Errorf("at most %d (-want +got):\n%s", most, diff)
		}
	}
	if names := near.Names("aa0", nil, 3); names != nil {
		t.Errorf("without candidates: %q", names)
	}
}
