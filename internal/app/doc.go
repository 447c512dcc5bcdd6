// Package app is the process: it wires the parts together, starts them, and
// stops them in reverse.
//
// It is the only place that knows which back ends there are. It is not for
// anything a request does.
package app
