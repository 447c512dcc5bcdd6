package server

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolpit/api"
	"toolpit/internal/tools"
)

// catalog is every tool as clients see it. The tools of a process never
// change, so each is written once.
type catalog struct {
	names   []string // ordered
	entries [][]byte // an api.Tool each, likewise
}

func newCatalog(infos []tools.Info) (*catalog, error) {
	c := &catalog{}
	for _, info := range infos {
		entry, err := jsonv2.Marshal(toTool(info), jsontext.PreserveRawStrings(true))
		if err != nil {
			return nil, err
		}
		c.names = append(c.names, info.Name)
		c.entries = append(c.entries, entry)
	}
	return c, nil
}

// toTool is a tool as clients see it.
func toTool(info tools.Info) api.Tool {
	t := api.Tool{
		Name:            info.Name,
		Group:           info.Group,
		Summary:         info.Summary,
		InputSchema:     json.RawMessage(info.InputSchema),
		OutputSchema:    schemaObject(info.OutputSchema),
		RequiresSession: info.RequiresSession,
		ReadOnly:        info.ReadOnly,
		Idempotent:      info.Idempotent,
		Streaming:       info.Streaming,
		Cost:            api.ToolCost(info.Cost),
		Examples:        []api.ToolExample{},
	}
	for _, e := range info.Examples {
		t.Examples = append(t.Examples, api.ToolExample{
			Name: e.Name, Arguments: json.RawMessage(e.Arguments), Result: json.RawMessage(e.Result),
		})
	}
	return t
}

// schemaObject writes the schema true, which allows anything, as the object
// that clients are promised.
func schemaObject(schema jsontext.Value) json.RawMessage {
	if string(schema) == "true" {
		return json.RawMessage("{}")
	}
	return json.RawMessage(schema)
}

// ListTools lists the tools.
func (s *service) ListTools(_ context.Context, req api.ListToolsRequestObject) (api.ListToolsResponseObject, error) {
	p, err := page(req.Params.Limit, req.Params.Cursor)
	if err != nil {
		return nil, err
	}
	first := 0
	if p.Cursor != "" {
		last, ok := nameIn(toolCursor, p.Cursor)
		if !ok {
			return nil, refuseCursor()
		}
		at, found := slices.BinarySearch(s.catalog.names, last)
		if first = at; found {
			first++
		}
	}
	end := min(first+p.Limit, len(s.catalog.names))
	next := ""
	if end < len(s.catalog.names) {
		next = cursorAfter(toolCursor, s.catalog.names[end-1])
	}
	return s.described(req.Params.IfNoneMatch, s.catalog.list(first, end, next), nextLink("/tools", p.Limit, next, nil))
}

// list is an api.ToolList as JSON.
func (c *catalog) list(first, end int, next string) []byte {
	b := append([]byte(`{"items":[`), bytes.Join(c.entries[first:end], []byte{','})...)
	b = append(b, ']')
	if next != "" {
		b = append(b, `,"next_cursor":`...)
		b = appendText(b, next)
	}
	return append(b, "}\n"...)
}

// GetTool describes one tool.
func (s *service) GetTool(_ context.Context, req api.GetToolRequestObject) (api.GetToolResponseObject, error) {
	if n := len(req.Name); n < 1 || n > maxToolName {
		return nil, refuseParameter("name", "has 1 to 64 characters")
	}
	if _, err := s.engine.Registry().Find(req.Name); err != nil {
		return nil, err
	}
	at, _ := slices.BinarySearch(s.catalog.names, req.Name)
	return s.described(req.Params.IfNoneMatch, append(slices.Clone(s.catalog.entries[at]), '\n'), nil)
}

// described answers with content whose version is itself.
func (s *service) described(ifNoneMatch *string, content []byte, link *string) (description, error) {
	d := description{document: newDocument("application/json", content), link: link}
	var err error
	d.same, err = unchanged(ifNoneMatch, d.etag)
	return d, err
}

// description is an answer about tools.
type description struct {
	document
	link *string
}

// VisitListToolsResponse sends the answer.
func (d description) VisitListToolsResponse(w http.ResponseWriter) error {
	if d.link != nil && !d.same {
		w.Header().Set("Link", *d.link)
	}
	return d.send(w)
}

// VisitGetToolResponse sends the answer.
func (d description) VisitGetToolResponse(w http.ResponseWriter) error { return d.send(w) }
