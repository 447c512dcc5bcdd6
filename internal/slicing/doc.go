// Package slicing finds the bytes of a part of an array, so that no others need
// be read.
//
//	s, err := slicing.Parse("0:10,:,-1")
//	box, err := s.Within(shape)            // box.Shape is that of the part
//	for r := range box.Ranges(8, false) {} // where it is in the array's bytes
//
// The notation is Python's without steps: one entry for each axis, a range or a
// single index, which drops its axis; axes that are not named are whole;
// negative numbers count from the end. Unlike Python, nothing is cut to fit: a
// bound outside the array is an error, since whoever asks for rows 90 to 100 of
// 95 should learn that five are missing.
//
// It knows nothing of types or files: an element is so many bytes.
package slicing
