package server

import (
	"slices"
	"strings"
)

// near returns those of the known names that name may stand for: another case,
// the beginning of one, or a few slips of the pen.
func near(name string, known []string) []string {
	if len(name) > 64 {
		return nil // no slip
	}
	lower := strings.ToLower(name)
	var found []string
	for _, k := range known {
		if distance(lower, k) <= min(2, len(k)/2) || (len(lower) >= 3 && strings.HasPrefix(k, lower)) {
			found = append(found, k)
		}
	}
	return found
}

// distance counts the insertions, deletions and replacements that turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := diagonal
			if a[i-1] != b[j-1] {
				replaced++
			}
			diagonal = row[j]
			row[j] = min(row[j]+1, row[j-1]+1, replaced)
		}
	}
	return row[len(b)]
}

// listed joins names as a sentence does: a, b and c.
func listed(names []string) string {
	names = slices.Sorted(slices.Values(names))
	if len(names) == 1 {
		return names[0]
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
