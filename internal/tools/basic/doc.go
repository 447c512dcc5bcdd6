// Package basic is the group of tools that need no session: they check that
// the service answers, calculate, work on text, and tell about the service
// itself.
//
// Adding a tool is one file with one function and one line in [Tools].
package basic
