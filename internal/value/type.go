package value

import "fmt"

// Type is the type of a variable. Its number is never stored; [Type.String]
// and [Type.Letter] are.
type Type uint8

// The types.
const (
	Boolean Type = iota + 1
	Integer      // int64
	Float        // finite float64
	String       // valid UTF-8
	List         // any JSON array
	Map          // any JSON object
)

var _ fmt.Stringer = Boolean

// String returns the type's name as clients write it.
func (t Type) String() string {
	switch t {
	case Boolean:
		return "boolean"
	case Integer:
		return "integer"
	case Float:
		return "float"
	case String:
		return "string"
	case List:
		return "list"
	case Map:
		return "map"
	default:
		return "unknown"
	}
}

// Letter returns the one byte that stands for the type in stored records.
func (t Type) Letter() byte {
	switch t {
	case Boolean:
		return 'b'
	case Integer:
		return 'i'
	case Float:
		return 'f'
	case String:
		return 's'
	case List:
		return 'l'
	case Map:
		return 'm'
	default:
		return '?'
	}
}

// TypeOfLetter is the inverse of [Type.Letter].
func TypeOfLetter(b byte) (Type, bool) {
	for t := Boolean; t <= Map; t++ {
		if t.Letter() == b {
			return t, true
		}
	}
	return 0, false
}
