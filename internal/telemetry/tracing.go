package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"toolpit/internal/fault"
)

// TracingConfig says where spans go.
type TracingConfig struct {
	Endpoint string  // URL of an OTLP/HTTP collector, such as http://localhost:4318
	Sample   float64 // share of requests to trace that come without a decision
	Version  string
	Replica  string
	Metrics  *Metrics     // counts the batches that got lost
	Log      *slog.Logger // is told when the collector begins to refuse spans
}

// Tracing makes spans and sends them to a collector, in the background. A
// collector that is down costs spans, never requests. nil makes none.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	w3c      propagation.TraceContext
}

const (
	exportTime  = 5 * time.Second // for one batch of spans
	spansQueued = 4096            // more are dropped
)

// NewTracing makes spans that go to cfg.Endpoint. Close it. Errors: an endpoint
// that is no http or https URL.
func NewTracing(ctx context.Context, cfg TracingConfig) (*Tracing, error) {
	u, err := url.Parse(cfg.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("the OTLP endpoint %q is no http or https URL", cfg.Endpoint)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(u.String()), otlptracehttp.WithTimeout(exportTime),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}))
	if err != nil {
		return nil, fmt.Errorf("the OTLP exporter: %w", err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.Sample))),
		sdktrace.WithBatcher(&lossy{SpanExporter: exporter, metrics: cfg.Metrics, log: cfg.Log}, sdktrace.WithMaxQueueSize(spansQueued), sdktrace.WithExportTimeout(exportTime)),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "toolpit"),
			attribute.String("service.version", cfg.Version),
			attribute.String("service.instance.id", cfg.Replica),
		)))
	return &Tracing{provider: provider, tracer: provider.Tracer("toolpit")}, nil
}

// lossy is an exporter that keeps its failures from the SDK, which would print
// each of them. It is used by one goroutine.
type lossy struct {
	sdktrace.SpanExporter
	metrics *Metrics
	log     *slog.Logger
	failing bool
}

// ExportSpans implements sdktrace.SpanExporter.
func (l *lossy) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := l.SpanExporter.ExportSpans(ctx, spans)
	if err != nil {
		l.metrics.spansLost.Add(float64(len(spans)))
		if !l.failing {
			l.log.WarnContext(ctx, "The collector does not take spans; they are dropped until it does.", slog.Any("error", err))
		}
	}
	l.failing = err != nil
	return nil
}

// Close sends what is left, and gives up when ctx ends.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Request begins the span of a request, whose parent its headers may name. The
// caller names the span once the route is known.
func (t *Tracing) Request(ctx context.Context, h http.Header) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	ctx = t.w3c.Extract(ctx, propagation.HeaderCarrier(h))
	ctx, span := t.tracer.Start(ctx, "HTTP", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, &Span{span}
}

// Within begins a span inside the one that ctx carries. It returns nil when
// there is none to be recorded.
func (t *Tracing) Within(ctx context.Context, name string, kind trace.SpanKind) (context.Context, *Span) {
	if t == nil || !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, nil
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(kind))
	return ctx, &Span{span}
}

// The kinds of spans inside a request's: work of this process, and a request
// to another.
const (
	Inside  = trace.SpanKindInternal
	Outside = trace.SpanKindClient
)

// Span is one step of a trace. Every method does nothing on nil.
type Span struct{ span trace.Span }

// Recorded tells whether anybody will see the span.
func (s *Span) Recorded() bool { return s != nil && s.span.IsRecording() }

// TraceID returns the id of the whole trace in hexadecimal, "" for nil.
func (s *Span) TraceID() string {
	if s == nil {
		return ""
	}
	return s.span.SpanContext().TraceID().String()
}

// TraceParent returns the span in the form of the W3C header of that name, ""
// for nil.
func (s *Span) TraceParent() string {
	if s == nil {
		return ""
	}
	c := s.span.SpanContext()
	return fmt.Sprintf("00-%s-%s-%s", c.TraceID(), c.SpanID(), c.TraceFlags())
}

// Route names the span of a request.
func (s *Span) Route(method, route string, status int) {
	if !s.Recorded() {
		return
	}
	if route == "" {
		s.span.SetName(method)
	} else {
		s.span.SetName(method + " " + route)
	}
	s.span.SetAttributes(
		attribute.String("http.request.method", method),
		attribute.String("http.route", route),
		attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		s.span.SetStatus(codes.Error, "")
	}
}

// Execution adds what is executed.
func (s *Span) Execution(tool, execution string) {
	if s.Recorded() {
		s.span.SetAttributes(attribute.String("toolpit.tool", tool), attribute.String("toolpit.execution_id", execution))
	}
}

// End ends the span; err is what its step returned.
func (s *Span) End(err error) {
	if s == nil {
		return
	}
	if err != nil && s.span.IsRecording() {
		code := fault.CodeOf(err)
		s.span.SetAttributes(attribute.String("error.type", string(code)))
		s.span.SetStatus(codes.Error, string(code))
	}
	s.span.End()
}
