package telemetry

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"toolpit/internal/fault"
)

// Route has the series of one method of one route.
type Route struct {
	requests *prometheus.CounterVec
	method   string
	route    string
	times    prometheus.Observer
	statuses [statuses]atomic.Pointer[prometheus.Counter] // made when a status first occurs
}

// Statuses are counted from firstStatus on; others do not exist.
const (
	firstStatus = 100
	statuses    = 500
)

// Route returns the series of a method of a route template.
func (m *Metrics) Route(method, route string) *Route {
	return &Route{requests: m.requests, method: method, route: route, times: m.requestTimes.WithLabelValues(method, route)}
}

// Answered counts a request.
func (r *Route) Answered(status int, d time.Duration) {
	r.times.Observe(seconds(d))
	i := status - firstStatus
	if i < 0 || i >= statuses {
		return // nothing was sent
	}
	c := r.statuses[i].Load()
	if c == nil {
		made := r.requests.WithLabelValues(r.method, r.route, strconv.Itoa(status))
		c = &made
		r.statuses[i].Store(c)
	}
	(*c).Inc()
}

// Tool has the series of one tool.
type Tool struct {
	ok, refused, failed prometheus.Counter
	replays             prometheus.Counter
	times               prometheus.Observer
}

// Tool returns the series of a tool.
func (m *Metrics) Tool(name string) *Tool {
	return &Tool{
		ok:      m.executions.WithLabelValues(name, "ok"),
		refused: m.executions.WithLabelValues(name, "refused"),
		failed:  m.executions.WithLabelValues(name, "failed"),
		replays: m.replays,
		times:   m.toolTimes.WithLabelValues(name),
	}
}

// Outcome says how an execution ended.
type Outcome int

// The outcomes.
const (
	OK      Outcome = iota
	Refused         // because of arguments or state
	Failed          // for reasons that the caller cannot mend
)

// Executed counts an execution; replayed says that its answer had been given
// before.
func (t *Tool) Executed(o Outcome, replayed bool, d time.Duration) {
	t.times.Observe(seconds(d))
	switch o {
	case OK:
		t.ok.Inc()
	case Refused:
		t.refused.Inc()
	case Failed:
		t.failed.Inc()
	}
	if replayed {
		t.replays.Inc()
	}
}

// Operation has the series of one operation of the store.
type Operation struct {
	ok, refused, unavailable, unknown, failed prometheus.Counter
	times                                     prometheus.Observer
}

// Operation returns the series of an operation of the store.
func (m *Metrics) Operation(name string) *Operation {
	outcome := func(o string) prometheus.Counter { return m.operations.WithLabelValues(name, o) }
	return &Operation{
		ok: outcome("ok"), refused: outcome("refused"), unavailable: outcome("unavailable"),
		unknown: outcome("unknown"), failed: outcome("failed"), times: m.storeTimes.WithLabelValues(name),
	}
}

// Ended counts an operation; err is what it returned.
func (o *Operation) Ended(err error, d time.Duration) {
	o.times.Observe(seconds(d))
	if err == nil {
		o.ok.Inc()
		return
	}
	switch fault.CodeOf(err) {
	case fault.OutcomeUnknown, fault.DurabilityNotReached:
		o.unknown.Inc()
	case fault.StoreUnavailable, fault.StoreFull:
		o.unavailable.Inc()
	case fault.Internal, fault.Cancelled, fault.DeadlineExceeded:
		o.failed.Inc()
	default:
		o.refused.Inc()
	}
}

// Lane is how busy one lane of executions is.
type Lane struct {
	Name                string
	Capacity            int
	Running, Queued     int
	Rejected, Completed int64
}

// lanes reads the lanes when it is scraped.
type lanes struct {
	read                                           func() []Lane
	capacity, running, queued, rejected, completed *prometheus.Desc
}

// Lanes adds the series of the lanes that read returns.
func (m *Metrics) Lanes(read func() []Lane) {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, []string{"lane"}, nil) }
	m.registry.MustRegister(&lanes{
		read:      read,
		capacity:  desc("toolpit_lane_capacity", "Executions that may run at the same time."),
		running:   desc("toolpit_lane_running", "Executions that run."),
		queued:    desc("toolpit_lane_queued", "Executions that wait for a slot."),
		rejected:  desc("toolpit_lane_rejected_total", "Executions refused because the queue was full."),
		completed: desc("toolpit_lane_completed_total", "Executions that left their slot."),
	})
}

// Describe implements prometheus.Collector.
func (l *lanes) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.capacity, l.running, l.queued, l.rejected, l.completed} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (l *lanes) Collect(out chan<- prometheus.Metric) {
	for _, lane := range l.read() {
		gauge := func(d *prometheus.Desc, n int) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), lane.Name)
		}
		counter := func(d *prometheus.Desc, n int64) {
			out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), lane.Name)
		}
		gauge(l.capacity, lane.Capacity)
		gauge(l.running, lane.Running)
		gauge(l.queued, lane.Queued)
		counter(l.rejected, lane.Rejected)
		counter(l.completed, lane.Completed)
	}
}
