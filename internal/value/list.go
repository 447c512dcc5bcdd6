package value

import (
	"math"

	"github.com/go-json-experiment/json/jsontext"
)

// list reads an array of scalars of one type.
func (r *reader) list(item Type, l *limits) {
	if !r.enter(jsontext.KindBeginArray) {
		return
	}
	var seen map[string]int
	var items *limits
	if l != nil {
		items = l.items
		if l.unique {
			seen = map[string]int{}
		}
	}
	r.out = append(r.out, '[')
	n := 0
	for ; r.dec.PeekKind() != jsontext.KindEndArray && !r.over(); n++ {
		if n > 0 {
			r.out = append(r.out, ',')
		}
		start := len(r.out)
		r.index = n
		r.scalar(item, items)
		if seen != nil && len(r.out) > start {
			r.unique(seen, r.out[start:])
		}
	}
	r.index = -1
	r.out = append(r.out, ']')
	if !r.over() && r.token() {
		r.length("", n, "items", l)
	}
}

// unique says if an item is equal to one before it. Equal items have equal
// texts, but for the two zeros.
func (r *reader) unique(seen map[string]int, text []byte) {
	key := string(text)
	if key == "-0.0" {
		key = "0.0"
	}
	if first, ok := seen[key]; ok {
		r.violates(r.at(), "Expected no two equal items, but the items %d and %d are.", first, r.index)
		return
	}
	seen[key] = r.index
}

// maxDeviation is how far from 1 the norm of a normalized vector may be.
const maxDeviation = 1e-6

// embedding reads an array of numbers as a vector.
func (r *reader) embedding(l *limits) {
	if !r.enter(jsontext.KindBeginArray) {
		return
	}
	if l == nil {
		l = &limits{}
	}
	bits := 64
	if l.dtype == F32 {
		bits = 32
	}
	var vector []float64
	n := 0
	for ; r.dec.PeekKind() != jsontext.KindEndArray && !r.over(); n++ {
		r.index = n
		kind, text, ok := r.next()
		if !ok {
			return
		}
		f, ok := finite(kind, text, bits)
		if !ok {
			r.noFloat(r.at(), kind, text, bits)
			continue
		}
		if bits == 32 && r.stored && string(floatText(nil, f, bits)) != string(text) {
			r.violates(r.at(), "Expected a 32-bit float, got %s.", got(kind, text))
		}
		vector = append(vector, f)
	}
	r.index = -1
	if r.over() || !r.token() {
		return
	}
	if l.dimensions != nil && n != *l.dimensions {
		r.violates("", "Expected %d numbers, got %d.", *l.dimensions, n)
	}
	if len(vector) != n {
		return // the norm of the rest says nothing
	}
	if l.normalize || l.normalized {
		r.norm(vector, bits, l.normalize && !r.stored)
	}
	r.vector(vector, bits, l)
}

// norm judges the Euclidean norm of a vector, or makes it 1. A vector that is
// normalized already is left as it is, so that nothing changes when it is
// written again.
func (r *reader) norm(vector []float64, bits int, scale bool) {
	largest := 0.0
	for _, f := range vector {
		largest = max(largest, math.Abs(f))
	}
	if largest == 0 {
		r.violates("", "Expected a norm of 1, got 0.")
		return
	}
	squares := 0.0 // of numbers up to 1, so that none overflows
	for _, f := range vector {
		squares += (f / largest) * (f / largest)
	}
	root := math.Sqrt(squares)
	if math.Abs(root*largest-1) <= maxDeviation {
		return
	}
	if !scale {
		r.violates("", "Expected a norm of 1, got %s.", decimal(root*largest))
		return
	}
	for i, f := range vector {
		vector[i] = f / largest / root
		if bits == 32 {
			vector[i] = float64(float32(vector[i]))
		}
	}
}

// vector writes a vector and judges its numbers as they are written.
func (r *reader) vector(vector []float64, bits int, l *limits) {
	r.out = append(r.out, '[')
	for i, f := range vector {
		if i > 0 {
			r.out = append(r.out, ',')
		}
		start := len(r.out)
		r.out = floatText(r.out, f, bits)
		if l.minFloat == nil && l.maxFloat == nil {
			continue
		}
		if bits == 32 { // 0.1 of 32 bits is more than 0.1, but is not written as more
			f, _ = literal(r.out[start:]).float(64)
		}
		if r.index = i; !l.holds(f) {
			r.float(r.at(), f, l)
		}
	}
	r.index = -1
	r.out = append(r.out, ']')
}
