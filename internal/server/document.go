package server

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/api"
	"toolpit/internal/tools"
)

// document is content that is served as it is, with its digest as its version.
type document struct {
	mediaType string
	etag      string
	content   []byte
	same      bool // the caller has it already
}

func newDocument(mediaType string, content []byte) document {
	return document{mediaType: mediaType, etag: contentTag(content), content: content}
}

func (d document) send(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("ETag", d.etag)
	h.Set("Cache-Control", "no-cache") // ask again each time, and mostly hear 304
	if d.same {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", d.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(d.content)))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(d.content)
	return err
}

// VisitGetOpenAPIJSONResponse sends the document.
func (d document) VisitGetOpenAPIJSONResponse(w http.ResponseWriter) error { return d.send(w) }

// VisitGetOpenAPIYAMLResponse sends the document.
func (d document) VisitGetOpenAPIYAMLResponse(w http.ResponseWriter) error { return d.send(w) }

// GetOpenAPIJSON serves the API document with the tools in it.
func (s *service) GetOpenAPIJSON(_ context.Context, req api.GetOpenAPIJSONRequestObject) (_ api.GetOpenAPIJSONResponseObject, err error) {
	d := s.documentJSON
	d.same, err = unchanged(req.Params.IfNoneMatch, d.etag)
	return d, err
}

// GetOpenAPIYAML serves the API document as it was written.
func (s *service) GetOpenAPIYAML(_ context.Context, req api.GetOpenAPIYAMLRequestObject) (_ api.GetOpenAPIYAMLResponseObject, err error) {
	d := s.documentYAML
	d.same, err = unchanged(req.Params.IfNoneMatch, d.etag)
	return d, err
}

// served makes the document that clients get: openapi.yaml, the limits this
// service was started with, and of every tool its two schemas and its
// examples.
func served(spec []byte, infos []tools.Info, limits Limits) ([]byte, error) {
	root, err := parseYAML(spec)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	schemas := root.at("components", "schemas")
	stateless := root.at("paths", "/execute", "post", "requestBody", "content", "application/json", "examples")
	inSession := root.at("paths", "/sessions/{id}/execute", "post", "requestBody", "content", "application/json", "examples")
	if schemas == nil || stateless == nil || inSession == nil {
		return nil, fmt.Errorf("openapi.yaml lacks the places where tools are described")
	}
	if err := stateLimits(schemas, limits); err != nil {
		return nil, err
	}
	for _, info := range infos {
		if err := describe(schemas, info.Name+".arguments", info.InputSchema); err != nil {
			return nil, err
		}
		if err := describe(schemas, info.Name+".result", info.OutputSchema); err != nil {
			return nil, err
		}
		for i, example := range info.Examples {
			name := fmt.Sprintf("%s-%d", info.Name, i+1)
			call, err := exampleCall(info.Name, example)
			if err != nil {
				return nil, err
			}
			inSession.set(name, call)
			if !info.RequiresSession {
				stateless.set(name, call)
			}
		}
	}
	return append(root.append(nil), '\n'), nil
}

// stateLimits replaces the document's bounds by the configured ones.
func stateLimits(schemas *tree, limits Limits) error {
	for _, bound := range []struct {
		body, member, keyword string
		value                 int64
	}{
		{"CreateSessionRequest", "ttl_seconds", "maximum", int64(limits.MaxTTL / time.Second)},
		{"CreateSessionRequest", "ttl_seconds", "default", int64(limits.DefaultTTL / time.Second)},
		{"UpdateSessionRequest", "ttl_seconds", "maximum", int64(limits.MaxTTL / time.Second)},
		{"ExecuteRequest", "timeout_ms", "maximum", limits.MaxTimeout.Milliseconds()},
		{"ExecuteRequest", "timeout_ms", "default", limits.DefaultTimeout.Milliseconds()},
	} {
		member := schemas.at(bound.body, "properties", bound.member)
		if member == nil {
			return fmt.Errorf("openapi.yaml lacks %s of %s", bound.member, bound.body)
		}
		member.set(bound.keyword, scalar(strconv.FormatInt(bound.value, 10)))
	}
	return nil
}

// describe adds a tool's schema to the components.
func describe(schemas *tree, name string, schema jsontext.Value) error {
	t, err := parseJSON(schema)
	if err == nil {
		t, err = openAPISchema(t)
	}
	if err != nil {
		return fmt.Errorf("the schema %s: %w", name, err)
	}
	schemas.set(name, t)
	return nil
}

// exampleCall is an example of a tool as a request.
func exampleCall(tool string, e tools.ExampleCall) (*tree, error) {
	arguments, err := parseJSON(e.Arguments)
	if err != nil {
		return nil, fmt.Errorf("the example %q of %s: %w", e.Name, tool, err)
	}
	request := objectTree()
	request.set("tool", textTree(tool))
	request.set("arguments", arguments)
	summary := tool + ": " + e.Name
	if e.Fails != "" {
		summary += " (" + string(e.Fails) + ")"
	}
	call := objectTree()
	call.set("summary", textTree(summary))
	call.set("value", request)
	return call, nil
}
