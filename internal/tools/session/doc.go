// Package session is the group of tools that work on a session's own
// variables: its counter, when it was initialised, and what the client said
// about it then.
//
// These are ordinary variables: what a tool of this group writes, every other
// way to a session's variables sees.
package session
