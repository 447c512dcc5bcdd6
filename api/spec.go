// Package api is the contract of Toolpit's HTTP interface: openapi.yaml, which
// is written by hand, and what oapi-codegen makes of it: the types of bodies
// and parameters (types.gen.go), the server interfaces with their routes
// (server.gen.go) and the client (client.gen.go).
//
// The generator reads the document through overlay.yaml, so that a handler
// meets only what it can use: successful responses, and headers it may leave
// out. Errors are not answered with generated types; a handler returns an
// error and the server makes the [Problem].
package api

import (
	"bytes"
	_ "embed"
)

//go:embed openapi.yaml
var spec []byte

// Spec returns a copy of openapi.yaml.
func Spec() []byte { return bytes.Clone(spec) }
