package app_test

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"toolpit/internal/app"
)

// run starts a replica and returns its URL and what stops it.
func run(t *testing.T, change func(*app.Config)) (url string, stop func()) {
	t.Helper()
	cfg := config(t)
	change(&cfg)
	a, err := app.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	url = "http://" + a.Addr()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for status := 0; status != http.StatusOK; <-tick.C {
		status, _ = ask(t, url, http.MethodGet, "/readyz", "", nil)
	}
	return url, stop
}

func ask(t *testing.T, url, method, path, body string, header map[string]string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// metric is what is known of a series, from its documentation or from a scrape.
type metric struct {
	Type   string
	Labels []string
}

func documentedMetrics(t *testing.T) map[string]metric {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(toolpit_[a-z_]+)` \\| ([a-z]+) \\| ([a-z_, ]*)\\|")
	found := map[string]metric{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		var labels []string
		if list := strings.TrimSpace(m[3]); list != "" {
			labels = strings.Split(list, ", ")
		}
		slices.Sort(labels)
		found[m[1]] = metric{m[2], labels}
	}
	return found
}

func scrapedMetrics(text string) map[string]metric {
	found := map[string]metric{}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "# TYPE toolpit_"); ok {
			name, typ, _ := strings.Cut(strings.TrimSpace(rest), " ")
			found["toolpit_"+name] = metric{Type: typ}
		}
	}
	sample := regexp.MustCompile(`(?m)^(toolpit_[a-z_]+)(?:\{(.*)\})? `)
	label := regexp.MustCompile(`([a-z_]+)="`)
	for _, m := range sample.FindAllStringSubmatch(text, -1) {
		name := m[1]
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if short := strings.TrimSuffix(name, suffix); found[short].Type == "histogram" {
				name = short
			}
		}
		var labels []string
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" {
				labels = append(labels, l[1])
			}
		}
		slices.Sort(labels)
		found[name] = metric{found[name].Type, labels}
	}
	return found
}

func TestMetricsAreThoseDocumented(t *testing.T) {
	url, stop := run(t, func(*app.Config) {})
	defer stop()
	increment := `{"tool":"increment_counter"}`
	key := map[string]string{"Idempotency-Key": "k"}
	for _, r := range []struct {
		status             int
		method, path, body string
		header             map[string]string
	}{
		{201, "POST", "/sessions", `{"id":"visitor"}`, nil},
		{409, "POST", "/sessions", `{"id":"visitor"}`, nil},
		{200, "POST", "/sessions/visitor/execute", increment, key},
		{200, "POST", "/sessions/visitor/execute", increment, key},
		{404, "POST", "/sessions/none/execute", increment, nil},
		{422, "POST", "/sessions/visitor/execute", `{"tool":"add","arguments":{"a":"x","b":1}}`, nil},
		{200, "GET", "/sessions/visitor", "", nil},
		{404, "GET", "/not/here", "", nil},
		{405, "PUT", "/sessions", "", nil},
		{204, "DELETE", "/sessions/visitor", "", nil},
	} {
		if status, text := ask(t, url, r.method, r.path, r.body, r.header); status != r.status {
			t.Fatalf("%s %s %s: %d %s, want %d", r.method, r.path, r.body, status, text, r.status)
		}
	}
	status, text := ask(t, url, "GET", "/metrics", "", map[string]string{"Accept": "application/openmetrics-text;q=0.9,text/plain;q=0.1"})
	if status != http.StatusOK {
		t.Fatal(status, text)
	}
	documented, scraped := documentedMetrics(t), scrapedMetrics(text)
	if len(documented) == 0 {
		t.Fatal("docs/metrics.md lists no metric")
	}
	if diff := cmp.Diff(documented, scraped); diff != "" {
		t.Errorf("- documented, + scraped:\n%s", diff)
	}
	for _, want := range []string{
		`toolpit_http_requests_total{method="POST",route="/sessions/{id}/execute",status="200"} 2`,
		`toolpit_http_requests_total{method="other",route="none",status="404"} 1`,
		`toolpit_executions_total{outcome="ok",tool="increment_counter"} 2`,
		`toolpit_executions_total{outcome="refused",tool="increment_counter"} 1`,
		`toolpit_execution_duration_seconds_count{tool="increment_counter"} 3`,
		`toolpit_replays_total 1`,
		`toolpit_problems_total{code="SESSION_EXISTS"} 1`,
		`toolpit_store_operations_total{operation="apply",outcome="ok"} 2`,
		`toolpit_store_operations_total{operation="apply",outcome="refused"} 1`,
		`toolpit_sessions_created_total 1`,
		`toolpit_sessions_deleted_total 1`,
		`toolpit_ready 1`,
		`toolpit_lane_completed_total{lane="light"} 3`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no line %s", want)
		}
	}
	for _, private := range []string{"visitor", "not/here"} {
		if strings.Contains(text, private) {
			t.Errorf("a label holds %q, which a caller chose", private)
		}
	}
}

