package npy

import "fmt"

// MalformedError refuses bytes that are no .npy file.
type MalformedError struct {
	Detail string // what is wrong, without a full stop
}

// Error says what is wrong.
func (e *MalformedError) Error() string { return "npy: " + e.Detail }

func malformed(format string, args ...any) error {
	return &MalformedError{fmt.Sprintf(format, args...)}
}

// UnsupportedError refuses an array of a kind that is not taken: of another
// type of elements, or with too many axes.
type UnsupportedError struct {
	Detail string // what is not taken and what is, without a full stop
	Axes   bool   // there are too many; otherwise it is about the type
}

// Error says what is not taken.
func (e *UnsupportedError) Error() string { return "npy: " + e.Detail }

const taken = "f8, f4, i8, i4, u1 and b1 are taken"

func unsupportedType(descr string) error {
	return &UnsupportedError{Detail: fmt.Sprintf("elements of the type %s are not taken; %s", clipped(descr), taken)}
}

func unsupportedRank() error {
	return &UnsupportedError{Detail: fmt.Sprintf("the array has more than %d axes", MaxRank), Axes: true}
}

// LengthError refuses a file that has fewer or more bytes than its header says.
type LengthError struct {
	Want int64 // bytes of elements, by the header
	Got  int64 // bytes there were; Want+1 stands for any number above Want
}

// Error says how many bytes there should be.
func (e *LengthError) Error() string {
	if e.Got > e.Want {
		return fmt.Sprintf("npy: there are more than the %d bytes that the header speaks of", e.Want)
	}
	return fmt.Sprintf("npy: there are %d bytes, and the header speaks of %d", e.Got, e.Want)
}

// ElementError is about one element of an array.
type ElementError struct {
	Index  int64  // its number in the order in which the elements came
	Detail string // goes on after "Element 7 "
}

// Error names the element.
func (e *ElementError) Error() string { return fmt.Sprintf("npy: element %d %s", e.Index, e.Detail) }

// clipped quotes at most a few characters of what somebody sent.
func clipped(text string) string {
	const most = 24
	if len(text) > most {
		return fmt.Sprintf("%q…", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
