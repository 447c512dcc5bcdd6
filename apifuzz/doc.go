// Command apifuzz asks a running Toolpit everything its API document allows,
// and much that it forbids, and checks every answer against the document.
//
// It knows the service by its /openapi.json only: operations, parameters,
// bodies, the tools' schemas and examples. From them it makes calls that must
// be accepted, calls that must be refused, and calls that may be either, in
// sessions that it creates, changes and deletes on the way. An answer is wrong
// when its status, headers, media type or body are not those of the document,
// when it is 5xx, when it speaks of the inside of the service, or when the
// service takes what the document forbids.
//
// Everything follows from a seed, which is printed. Ids that the service mints
// and the order in which callers get their turns do not.
//
// It is for the edge. What tools compute, and what survives a crash, is shown
// elsewhere.
package main
