package value

import (
	"math"
	"strconv"

	"toolpit/internal/fault"
)

// CheckTensor judges what is known of a tensor before its elements: the type
// and the shape. The elements are for [Constraints.Elements].
func (c Constraints) CheckTensor(d Dtype, shape []int64) []fault.Violation {
	var f findings
	n, ok := Elements(shape)
	if !ok {
		f.violates("/shape", "Expected at most %d lengths that 64 bits can multiply, none of them negative, got %s.", MaxRank, shapeText(shape))
	}
	l := c.limits
	if l == nil {
		return f.found
	}
	if l.dtype != 0 && d != l.dtype {
		f.violates("/dtype", "Expected %s, got %s.", l.dtype, d)
	}
	if l.shape != nil && !agrees(shape, l.shape) {
		f.violates("/shape", "Expected the shape %s, got %s.", shapeText(l.shape), shapeText(shape))
	}
	if ok && l.maxElements != nil && n > *l.maxElements {
		f.violates("/shape", "Expected at most %d elements, got %d.", *l.maxElements, n)
	}
	return f.found
}

// agrees compares a shape with a wanted one, in which -1 is any length.
func agrees(shape, want []int64) bool {
	if len(shape) != len(want) {
		return false
	}
	for i, n := range want {
		if n != -1 && n != shape[i] {
			return false
		}
	}
	return true
}

// ElementCheck judges the elements of a tensor as they pass by. It holds
// nothing but its findings. It is for one goroutine.
type ElementCheck struct {
	findings findings
	limits   *limits
	next     int64 // index of the element that comes next
}

// Elements returns a check of a tensor's elements against min and max; nil
// when there are none, and the elements need not be looked at. The infinities
// keep the bounds or not, NaN never does.
func (c Constraints) Elements() *ElementCheck {
	if c.typ != Tensor || c.limits == nil || c.limits.minFloat == nil && c.limits.maxFloat == nil {
		return nil
	}
	return &ElementCheck{limits: c.limits}
}

// Floats judges the next elements. It tells whether it wants to see more:
// after [MaxViolations] violations it does not.
func (e *ElementCheck) Floats(elements []float64) (more bool) {
	for i, x := range elements {
		if !e.limits.holds(x) {
			e.findings.float(e.at(i), x, e.limits)
			if e.findings.over() {
				return false
			}
		}
	}
	e.next += int64(len(elements))
	return true
}

// Ints is like [ElementCheck.Floats] for integers, and exact where a float64
// is not.
func (e *ElementCheck) Ints(elements []int64) (more bool) {
	for i, n := range elements {
		if !e.limits.holdsInt(n) {
			e.findings.whole(e.at(i), n, e.limits)
			if e.findings.over() {
				return false
			}
		}
	}
	e.next += int64(len(elements))
	return true
}

// at is the pointer to an element: its index in the order in which they come.
func (e *ElementCheck) at(i int) string { return "/data/" + strconv.FormatInt(e.next+int64(i), 10) }

// Violations returns what was found so far.
func (e *ElementCheck) Violations() []fault.Violation { return e.findings.found }

// whole judges an integer by bounds that are floats.
func (f *findings) whole(pointer string, n int64, l *limits) {
	switch {
	case l.minFloat != nil && less(n, *l.minFloat):
		f.violates(pointer, "Expected at least %s, got %d.", decimal(*l.minFloat), n)
	case l.maxFloat != nil && greater(n, *l.maxFloat):
		f.violates(pointer, "Expected at most %s, got %d.", decimal(*l.maxFloat), n)
	}
}

// holdsInt tells whether n keeps bounds that are floats.
func (l *limits) holdsInt(n int64) bool {
	return (l.minFloat == nil || !less(n, *l.minFloat)) && (l.maxFloat == nil || !greater(n, *l.maxFloat))
}

// less compares exactly: n < x.
func less(n int64, x float64) bool {
	switch {
	case x >= 1<<63:
		return true
	case x <= -1<<63:
		return false
	}
	return n < int64(math.Ceil(x))
}

// greater compares exactly: n > x.
func greater(n int64, x float64) bool {
	switch {
	case x >= 1<<63:
		return false
	case x < -1<<63:
		return true
	}
	return n > int64(math.Floor(x))
}
