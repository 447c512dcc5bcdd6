// Package telemetry counts and times what a replica does, for Prometheus, and
// traces single requests, for OpenTelemetry.
//
// Every series is made at start, from names that are known then: on the way of
// a request nothing is looked up by labels, and no label ever holds an id or
// anything else that a caller chose. The package is not for logs, and it knows
// nothing of HTTP handlers, tools or stores: those tell it.
package telemetry
