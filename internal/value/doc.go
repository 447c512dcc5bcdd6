// Package value holds the typed values of a session's variables: what types
// there are, how a value is read from JSON and written as JSON, which type a
// JSON text has when nobody said, and which values a variable's constraints
// allow.
//
//	v, found := value.Convert(value.Integer, []byte("2e3")) // 2000
//	c, found := value.ParseConstraints(value.Integer, []byte(`{"max":1000}`))
//	found = c.Check(v) // Expected at most 1000, got 2000.
//
// A [Value] is immutable and its JSON is kept as text, so integers stay exact
// over their whole 64-bit range and a list comes back as it was put in. Only a
// tensor's value is not its JSON: it is a [Descriptor] of bytes that are kept
// elsewhere.
//
// Everything that reads takes texts from strangers: it says all that is wrong,
// as violations with pointers, and it costs time and memory in proportion to
// the text.
//
// The package is not for storage: how a value becomes bytes in a back end is
// the back end's business.
package value
