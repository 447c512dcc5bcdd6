package tools

import (
	"cmp"
	"slices"
	"strings"
)

const (
	maxNear     = 3  // names suggested
	maxDistance = 3  // edits between a name and what was meant
	maxNearLen  = 64 // a longer name is no slip of the pen
)

// near returns up to three of the known names that name may stand for, the
// nearest first: few edits away, or one a part of the other.
func near(name string, known []string) []string {
	if len(name) > maxNearLen {
		return nil
	}
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	lower := strings.ToLower(name)
	for _, k := range known {
		other := strings.ToLower(k)
		d := distance(lower, other)
		switch {
		case d <= min(maxDistance, max(1, len(name)/3)) && d < len(k):
			found = append(found, candidate{k, d})
		case partOf(lower, other):
			found = append(found, candidate{k, maxDistance + 1})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	var names []string
	for _, c := range found[:min(maxNear, len(found))] {
		names = append(names, c.name)
	}
	return names
}

// partOf tells whether one name contains the other and is long enough for
// that to mean something.
func partOf(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) >= 3 && strings.Contains(b, a)
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := row[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			next[j] = min(row[j]+1, next[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// didYouMean is the end of a sentence that suggests names.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = `"` + n + `"`
	}
	return "; did you mean " + listed(quoted, "or") + "?"
}

// listed joins words as a sentence does: a, b or c.
func listed(words []string, conjunction string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}
