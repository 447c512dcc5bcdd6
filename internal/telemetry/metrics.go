package telemetry

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"toolpit/internal/fault"
)

// Metrics has all series of one replica. It may be used by any number of
// goroutines; what its methods return is to be fetched once, at start.
type Metrics struct {
	registry *prometheus.Registry

	requests     *prometheus.CounterVec
	requestTimes *prometheus.HistogramVec
	executions   *prometheus.CounterVec
	toolTimes    *prometheus.HistogramVec
	replays      prometheus.Counter
	problems     map[fault.Code]prometheus.Counter
	operations   *prometheus.CounterVec
	storeTimes   *prometheus.HistogramVec
	batches      prometheus.Histogram
	retries      prometheus.Counter
	created      prometheus.Counter
	deleted      prometheus.Counter
	expired      prometheus.Counter
	watchers     prometheus.Gauge
	watchEvents  prometheus.Counter
	watchGaps    prometheus.Counter
	spansLost    prometheus.Counter
}

// Buckets of durations, in seconds: those of requests and executions reach to
// the longest time a call may ask for, those of the store to its own limit.
var (
	requestBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
	storeBuckets   = []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1.1}
	batchBuckets   = []float64{1, 2, 4, 8, 16, 32, 64, 128}
)

// NewMetrics makes the series, and those of the Go runtime and the process.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), problems: map[fault.Code]prometheus.Counter{}}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	m.requests = m.counters("toolpit_http_requests_total", "Requests answered, by route template.", "method", "route", "status")
	m.requestTimes = m.histograms("toolpit_http_request_duration_seconds", "Time from the head of a request to the end of its answer.", requestBuckets, "method", "route")
	m.executions = m.counters("toolpit_executions_total", "Executions of tools.", "tool", "outcome")
	m.toolTimes = m.histograms("toolpit_execution_duration_seconds", "Time an execution waited and ran, store calls included.", requestBuckets, "tool")
	m.replays = m.counter("toolpit_replays_total", "Answers that had been given before, under the same Idempotency-Key.")
	problems := m.counters("toolpit_problems_total", "Problems answered with, by error code.", "code")
	for _, code := range fault.Codes() {
		m.problems[code] = problems.WithLabelValues(string(code))
	}
	m.operations = m.counters("toolpit_store_operations_total", "Operations of the store.", "operation", "outcome")
	m.storeTimes = m.histograms("toolpit_store_operation_duration_seconds", "Time an operation of the store took, its retry included.", storeBuckets, "operation")
	m.batches = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "toolpit_store_batch_commands", Help: "Commands that went to Redis in one pipelined write.", Buckets: batchBuckets,
	})
	m.registry.MustRegister(m.batches)
	m.retries = m.counter("toolpit_store_retries_total", "Commands sent to Redis again because the reply was lost or the server could not serve yet.")
	m.created = m.counter("toolpit_sessions_created_total", "Sessions created.")
	m.deleted = m.counter("toolpit_sessions_deleted_total", "Sessions deleted by a request.")
	m.expired = m.counter("toolpit_sessions_expired_total", "Expired sessions whose rests this replica swept.")
	m.watchers = prometheus.NewGauge(prometheus.GaugeOpts{Name: "toolpit_watchers", Help: "Streams of changes that are open."})
	m.registry.MustRegister(m.watchers)
	m.watchEvents = m.counter("toolpit_watch_events_total", "Events that streams of changes have delivered.")
	m.watchGaps = m.counter("toolpit_watch_gaps_total", "Gaps among them: watchers were told that changes are not in the log any more.")
	m.spansLost = m.counter("toolpit_trace_spans_lost_total", "Spans that the collector did not take.")
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "toolpit_build_info", Help: "1, with what was built in the labels.",
		ConstLabels: prometheus.Labels{"version": version, "go_version": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(build)
	return m
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

// Handler serves the series in Prometheus's text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		DisableCompression: true, ErrorHandling: promhttp.HTTPErrorOnError,
	})
}

// Ready adds a gauge that asks whether the replica is ready when it is
// scraped.
func (m *Metrics) Ready(ready func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "toolpit_ready", Help: "1 while requests that need the store are let in, else 0."},
		func() float64 {
			if ready() {
				return 1
			}
			return 0
		}))
}

// Problem counts an answer that is a problem. An unknown code counts as
// fault.Internal.
func (m *Metrics) Problem(code fault.Code) {
	c, ok := m.problems[code]
	if !ok {
		c = m.problems[fault.Internal]
	}
	c.Inc()
}

// Batch counts a pipelined write of so many commands.
func (m *Metrics) Batch(commands int) { m.batches.Observe(float64(commands)) }

// Retry counts a command that is sent again.
func (m *Metrics) Retry() { m.retries.Inc() }

// Created counts a session that came to be.
func (m *Metrics) Created() { m.created.Inc() }

// Deleted counts a session that was deleted.
func (m *Metrics) Deleted() { m.deleted.Inc() }

// Expired counts sessions that were swept.
func (m *Metrics) Expired(sessions int64) { m.expired.Add(float64(sessions)) }

// WatchBegan counts a stream of changes that is open now.
func (m *Metrics) WatchBegan() { m.watchers.Inc() }

// WatchEnded takes back what WatchBegan has counted.
func (m *Metrics) WatchEnded() { m.watchers.Dec() }

// Watched counts what a stream of changes has delivered; gaps are events, too.
func (m *Metrics) Watched(events, gaps int) {
	m.watchEvents.Add(float64(events))
	m.watchGaps.Add(float64(gaps))
}

// seconds is the unit of all durations.
func seconds(d time.Duration) float64 { return d.Seconds() }
