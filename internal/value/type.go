package value

import "fmt"

// Type is the type of a variable. Its number is never stored; [Type.String]
// and [Type.Letter] are.
type Type uint8

// The types.
const (
	Boolean     Type = iota + 1
	Integer          // int64
	Float            // float64; finite, unless its constraints say otherwise
	String           // valid UTF-8
	List             // any JSON array
	Map              // any JSON object
	Choice           // one of the strings its constraints list
	IntegerList      // of int64
	FloatList        // of float64, as Float
	StringList       // of valid UTF-8
	Embedding        // a vector of finite numbers
	Tensor           // numbers of one Dtype in a Shape; the Value is their Descriptor

	lastType = Tensor
)

var _ fmt.Stringer = Boolean

// Types returns all types.
func Types() []Type {
	all := make([]Type, lastType)
	for i := range all {
		all[i] = Type(i + 1)
	}
	return all
}

// TypeOf returns the type that clients call name.
func TypeOf(name string) (Type, bool) {
	for t := Boolean; t <= lastType; t++ {
		if t.String() == name {
			return t, true
		}
	}
	return 0, false
}

// String returns the type's name as clients write it.
func (t Type) String() string { return t.naming().name }

// Letter returns the one byte that stands for the type in stored records.
func (t Type) Letter() byte { return t.naming().letter }

// TypeOfLetter is the inverse of [Type.Letter].
func TypeOfLetter(b byte) (Type, bool) {
	for t := Boolean; t <= lastType; t++ {
		if t.Letter() == b {
			return t, true
		}
	}
	return 0, false
}

// naming is what a type is called: by clients, and in stored records.
type naming struct {
	name   string
	letter byte
}

func (t Type) naming() naming {
	switch t {
	case Boolean:
		return naming{"boolean", 'b'}
	case Integer:
		return naming{"integer", 'i'}
	case Float:
		return naming{"float", 'f'}
	case String:
		return naming{"string", 's'}
	case List:
		return naming{"list", 'l'}
	case Map:
		return naming{"map", 'm'}
	case Choice:
		return naming{"choice", 'c'}
	case IntegerList:
		return naming{"integer_list", 'I'}
	case FloatList:
		return naming{"float_list", 'F'}
	case StringList:
		return naming{"string_list", 'S'}
	case Embedding:
		return naming{"embedding", 'e'}
	case Tensor:
		return naming{"tensor", 't'}
	default:
		return naming{"unknown", '?'}
	}
}

// item returns the type of the items of a typed list, 0 for every other type.
func (t Type) item() Type {
	switch t {
	case IntegerList:
		return Integer
	case FloatList:
		return Float
	case StringList:
		return String
	default:
		return 0
	}
}
