package server

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/telemetry"
	"toolpit/internal/tools"
)

// metricsRoute asks for a key where there are keys, but for no store, and is
// read by machines that accept something else than JSON.
const metricsRoute = "/metrics"

// series are those of all routes and tools, found by names that the process
// knows from its start.
type series struct {
	routes map[routeKey]*telemetry.Route
	others *telemetry.Route // methods and routes that there are not
	tools  map[string]*telemetry.Tool
	of     *telemetry.Metrics
}

type routeKey struct{ method, route string }

func newSeries(m *telemetry.Metrics, routes chi.Routes, infos []tools.Info) (*series, error) {
	s := &series{
		routes: map[routeKey]*telemetry.Route{}, others: m.Route("other", "none"),
		tools: map[string]*telemetry.Tool{}, of: m,
	}
	err := chi.Walk(routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		s.routes[routeKey{method, route}] = m.Route(method, route)
		if method == http.MethodGet {
			s.routes[routeKey{http.MethodHead, route}] = m.Route(http.MethodHead, route)
		}
		return nil
	})
	for _, info := range infos {
		s.tools[info.Name] = m.Tool(info.Name)
	}
	return s, err
}

// answered counts a request and what went wrong with it.
func (s *series) answered(x *exchange, took time.Duration) {
	route, ok := s.routes[routeKey{x.request.Method, x.request.Pattern}]
	if !ok {
		route = s.others
	}
	route.Answered(x.status, took)
	if x.fault != nil {
		s.of.Problem(x.fault.Code)
	}
}

// executed counts an execution.
func (s *series) executed(tool string, replayed bool, d time.Duration, err error) {
	outcome := telemetry.OK
	if err != nil {
		e := fault.From(err)
		outcome = telemetry.Refused
		if kindOf(e.Code).statusFor(e) >= http.StatusInternalServerError {
			outcome = telemetry.Failed
		}
	}
	if t := s.tools[tool]; t != nil {
		t.Executed(outcome, replayed, d)
	}
}

// watched counts what a stream of changes has delivered. Those that only move
// a position are no events to the caller.
func (s *series) watched(events []event) {
	told, gaps := 0, 0
	for _, e := range events {
		if e.kind != "" {
			told++
		}
		if e.kind == gapEvent {
			gaps++
		}
	}
	s.of.Watched(told, gaps)
}

// GetMetrics is never called: edge answers it.
func (s *service) GetMetrics(context.Context, api.GetMetricsRequestObject) (api.GetMetricsResponseObject, error) {
	return nil, fault.New(fault.Internal, "")
}

// GetMetrics serves the series in the one format that is documented, whatever
// else the scraper would take.
func (e *edge) GetMetrics(w http.ResponseWriter, r *http.Request) {
	plain := r.Clone(r.Context())
	plain.Header = http.Header{}
	e.service.scrape.ServeHTTP(w, plain)
}
