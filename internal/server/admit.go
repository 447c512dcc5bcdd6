package server

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"toolpit/internal/fault"
)

// open tells whether a route asks for nothing: no key, no rate, no store.
func open(route string) bool {
	switch route {
	case "/docs", "/docs/errors", assetRoute, "/openapi.json", "/openapi.yaml":
		return true
	default:
		return route == "/livez" || route == "/readyz"
	}
}

// probes tells whether a route is there for machines that ask all the time.
func probes(route string) bool {
	return route == "/livez" || route == "/readyz" || route == metricsRoute
}

// admit decides whether a request that found its route gets there.
func (s *service) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		var err error
		switch {
		case r.Pattern == metricsRoute:
			x.owner, err = s.keys.authenticate(r.Header)
		case !open(r.Pattern):
			err = s.admitted(x)
		}
		if err != nil {
			fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// admitted identifies the owner and checks everything that does not depend on
// the route. Errors: Forbidden, Unauthenticated, RateLimited, StoreUnavailable,
// NotAcceptable.
func (s *service) admitted(x *exchange) (err error) {
	h := x.request.Header
	// Without keys nobody is asked who they are, so a page of any site could
	// use this service through its visitor's browser.
	if err := s.origins.Check(x.request); err != nil {
		return fault.New(fault.Forbidden, "Another site's page may not change anything here.").Because(err)
	}
	if x.owner, err = s.keys.authenticate(h); err != nil {
		return err
	}
	if err := s.rates.allow(x.owner, x.start); err != nil {
		return err
	}
	if err := s.gate(); err != nil {
		return err
	}
	if x.request.Method == http.MethodDelete || x.request.Pattern == watchRoute {
		return nil // its answer has no body, or is a stream
	}
	if readsTensor(x.request) {
		return nil // it has forms of its own
	}
	return acceptsJSON(h)
}

// routeNotFound answers for paths that nothing has.
func routeNotFound(w http.ResponseWriter, r *http.Request) {
	fail(w, r, fault.New(fault.RouteNotFound, "There is no such route; GET / lists what there is."))
}

// methodNotAllowed answers for methods that a path does not have.
func methodNotAllowed(routes chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.RawPath // as the router sees it
		if path == "" {
			path = r.URL.Path
		}
		var allow []string
		for _, method := range []string{
			http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		} {
			if routes.Match(chi.NewRouteContext(), method, path) {
				allow = append(allow, method)
				if method == http.MethodGet {
					allow = append(allow, http.MethodHead)
				}
			}
		}
		if len(allow) == 0 { // the method is one that the router does not know
			routeNotFound(w, r)
			return
		}
		e := fault.Newf(fault.MethodNotAllowed, "%s is not among the methods of this route.", r.Method)
		e.Facts.Allow = allow
		fail(w, r, e)
	}
}
