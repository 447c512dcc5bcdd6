// Package watch tells many readers what happens in sessions, from the change
// logs that the store keeps. A [Hub] follows each session that is watched once,
// however many watch it, and shares what it has read. A reader that is behind
// what is shared reads the log by itself: nobody waits for it, neither writers
// nor other readers.
//
// The log is the truth. What the store rings is only a reason to look earlier
// than the next poll.
//
// The package knows nothing of HTTP, and not how a change is written down: it
// only keeps the texts that somebody has made of one, for the others.
package watch
