// Package value holds the typed values of a session's variables: what types
// there are, how a value is written as JSON, and which type a JSON text has
// when nobody said.
//
// A [Value] is immutable and its JSON is kept as text, so integers stay exact
// over their whole 64-bit range and a list comes back as it was put in.
//
// The package is not for storage: how a value becomes bytes in a back end is
// the back end's business.
package value
