package value

import (
	"errors"
	"regexp"
	"regexp/syntax"
)

const (
	maxPattern = 256 // bytes of a pattern
	maxWeight  = 500 // instructions of a compiled pattern, about
	// maxSteps bounds the matching of one value: a step is one character
	// against one instruction. The matcher takes time in proportion to them.
	maxSteps = 1 << 26
)

// pattern is a compiled regular expression (RE2) with what it costs.
type pattern struct {
	expr   *regexp.Regexp
	weight int
}

var (
	errLongPattern  = errors.New("it has more than 256 bytes")
	errHeavyPattern = errors.New("its repetitions are too many")
)

// compile compiles a pattern. The cost is known before anything of its size
// is built: (a{500}){2} is short, but not small.
func compile(text string) (*pattern, error) {
	if len(text) > maxPattern {
		return nil, errLongPattern
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		if e, ok := errors.AsType[*syntax.Error](err); ok {
			return nil, errors.New(e.Code.String()) // the rest of the message is the pattern
		}
		return nil, err
	}
	weight := weigh(tree)
	if weight > maxWeight {
		return nil, errHeavyPattern
	}
	expr, err := regexp.Compile(text)
	return &pattern{expr, weight}, err
}

// weigh estimates how many instructions a pattern is compiled to.
func weigh(tree *syntax.Regexp) int {
	weight := 1 + len(tree.Rune)
	if tree.Op == syntax.OpCharClass {
		weight = 1 // its runes are pairs of one instruction
	}
	for _, sub := range tree.Sub {
		weight += weigh(sub)
		if weight > maxWeight {
			return maxWeight + 1
		}
	}
	if tree.Op == syntax.OpRepeat {
		weight *= max(tree.Min, tree.Max, 1) // at most 500 times 1000
	}
	return weight
}

// matches judges a string by a pattern, which may match anywhere in it.
func (f *findings) matches(pointer, s string, p *pattern) {
	f.steps += (len(s) + 1) * p.weight
	switch {
	case f.steps > maxSteps:
		f.violates(pointer, "Expected text that can be matched in reasonable time, got too much for the pattern %s.", shown(p.expr.String()))
		f.broken = true
	case !p.expr.MatchString(s):
		f.violates(pointer, "Expected text that matches %s, got %s.", p.expr, shown(s))
	}
}
