// Package variable is the group of tools that work on a session's variables
// by name: register, read, write, list, look back and roll back.
//
// What a variable is, which values it takes and what its errors are is the
// store's; the tools add where in the arguments the fault is. They are for
// clients that execute tools and nothing else; the routes below
// /sessions/{id}/variables do the same.
package variable
