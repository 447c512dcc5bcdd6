package tools

import "strings"

// maxNear is how many names an error suggests.
const maxNear = 3

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
