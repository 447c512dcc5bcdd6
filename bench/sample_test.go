package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/bench/load"
)

func TestNewSample(t *testing.T) {
	got := newSample(load.Report{
		Requests: 1000, Elapsed: 2 * time.Second, P50: time.Millisecond, P99: 5 * time.Millisecond, Answered: 1200,
		Usage: load.Usage{
			CPU: map[string]time.Duration{watchServer: 40 * time.Millisecond, watchRedis: 20 * time.Millisecond},
			Own: 10 * time.Millisecond, Others: time.Second, Idle: 500 * time.Millisecond, Stolen: 100 * time.Millisecond,
		},
	})
	want := sample{
		rate: 500, p50: time.Millisecond, p99: 5 * time.Millisecond,
		serverCPU: 40 * time.Microsecond, redisCPU: 20 * time.Microsecond, loadCPU: 10 * time.Microsecond,
		others: 0.5, idle: 0.25, stolen: 0.05,
	}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if busy := got.byBusy(); busy < 0.0199 || busy > 0.0201 {
		t.Errorf("busy for %v of a core, want 0.02", busy)
	}
}

func TestDisturbance(t *testing.T) {
	quiet := series{1: {"a": {{others: 0.01}, {stolen: 0.02}}}}
	if got := disturbance(quiet); got != "" {
		t.Errorf("quiet: %q", got)
	}
	loud := series{1: {"a": {{others: 0.01}, {others: 0.5, stolen: 0.2}, {others: 0.03}}}}
	if got := disturbance(loud); !strings.HasPrefix(got, "Other processes used 0.03 (0.01–0.70) cores") {
		t.Errorf("loud: %q", got)
	}
}

func rates(all ...float64) []sample {
	var samples []sample
	for _, r := range all {
		samples = append(samples, sample{rate: r})
	}
	return samples
}

func TestMedian(t *testing.T) {
	for _, tr := range []struct {
		all  []sample
		want float64
	}{{nil, 0}, {rates(7), 7}, {rates(9, 1, 5), 5}, {rates(4, 8, 1, 2), 3}} {
		if got := median(tr.all, sample.byRate); got != tr.want {
			t.Errorf("the median of %v is %v, want %v", tr.all, got, tr.want)
		}
	}
}

// Ratios are taken round by round: the second round was slow for both.
func TestCompare(t *testing.T) {
	got := compare(rates(20, 5, 30), rates(10, 5, 10), sample.byRate)
	if want := (ratio{2, 1, 3}); got != want || got.String() != "2.00 (1.00–3.00)" {
		t.Errorf("%v, want %v", got, want)
	}
	if got := compare(rates(4, 4), rates(2, 2), sample.byRate).over(2); got != (ratio{1, 1, 1}) {
		t.Errorf("half of 2 is %v", got)
	}
	// What was not measured is not compared.
	if got := compare(rates(1), rates(1), sample.byServerCPU); got.String() != nothing {
		t.Errorf("%v of nothing", got)
	}
}

func TestTakeTurns(t *testing.T) {
	var order []string
	one := func(name string) entrant {
		return entrant{name, func(_ context.Context, conns int) (sample, error) {
			order = append(order, name)
			return sample{rate: float64(conns)}, nil
		}}
	}
	p := plan{rounds: 2, conns: []int{1, 8}, note: t.Logf}
	got, err := takeTurns(t.Context(), p, "test", []entrant{one("a"), one("b")})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff("a b a b b a b a", strings.Join(order, " ")); d != "" {
		t.Errorf("order (-want +got):\n%s", d)
	}
	for _, conns := range p.conns {
		for _, name := range []string{"a", "b"} {
			if s := got[conns][name]; len(s) != 2 || s[0].rate != float64(conns) || s[1].rate != float64(conns) {
				t.Errorf("%s at %d: %v", name, conns, s)
			}
		}
	}
}

func TestParseRedisBenchmark(t *testing.T) {
	const head = `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"` + "\n"
	got, err := parseRedisBenchmark(head + `"EVALSHA 0a 1 k f 1","80000.50","0.100","0.050","0.200","0.300","0.400","0.500"`)
	if want := (sample{rate: 80000.5, p50: 200 * time.Microsecond, p99: 400 * time.Microsecond}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, text := range []string{"", head, head + `"a","b"`, head + `"x","y","0","0","0","0","0","0"`, "WARNING: no script"} {
		if s, err := parseRedisBenchmark(text); err == nil {
			t.Errorf("%q: %+v", text, s)
		}
	}
}

func TestTable(t *testing.T) {
	fast := sample{rate: 2000, p50: time.Millisecond, p99: 2 * time.Millisecond, serverCPU: 20 * time.Microsecond, loadCPU: time.Microsecond}
	slow := fast
	slow.rate, slow.serverCPU = 1000, 40*time.Microsecond
	var out strings.Builder
	table{
		title: "Title", conns: []int{8}, entrants: []string{"fast", "slow"},
		results: series{8: {"fast": {fast, fast}, "slow": {slow, slow}}},
	}.print(&out)
	want := `
Title
  conns  server  req/s  p50 ms  p99 ms  busy  server µs  load µs           × req/s             × p99       × server µs
      8    fast   2000    1.00    2.00  0.04       20.0      1.0                 -                 -                 -
      8    slow   1000    1.00    2.00  0.04       40.0      1.0  0.50 (0.50–0.50)  1.00 (1.00–1.00)  2.00 (2.00–2.00)
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
}
