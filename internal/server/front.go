package server

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"toolpit/internal/fault"
)

// strictPolicy forbids a browser to do anything with an answer; pages bring
// their own.
const strictPolicy = "default-src 'none'; frame-ancestors 'none'"

// front is the outermost layer: whatever happens behind it ends in an answer
// with an id and in one line of the log.
func (s *service) front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := newExchange(w, r)
		h := w.Header()
		h["X-Request-Id"] = x.ids[:]
		for _, always := range headersOfAll {
			h[always.name] = always.values
		}
		defer s.conclude(x)
		defer recovered(x)
		x.expects()
		if s.tracing != nil {
			s.trace(x)
		}
		if id, ok := executesInSession(r); ok {
			s.executeInSession(x, id)
			return
		}
		x.enter()
		if r.ContentLength == 0 {
			x.hasBody()
		}
		next.ServeHTTP(x, x.request)
	})
}

// routed notes the router's copy of the request: it is the one that learns its
// route.
func routed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		exchangeOf(r.Context()).request = r
		next.ServeHTTP(w, r)
	})
}

// headersOfAll are what every answer says, under their canonical names.
var headersOfAll = [...]struct {
	name   string
	values []string
}{
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"Content-Security-Policy", []string{strictPolicy}},
	{"Cache-Control", []string{"no-store"}},
}

// recovered makes an answer of a panic.
func recovered(x *exchange) {
	p := recover()
	switch {
	case p == nil:
		return
	case p == http.ErrAbortHandler: // somebody's way to say: close the connection
		panic(p)
	}
	x.stack = debug.Stack()
	begun := x.status != 0
	fail(x, x.request, fault.New(fault.Internal, "").Because(&crash{p}))
	if begun {
		panic(http.ErrAbortHandler) // half an answer must not look like a whole one
	}
}

// crash is a panic as an error.
type crash struct{ value any }

func (c *crash) Error() string {
	if err, ok := c.value.(error); ok {
		return "panic: " + err.Error()
	}
	if text, ok := c.value.(string); ok {
		return "panic: " + text
	}
	return "panic"
}

// trace begins the span of a request, and says in the answer which it is.
func (s *service) trace(x *exchange) {
	var ctx context.Context
	ctx, x.span = s.tracing.Request(x.request.Context(), x.request.Header)
	x.request = x.request.WithContext(ctx)
	x.Header().Set("Traceparent", x.span.TraceParent())
}

// conclude ends what belongs to the request as a whole: its span, its count,
// its line in the log.
func (s *service) conclude(x *exchange) {
	took := x.age()
	s.series.answered(x, took)
	if x.span != nil {
		x.span.Route(x.request.Method, x.request.Pattern, x.status)
		x.span.Execution(x.tool, x.execution)
		x.span.End(x.failure())
	}
	s.record(x, took)
}

// record writes the request's line of the log.
func (s *service) record(x *exchange, took time.Duration) {
	level := x.level()
	ctx := x.request.Context()
	if !s.log.Enabled(ctx, level) {
		return
	}
	if s.access != nil && level == slog.LevelInfo {
		s.access.add(x, took)
		return
	}
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("method", x.request.Method),
		slog.String("route", x.request.Pattern),
		slog.String("path", x.request.URL.Path),
		slog.Int("status", x.status),
		slog.Int64("bytes", x.bytes),
		slog.Float64("duration_ms", inMilliseconds(took)),
		slog.String("request_id", x.id),
		slog.String("remote", remoteHost(x.request.RemoteAddr)),
	)
	for _, a := range []slog.Attr{
		slog.String("owner", x.owner), slog.String("tool", x.tool), slog.String("execution_id", x.execution),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	if x.replayed {
		attrs = append(attrs, slog.Bool("replayed", true))
	}
	if x.fault != nil {
		attrs = append(attrs, slog.String("code", string(x.fault.Code)))
		// The cause of a refusal may quote what was refused. The status of a
		// stream is older than what went wrong in it.
		if x.fault.Err != nil && kindOf(x.fault.Code).statusFor(x.fault) >= http.StatusInternalServerError {
			attrs = append(attrs, slog.String("error", x.fault.Err.Error()))
		}
	}
	if x.span.Recorded() {
		attrs = append(attrs, slog.String("trace_id", x.span.TraceID()))
	}
	if x.stack != nil {
		attrs = append(attrs, slog.String("stack", string(x.stack)))
	}
	s.log.LogAttrs(ctx, level, "request", attrs...)
}

// failure is the fault of an answer that failed for reasons of ours.
func (x *exchange) failure() error {
	if x.fault == nil || x.status < http.StatusInternalServerError {
		return nil
	}
	return x.fault
}

// level is how much the line matters: probes are noise, failures of ours are
// errors.
func (x *exchange) level() slog.Level {
	switch {
	case x.fault != nil && (x.fault.Code == fault.Internal || x.fault.Code == fault.ToolPanic):
		return slog.LevelError
	case x.status >= http.StatusInternalServerError && !probes(x.request.Pattern):
		return slog.LevelWarn
	case probes(x.request.Pattern):
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

// inMilliseconds keeps three decimals.
func inMilliseconds(d time.Duration) float64 { return float64(d.Round(time.Microsecond)) / 1e6 }
