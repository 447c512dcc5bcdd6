package binary

import (
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// embed makes a vector of a text by feature hashing (Weinberger et al.,
// "Feature Hashing for Large Scale Multitask Learning", ICML 2009): each
// feature is added to the coordinate that one part of its hash names, with the
// sign that another part says, so that collisions cancel on average and the
// dot product of two vectors estimates that of the texts' features.
//
// Features are the words in lower case and their character n-grams, 3 to 5 long
// with the word's ends marked (as in Bojanowski et al., "Enriching Word Vectors
// with Subword Information", 2017), so that inflected and misspelt words stay
// near. A feature that occurs n times weighs 1 + ln n. Nothing is learnt: it
// measures shared words and spelling, not meaning.
//
// Equal texts have equal vectors, bit by bit. A text without words gives zeros.
func embed(text string, dimensions int) []float64 {
	counts := map[string]int{}
	for _, word := range words(text) {
		counts["w"+word]++
		marked := []rune("<" + word + ">")
		for n := 3; n <= 5; n++ {
			for i := 0; i+n <= len(marked); i++ {
				counts["c"+string(marked[i:i+n])]++
			}
		}
	}
	vector := make([]float64, dimensions)
	for _, feature := range slices.Sorted(maps.Keys(counts)) { // sums depend on their order
		h := hash(feature)
		weight := 1 + math.Log(float64(counts[feature]))
		if h>>63 == 1 {
			weight = -weight
		}
		vector[(h<<1>>1)%uint64(dimensions)] += weight
	}
	return vector
}

// words are the runs of letters, digits and marks, in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(norm.NFC.String(text)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}

// hash mixes FNV-1a, whose high bits hardly depend on the last letters, with
// the finalizer of SplitMix64.
func hash(feature string) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(feature)) // a hash takes everything
	h := sum.Sum64()
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
