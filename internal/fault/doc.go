// Package fault is the vocabulary of everything that can go wrong in Toolpit.
//
// A [Code] is an error by itself, so errors.Is(err, fault.SessionNotFound)
// works on anything that was built with [New] or [Newf]. An [Error] keeps its
// public half (Code, Detail, Violations, Facts) apart from its private half
// (Err), which is logged and never leaves the process.
//
// The package is not for HTTP: status, title and links of a code live in one
// file of internal/server.
package fault
