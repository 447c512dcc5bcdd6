package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// table is what taking turns came to. The others are compared with the first.
type table struct {
	title    string
	conns    []int
	entrants []string
	results  series
}

func newTable(ctx context.Context, p plan, where string, m mode, entrants []entrant) (table, error) {
	t := table{title: "increment_counter on " + where + ", " + m.describe(), conns: p.conns}
	for _, e := range entrants {
		t.entrants = append(t.entrants, e.name)
	}
	var err error
	t.results, err = takeTurns(ctx, p, where+", "+string(m), entrants)
	return t, err
}

// legend explains the columns.
func (t table) legend() string {
	return `
req/s, p50, p99   answered with 200 in the window, medians over the rounds; a request lasts from its first byte out to its answer's last byte in
busy              how much of a core the server was running on
server, Redis,    CPU time a request of the server, of Redis and of the load generator, user and kernel, from /proc/PID/stat before and
load µs           after the window, in units of 10 ms
× …               divided by the first server's in the same round: median (least–most) over the rounds
Every keyed request has a fresh Idempotency-Key. After each window the counter stood at exactly as many as were answered.
Toolpit runs with its defaults and writes its access log to a file. redis-benchmark calls the floor's script from where the
servers are, and its figures are its own.
`
}

// column shows one figure of a row. base are the first entrant's samples of the
// same rounds.
type column struct {
	head string
	cell func(row, base []sample) string
}

func medianOf(of func(sample) float64, show func(float64) string) func(row, base []sample) string {
	return func(row, _ []sample) string { return show(median(row, of)) }
}

func ratioOf(of func(sample) float64) func(row, base []sample) string {
	return func(row, base []sample) string {
		if &row[0] == &base[0] {
			return nothing
		}
		return compare(row, base, of).String()
	}
}

func columns() []column {
	return []column{
		{"req/s", medianOf(sample.byRate, whole)},
		{"p50 ms", medianOf(sample.byP50, ms)},
		{"p99 ms", medianOf(sample.byP99, ms)},
		{"busy", medianOf(sample.byBusy, number)},
		{"server µs", medianOf(sample.byServerCPU, us)},
		{"Redis µs", medianOf(sample.byRedisCPU, us)},
		{"load µs", medianOf(sample.byLoadCPU, us)},
		{"× req/s", ratioOf(sample.byRate)},
		{"× p99", ratioOf(sample.byP99)},
		{"× server µs", ratioOf(sample.byServerCPU)},
		{"× Redis µs", ratioOf(sample.byRedisCPU)},
	}
}

// print prints the table, without the columns that have no figure.
func (t table) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n", t.title)
	lines := [][]string{}
	for _, conns := range t.conns {
		for _, name := range t.entrants {
			lines = append(lines, []string{strconv.Itoa(conns), name})
		}
	}
	heads := []string{"conns", "server"}
	for _, c := range columns() {
		cells, found := make([]string, len(lines)), false
		for i := range lines {
			results := t.results[t.conns[i/len(t.entrants)]]
			cells[i] = c.cell(results[t.entrants[i%len(t.entrants)]], results[t.entrants[0]])
			found = found || cells[i] != nothing
		}
		if !found {
			continue
		}
		heads = append(heads, c.head)
		for i, cell := range cells {
			lines[i] = append(lines[i], cell)
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, line := range append([][]string{heads}, lines...) {
		fmt.Fprintln(w, strings.Join(line, "\t")+"\t")
	}
	_ = w.Flush() // to a terminal
	fmt.Fprint(out, disturbance(t.results))
}

// nothing is shown where there was nothing to measure.
const nothing = "-"

// ms and us show nanoseconds, number and whole plain figures. 0 was not
// measured.
func ms(ns float64) string { return figure("%.2f", ns/float64(time.Millisecond)) }

func us(ns float64) string { return figure("%.1f", ns/float64(time.Microsecond)) }

func number(n float64) string { return figure("%.2f", n) }

func whole(n float64) string { return figure("%.0f", n) }

func figure(format string, n float64) string {
	if n == 0 {
		return nothing
	}
	return fmt.Sprintf(format, n)
}

// String prints the median with the least and the most of all rounds.
func (r ratio) String() string {
	if r == (ratio{}) {
		return nothing
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", r.median, r.min, r.max)
}