// spans receives what an exporter sends.
func spans(t *testing.T) (url string, received func() map[string]*trace.Span) {
	t.Helper()
	requests := make(chan *collector.ExportTraceServiceRequest, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(body)
			if err != nil {
				t.Error(err)
				return
			}
			body = unzipped
		}
		raw, err := io.ReadAll(body)
		message := &collector.ExportTraceServiceRequest{}
		if err == nil {
			err = proto.Unmarshal(raw, message)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s %v", r.URL.Path, err)
			return
		}
		requests <- message
	}))
	t.Cleanup(server.Close)
	return server.URL, func() map[string]*trace.Span {
		found := map[string]*trace.Span{}
		for len(requests) > 0 {
			for _, r := range (<-requests).GetResourceSpans() {
				for _, s := range r.GetScopeSpans() {
					for _, span := range s.GetSpans() {
						found[span.GetName()] = span
					}
				}
			}
		}
		return found
	}
}

func TestATraceGoesFromTheCallerToTheStore(t *testing.T) {
	endpoint, received := spans(t)
	url, stop := run(t, func(c *app.Config) { c.OTLPEndpoint, c.TraceSample = endpoint, 0 })
	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	ask(t, url, "POST", "/sessions", `{"id":"quiet"}`, nil) // nobody decided to record it
	parent := map[string]string{"Traceparent": "00-" + traceID + "-00f067aa0ba902b7-01"}
	ask(t, url, "POST", "/sessions", `{"id":"visitor"}`, parent)
	ask(t, url, "POST", "/sessions/visitor/execute", `{"tool":"increment_counter","arguments":{"by":41}}`, parent)
	stop() // sends what is left
	got := received()
	names := slices.Sorted(maps.Keys(got))
	want := []string{"POST /sessions", "POST /sessions/{id}/execute", "store apply", "store create", "tool increment_counter"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatalf("spans, - want, + got:\n%s", diff)
	}
	for child, parent := range map[string]string{
		"tool increment_counter": "POST /sessions/{id}/execute", "store apply": "tool increment_counter", "store create": "POST /sessions",
	} {
		if string(got[child].GetParentSpanId()) != string(got[parent].GetSpanId()) {
			t.Errorf("the parent of %q is not %q", child, parent)
		}
	}
	for name, span := range got {
		if id := hex.EncodeToString(span.GetTraceId()); id != traceID {
			t.Errorf("%q is in the trace %s", name, id)
		}
		if text := span.String(); strings.Contains(text, "41") && strings.Contains(text, `"by"`) {
			t.Errorf("%q holds arguments: %s", name, text)
		}
	}
}

func TestACollectorThatIsDownHoldsNobodyUp(t *testing.T) {
	url, stop := run(t, func(c *app.Config) { c.OTLPEndpoint, c.TraceSample = "http://127.0.0.1:1", 1 })
	defer stop()
	for range 100 {
		if status, text := ask(t, url, "POST", "/execute", `{"tool":"echo","arguments":{}}`, nil); status != http.StatusOK {
			t.Fatal(status, text)
		}
	}
}

func TestANonsensicalCollectorIsAConfigurationError(t *testing.T) {
	cfg := config(t)
	cfg.OTLPEndpoint = "collector:4318"
	if _, err := app.New(t.Context(), cfg); err == nil {
		t.Error("accepted")
	}
}
