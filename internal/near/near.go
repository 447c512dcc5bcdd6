// Package near finds the names that a misspelt one may stand for, so that an
// error can suggest them.
//
//	near.Names("squrt", []string{"sqrt", "sin"}, 3) // [sqrt]
//
// It is for lists of identifiers: tools, parameters, functions. It is not for
// prose and not for searching: it compares bytes, and every name with the word.
package near

import "strings"

const (
	maxWord  = 64 // bytes; a longer word is no slip of the pen
	maxEdits = 3  // between a word and the name that was meant
	minPart  = 3  // bytes; a shorter word is a part of too much
)

// Names returns the candidates nearest to word in the order of candidates, no
// more than most. Nearest are those that the fewest edits lead to: up to one
// edit per three bytes begun, no more than three; an insertion, a deletion, a
// replacement and a swap of neighbours are one each, upper and lower case are
// the same. When there is none, nearest are those that contain word or are
// contained in it. It reads candidates and keeps nothing of them.
func Names(word string, candidates []string, most int) []string {
	if len(word) > maxWord {
		return nil
	}
	word = strings.ToLower(word)
	limit := min(maxEdits, (len(word)+2)/3)
	fewest := limit
	var nearest, parts []string
	for _, c := range candidates {
		name := strings.ToLower(c)
		if contains(word, name) || contains(name, word) {
			parts = append(parts, c)
		}
		if len(word)-len(name) > limit || len(name)-len(word) > limit {
			continue // saves the work: every byte too many is an edit
		}
		d := distance(word, name)
		if d > fewest || d >= len(name) { // replacing every byte is no slip
			continue
		}
		if d < fewest {
			nearest, fewest = nil, d
		}
		nearest = append(nearest, c)
	}
	if nearest == nil {
		nearest = parts
	}
	return nearest[:min(max(most, 0), len(nearest))]
}

func contains(whole, part string) bool {
	return len(part) >= minPart && strings.Contains(whole, part)
}

// distance counts the edits that turn a into b; no byte is edited twice.
func distance(a, b string) int {
	above, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			replaced := row[j]
			if a[i] != b[j] {
				replaced++
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, replaced)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], above[j-1]+1)
			}
		}
		above, row = row, next
	}
	return row[len(b)]
}
