package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/go-json-experiment/json"
)

// contract is the document that the service serves.
type contract struct {
	doc        *openapi3.T
	router     routers.Router
	operations []operation
	turns      []operation // each as often as it weighs
}

// operation is one method of one path.
type operation struct {
	id, method, path string
	spec             *openapi3.Operation
	parameters       []*openapi3.Parameter
	body             *openapi3.Schema // as JSON; nil: it takes none
	methods          []string         // of the path
}

func (o operation) has(in, name string) bool {
	return slices.ContainsFunc(o.parameters, func(p *openapi3.Parameter) bool { return p.In == in && p.Name == name })
}

// weight is how often an operation has its turn: what takes a body can go wrong
// in more ways.
func (o operation) weight() int {
	n := 1
	if o.body != nil {
		n += 5
	}
	if o.has("header", "Idempotency-Key") {
		n += 2
	}
	return n
}

// newContract reads and checks a document.
func newContract(ctx context.Context, document []byte) (*contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("the API document: %w", err)
	}
	if err := doc.Validate(ctx); err != nil {
		return nil, fmt.Errorf("the API document: %w", err)
	}
	doc.Servers = nil // any host will do
	for _, media := range []string{"text/html", "text/event-stream", "application/x-ndjson"} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.PlainBodyDecoder)
	}
	openapi3filter.RegisterBodyDecoder("application/x-npy", openapi3filter.FileBodyDecoder)
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("the API document: %w", err)
	}
	c := &contract{doc: doc, router: router}
	for path, item := range doc.Paths.Map() {
		for method, spec := range item.Operations() {
			o := operation{id: spec.OperationID, method: method, path: path, spec: spec}
			for _, p := range slices.Concat(item.Parameters, spec.Parameters) {
				o.parameters = append(o.parameters, p.Value)
			}
			if spec.RequestBody != nil {
				o.body = spec.RequestBody.Value.Content.Get("application/json").Schema.Value
			}
			o.methods = slices.Collect(maps.Keys(item.Operations()))
			c.operations = append(c.operations, o)
		}
	}
	slices.SortFunc(c.operations, func(a, b operation) int { return strings.Compare(a.id, b.id) })
	for _, o := range c.operations {
		c.turns = append(c.turns, slices.Repeat([]operation{o}, o.weight())...)
	}
	return c, nil
}

// tool returns a tool's schema, nil when there is none.
func (c *contract) tool(name, which string) *openapi3.Schema {
	if ref := c.doc.Components.Schemas[name+"."+which]; ref != nil {
		return ref.Value
	}
	return nil
}

// answer is a response, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// problem is what the checks need of an error.
type problem struct {
	Type         string `json:"type"`
	Status       int    `json:"status"`
	Detail       string `json:"detail"`
	Code         string `json:"code"`
	Retryable    bool   `json:"retryable"`
	RetryAfterMS int64  `json:"retry_after_ms"`
	RequestID    string `json:"request_id"`
}

// decodes tells whether a body could be read into v.
func decodes(body []byte, v any) bool { return json.Unmarshal(body, v) == nil }

func (a answer) problem() (p problem, err error) {
	err = json.Unmarshal(a.body, &p)
	return p, err
}

// check finds out what is wrong with an answer, in the eyes of the document.
func (c *contract) check(req *http.Request, a answer) error {
	if a.status == http.StatusExpectationFailed && req.Header.Get("Expect") != "" {
		return nil // from below: the description of the API says so
	}
	described := req
	if req.Method == http.MethodHead { // what can be read with GET answers HEAD
		described = req.Clone(req.Context())
		described.Method = http.MethodGet
	}
	route, parameters, err := c.router.FindRoute(described)
	if err != nil { // a problem, says the description of the API
		responses := openapi3.NewResponses(openapi3.WithStatus(a.status, c.doc.Components.Responses["Problem"]))
		route, parameters = &routers.Route{Spec: c.doc, Operation: &openapi3.Operation{Responses: responses}}, nil
	}
	return errors.Join(
		c.listed(route, a, err == nil),
		headers(route, a),
		openapi3filter.ValidateResponse(req.Context(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: parameters, Route: route},
			Status:                 a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)),
			Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
		}),
		talk(req, a),
		c.result(a),
		events(a),
	)
}

