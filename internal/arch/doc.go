// Package arch holds the rules of this repository that span files, as tests:
// which package may import which, who owns a driver, that tools keep no state,
// that tests do not sleep and are not skipped in silence.
//
// Each rule is a function from parsed files to complaints, so that it can be
// tried on a few lines of source: a rule that cannot fail is no rule. What a
// linter can say about one file at a time is in .golangci.yaml instead.
//
// There is nothing in this package to import.
package arch
