// Package server is the HTTP edge: it turns requests into calls of the store,
// the tool engine and the executor, and what they return into responses.
//
// [New] makes one handler of all routes of api/openapi.yaml. A request passes
// front (id, recovery, headers, log line), the router, admit (key, rate, gate,
// Accept) and then the generated strict handler. The operations with a body
// read it through one streaming pass of our own before they get there. A plain
// call in a session goes a shorter way from front on, to the same answers.
//
// Every error, wherever it arises, is a fault that [fail] makes a problem
// document of, by the one table in problem.go; /docs/errors is that table as a
// page.
//
// The package is not for what a call does (package tools), for how long it may
// take (package execution) or for starting and stopping (package app). It keeps
// nothing between requests but the rate at which owners send them.
package server
