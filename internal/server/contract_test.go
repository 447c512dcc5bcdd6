package server_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/go-chi/chi/v5"

	"toolpit/api"
	"toolpit/internal/fault"
)

// contract checks every response that passes through it against openapi.yaml.
type contract struct {
	t      testing.TB
	doc    *openapi3.T
	router routers.Router
	next   http.RoundTripper
}

// document loads openapi.yaml once.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder)
	openapi3filter.RegisterBodyDecoder("application/x-npy", openapi3filter.FileBodyDecoder)
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec())
	if err == nil {
		doc.Servers = nil // any host will do
	}
	return doc, err
})

func newContract(t testing.TB, next http.RoundTripper) *contract {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Fatalf("loading openapi.yaml: %v", err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatalf("routing openapi.yaml: %v", err)
	}
	return &contract{t: t, doc: doc, router: router, next: next}
}

// RoundTrip passes the request on and checks what comes back.
func (c *contract) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if media := res.Header.Get("Content-Type"); media == "text/event-stream" || media == "application/x-ndjson" {
		if err := c.check(req, res, nil); err != nil { // its body has no end
			c.t.Errorf("%s %s: the stream breaks the contract: %v", req.Method, req.URL, err)
		}
		return res, nil
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	if err := c.check(req, res, body); err != nil {
		c.t.Errorf("%s %s: the response breaks the contract: %v\n%d %s", req.Method, req.URL, err, res.StatusCode, body)
	}
	return res, nil
}

func (c *contract) check(req *http.Request, res *http.Response, body []byte) error {
	if res.Header.Get("X-Request-Id") == "" {
		return errors.New("no X-Request-Id")
	}
	if strings.HasPrefix(req.URL.Path, "/docs/") && req.URL.Path != "/docs/errors" && res.StatusCode == http.StatusOK {
		return nil // a file of Swagger UI
	}
	described := req
	if req.Method == http.MethodHead { // every GET may be asked for its headers only
		described = req.Clone(req.Context())
		described.Method = http.MethodGet
	}
	route, parameters, err := c.router.FindRoute(described)
	if err != nil { // no such route or method: the default response of any will do
		route, parameters = &routers.Route{
			Spec: c.doc, Operation: &openapi3.Operation{Responses: openapi3.NewResponses(openapi3.WithStatus(res.StatusCode, c.doc.Components.Responses["Problem"]))},
		}, nil
	}
	if err := declared(route, res); err != nil {
		return err
	}
	return openapi3filter.ValidateResponse(req.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: parameters, Route: route},
		Status:                 res.StatusCode,
		Header:                 res.Header,
		Body:                   io.NopCloser(bytes.NewReader(body)),
		Options:                &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, ExcludeResponseBody: body == nil},
	})
}

// declared checks what the library does not: that a response has none of the
// document's headers which it does not declare, and no body at all where none
// is declared.
func declared(route *routers.Route, res *http.Response) error {
	ref := route.Operation.Responses.Status(res.StatusCode)
	if ref == nil {
		ref = route.Operation.Responses.Default()
	}
	for name := range route.Spec.Components.Headers {
		if name == "Cache-Control" {
			continue // also says no-store, which needs no documentation
		}
		if res.Header.Get(name) != "" && ref.Value.Headers[name] == nil {
			return errors.New("the header " + name + " is not declared")
		}
	}
	if len(ref.Value.Content) == 0 && res.Header.Get("Content-Type") != "" {
		return errors.New("a body is not declared")
	}
	return nil
}

func TestRoutesAreThoseOfTheDocument(t *testing.T) {
	s := start(t)
	var got, want []string
	routes := s.handler.(chi.Routes)
	if err := chi.Walk(routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if route != "/docs/*" { // Swagger UI's files
			got = append(got, method+" "+route)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			want = append(want, method+" "+path)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("routes:\n%s\nthe document has:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCodesAreThoseOfTheDocument(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, code := range fault.Codes() {
		got = append(got, string(code))
	}
	for _, code := range doc.Components.Schemas["ErrorCode"].Value.Enum {
		want = append(want, code.(string))
	}
	if !slices.Equal(got, want) {
		t.Errorf("fault.Codes:\n%v\nthe document has:\n%v", got, want)
	}
}
