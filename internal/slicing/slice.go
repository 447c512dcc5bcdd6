package slicing

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxAxes is how many axes a slice may name.
const MaxAxes = 8

// Slice is what somebody wants of each axis of an array. The zero Slice wants
// all of it.
type Slice struct{ axes []axis }

// axis is what is wanted of one axis. A range without a bound goes to that end.
type axis struct {
	start, stop *int64
	single      bool // only start, and the axis is dropped
}

// SyntaxError refuses a text that is no slice.
type SyntaxError struct {
	Axis   int    // which entry, from 0
	Detail string // goes on after "Axis 2 "
}

// Error names the entry.
func (e *SyntaxError) Error() string { return fmt.Sprintf("slice: axis %d %s", e.Axis, e.Detail) }

// RangeError refuses a slice of an array that has no such part.
type RangeError struct {
	Axis   int    // which axis, from 0
	Detail string // goes on after "Axis 2 "
}

// Error names the axis.
func (e *RangeError) Error() string { return fmt.Sprintf("slice: axis %d %s", e.Axis, e.Detail) }

// Parse reads a slice such as 0:10,:,-1. Errors: *SyntaxError.
func Parse(text string) (Slice, error) {
	var s Slice
	for entry := range strings.SplitSeq(text, ",") {
		n := len(s.axes)
		if n == MaxAxes {
			return Slice{}, &SyntaxError{n, fmt.Sprintf("is one too many; a slice names at most %d", MaxAxes)}
		}
		a, complaint := parseAxis(entry)
		if complaint != "" {
			return Slice{}, &SyntaxError{n, complaint}
		}
		s.axes = append(s.axes, a)
	}
	return s, nil
}

// parseAxis reads one entry, or says what is wrong with it.
func parseAxis(entry string) (a axis, complaint string) {
	start, stop, isRange := strings.Cut(entry, ":")
	if strings.Contains(stop, ":") {
		return a, "has a step, which is not supported"
	}
	if start == "" && !isRange {
		return a, "has no entry; a colon stands for all of it"
	}
	var ok bool
	if a.start, ok = parseIndex(start); !ok {
		return a, "does not begin with a decimal number"
	}
	if a.stop, ok = parseIndex(stop); !ok {
		return a, "does not end with a decimal number"
	}
	a.single = !isRange
	return a, ""
}

// parseIndex reads digits with or without a minus; no text at all is no bound.
func parseIndex(text string) (index *int64, ok bool) {
	if text == "" {
		return nil, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || text[0] == '+' {
		return nil, false
	}
	return &n, true
}

// Within applies the slice to an array of a shape. Errors: *RangeError.
func (s Slice) Within(shape []int64) (Box, error) {
	if len(s.axes) > len(shape) {
		return Box{}, &RangeError{len(shape), fmt.Sprintf("does not exist; the array has %d", len(shape))}
	}
	b := Whole(shape)
	b.Shape = b.Shape[:0]
	for i, a := range s.axes {
		var complaint string
		if b.start[i], b.count[i], complaint = a.within(shape[i]); complaint != "" {
			return Box{}, &RangeError{i, complaint}
		}
		if !a.single {
			b.Shape = append(b.Shape, b.count[i])
		}
	}
	b.Shape = append(b.Shape, shape[len(s.axes):]...)
	return b, nil
}

// within returns where an axis of some length begins, and how much of it is
// wanted, or says why that cannot be.
func (a axis) within(length int64) (start, count int64, complaint string) {
	stop := length
	if a.start != nil {
		start = fromEnd(*a.start, length)
	}
	if a.single {
		stop = start + 1
	} else if a.stop != nil {
		stop = fromEnd(*a.stop, length)
	}
	switch {
	case start < 0 || start > length || a.single && start == length:
		return 0, 0, fmt.Sprintf("has the length %d, and %d is outside", length, *a.start)
	case stop < 0 || stop > length:
		return 0, 0, fmt.Sprintf("has the length %d, and %d is outside", length, *a.stop)
	case stop < start:
		return 0, 0, fmt.Sprintf("ends at %d, before it begins at %d", stop, start)
	}
	return start, stop - start, ""
}

func fromEnd(index, length int64) int64 {
	if index < 0 {
		return index + length
	}
	return index
}