// listed wants the status itself in the document: "default" is for what nobody
// thought of.
func (c *contract) listed(route *routers.Route, a answer, known bool) error {
	if known && route.Operation.Responses.Status(a.status) != nil {
		return nil
	}
	if p, err := a.problem(); err == nil && a.status == http.StatusNotFound && p.Code == "ROUTE_NOT_FOUND" {
		return nil
	}
	if a.status == http.StatusMethodNotAllowed || !known && a.status == http.StatusNotFound { // without a body after HEAD
		return nil
	}
	return fmt.Errorf("the status %d is not documented", a.status)
}

// headers wants every header of the document to be declared for the answer, and
// the ones that all answers have to be there.
func headers(route *routers.Route, a answer) error {
	var errs []error
	ref := route.Operation.Responses.Status(a.status)
	if ref == nil {
		ref = route.Operation.Responses.Default()
	}
	for name := range route.Spec.Components.Headers {
		if name != "Cache-Control" && a.header.Get(name) != "" && ref != nil && ref.Value.Headers[name] == nil {
			errs = append(errs, fmt.Errorf("the header %s is not declared", name))
		}
	}
	if ref != nil && len(ref.Value.Content) == 0 && len(a.body) > 0 {
		errs = append(errs, errors.New("a body is not declared"))
	}
	if a.header.Get("X-Request-Id") == "" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		errs = append(errs, errors.New("a header is missing that all answers have"))
	}
	return errors.Join(errs...)
}

// insideWords are words that only the inside of the service uses.
var insideWords = []string{
	"goroutine ", ".go:", "runtime error", "panic:", "nil pointer", "SQLITE", "sqlite", "SQL logic", "redis:", "dial tcp", "127.0.0.1:", "jsontext", "json:",
}

// talk checks what an error says beyond its schema.
func talk(req *http.Request, a answer) error {
	if a.status < http.StatusBadRequest || req.Method == http.MethodHead || strings.HasPrefix(req.URL.Path, "/readyz") {
		return nil
	}
	p, err := a.problem()
	if err != nil {
		return fmt.Errorf("the problem cannot be read: %w", err)
	}
	var errs []error
	if p.Status != a.status {
		errs = append(errs, fmt.Errorf("the problem's status is %d", p.Status))
	}
	if p.RequestID != a.header.Get("X-Request-Id") {
		errs = append(errs, fmt.Errorf("the problem's request_id is %s", p.RequestID))
	}
	if !strings.HasPrefix(p.Type, "/docs/errors#") || p.Detail == "" {
		errs = append(errs, errors.New("the problem explains nothing"))
	}
	after, err := strconv.ParseInt(a.header.Get("Retry-After"), 10, 64)
	if said := a.header.Get("Retry-After") != ""; said != (p.RetryAfterMS > 0) || said && (err != nil || after < 1) {
		errs = append(errs, errors.New("the two ways of saying when to retry contradict each other"))
	}
	if (a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable) && a.header.Get("Retry-After") == "" {
		errs = append(errs, errors.New("the header Retry-After is missing"))
	}
	if a.status == http.StatusMethodNotAllowed && a.header.Get("Allow") == "" {
		errs = append(errs, errors.New("the header Allow is missing"))
	}
	for _, word := range insideWords {
		if strings.Contains(p.Detail, word) {
			errs = append(errs, fmt.Errorf("the detail speaks of %q", word))
		}
	}
	return errors.Join(errs...)
}

// result checks a tool's result against the tool's own schema.
func (c *contract) result(a answer) error {
	var call struct {
		ExecutionID string `json:"execution_id"`
		Tool        string `json:"tool"`
		Result      any    `json:"result"`
	}
	if a.status != http.StatusOK || !decodes(a.body, &call) || call.ExecutionID == "" {
		return nil
	}
	schema := c.tool(call.Tool, "result")
	if schema == nil {
		return fmt.Errorf("the document has no result of %q", call.Tool)
	}
	if err := schema.VisitJSON(call.Result, openapi3.MultiErrors()); err != nil {
		return fmt.Errorf("the result of %s: %w", call.Tool, err)
	}
	return nil
}

// events checks what was read of a stream: each event is complete JSON, except
// for the last one, which may have been cut off.
func events(a answer) error {
	if a.status != http.StatusOK || !isStream(a.header) {
		return nil
	}
	text := string(a.body)
	for line := range strings.Lines(text[:strings.LastIndex(text, "\n")+1]) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "data:"); ok {
			line = rest
		} else if !strings.HasPrefix(line, "{") {
			continue
		}
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			return fmt.Errorf("the stream tells %q: %w", line, err)
		}
		if event["code"] != nil && event["status"] != nil {
			return fmt.Errorf("the stream ends with a problem: %s", line)
		}
	}
	return nil
}
