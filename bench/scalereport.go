package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// linear is how close to n times the rate of one replica n of them must come
// for nobody to ask why.
const linear = 0.9

// scaleReport is what scale measured. conns are those of each replica.
type scaleReport struct {
	conns   []int
	how     string // the quota is kept
	results series // by the number of replicas
}

// print prints the table, and what stands in the way where it is less than
// linear.
func (r scaleReport) print(out io.Writer) {
	fmt.Fprintf(out, "\nincrement_counter on 1, 2 and 4 replicas with %.2f of a core each, one Redis, one session (%s)\n", share, r.how)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "replicas\tconns\treq/s\t÷ linear\tp50 ms\tp99 ms\tserver µs\treplicas busy\tthrottled\tRedis busy\tload busy\tothers\tidle\t")
	var verdicts []string
	for _, conns := range r.conns {
		single := r.results[conns][strconv.Itoa(1)]
		for _, n := range replicas {
			s := r.results[conns][strconv.Itoa(n)]
			of := compare(s, single, func(s sample) float64 { return s.rate }).over(float64(n))
			fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t%s\t%s\t", n, n*conns, whole(median(s, sample.byRate)), of,
				ms(median(s, sample.byP50)), ms(median(s, sample.byP99)), us(median(s, sample.byServerCPU)))
			for _, of := range []func(sample) float64{
				sample.byBusy, sample.byThrottled, sample.byRedisBusy, sample.byLoadBusy, sample.byOthers, sample.byIdle,
			} {
				fmt.Fprintf(w, "%.2f\t", median(s, of))
			}
			fmt.Fprintln(w)
			if of.median < linear {
				verdicts = append(verdicts, fmt.Sprintf("%d replicas at %d connections reach %.2f of linear. %s\n", n, n*conns, of.median, limit(n, s, single)))
			}
		}
	}
	_ = w.Flush() // to a terminal
	if len(verdicts) == 0 {
		verdicts = []string{fmt.Sprintf("Every number of replicas reaches %.1f of linear.\n", linear)}
	}
	fmt.Fprint(out, strings.Join(verdicts, ""))
}

// limit says what keeps n replicas from doing n times as much as one.
func limit(n int, s, single []sample) string {
	const full = 0.9
	var limits []string
	if busy := median(s, sample.byRedisBusy); busy >= full {
		limits = append(limits, fmt.Sprintf("Redis, one thread of which was on a core for %.2f of the time", busy))
	}
	if busy := median(s, sample.byLoadBusy); busy >= full {
		limits = append(limits, fmt.Sprintf("the load generator, which was on a core for %.2f of the time", busy))
	}
	if idle := median(s, sample.byIdle); idle < 1-full {
		limits = append(limits, fmt.Sprintf("the machine, of which only %.2f cores were idle while others used %.2f", idle, median(s, sample.byOthers)))
	}
	if len(limits) > 0 {
		return "The limit is " + strings.Join(limits, "; and ") + "."
	}
	used, quota := median(s, sample.byBusy), float64(n)*share
	dearer := median(s, sample.byServerCPU)/median(single, sample.byServerCPU) - 1
	if used >= full*quota {
		return fmt.Sprintf("Neither Redis nor the load generator nor the machine was at its limit: the replicas used their quota up (%.2f of %.2f cores), and a request took %+.0f %% of their CPU.", used, quota, 100*dearer)
	}
	return fmt.Sprintf("Neither Redis nor the load generator nor the machine was at its limit, and the replicas used only %.2f of %.2f cores: too few connections for how long requests wait.", used, quota)
}

// legend explains the columns.
func (r scaleReport) legend() string {
	return `
÷ linear          rate ÷ (replicas × the rate of one in the same round): median (least–most) over the rounds
replicas busy     cores, together; likewise Redis, the load generator, all other processes (with what the hypervisor took), and idle cores
throttled         share of the periods of 100 ms in which a replica used up its quota and had to wait for the next
p50 and p99 are those of throttled replicas: who has used up his quota answers in the next period.
`
}
