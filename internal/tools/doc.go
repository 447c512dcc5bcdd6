// Package tools turns typed Go functions into tools that clients can execute.
//
// [New] makes a [Tool] of one function. From the types of its input and output
// follow the JSON Schemas, the checking and decoding of arguments with every
// violation at its JSON Pointer, and what a client reads about the tool
// ([Info]). A group of tools is an explicit list:
//
//	var double = tools.New("double", "Doubles a number.",
//		func(_ context.Context, _ *tools.Call, in doubleIn) (doubleOut, error) {
//			return doubleOut{2 * in.X}, nil
//		},
//		tools.ReadOnly(), tools.Idempotent(),
//		tools.Example("twice two", `{"x":2}`, tools.Gives(`{"result":4}`)))
//
//	func Tools() []tools.Tool { return tools.Group("maths", double) }
//
// An [Engine] executes the tools of a [Registry]. [Engine.Prepare] finds
// everything that is wrong with a call without asking the store, [Run.Do]
// executes it, counts it in its session, and answers a repeated
// Idempotency-Key with the answer that was given first. A tool reaches state
// only through its [Call]: at most one [Call.Apply], whose token is the
// execution itself, so nothing is ever pending and nothing happens twice.
//
// # What a tool must keep to
//
// Its answer is made of its arguments and of what Apply returned, results and
// memo, never of what it read before Apply: the read may differ when the call
// is repeated, what Apply returns does not. A tool that could fail because of
// what it read, or that does much before Apply, calls [Call.Recall] first. A
// tool without Apply may answer with what it read: then its answer is stored.
// It keeps no state, starts no goroutine that outlives the call, and takes
// randomness from [Call.Rand].
//
// The package is not for HTTP, queues or limits of load: those are layers
// above it.
package tools
