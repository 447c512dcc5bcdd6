package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"toolpit/bench/load"
)

// tensorReport is what compareTensors measured.
type tensorReport struct {
	results                        series
	before, peak                   uint64 // bytes of the replica in memory
	alone, besideRaw, besideTensor load.Histogram
	slice                          load.Histogram
}

// print prints the tables.
func (r tensorReport) print(out io.Writer) {
	fmt.Fprintf(out, "\nTensors of f64 over HTTP, beside keys of 1 MiB in the same Redis (unpinned)\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "MiB\t\traw MB/s\tfloor MB/s\ttoolpit MB/s\tfloor × raw\ttoolpit × raw\ttoolpit × floor\t")
	for _, size := range []int{smallMiB, largeMiB} {
		for _, row := range []struct{ way, raw, floor, toolpit string }{
			{"in", rawIn, floorIn, toolpitIn}, {"in, raw over old keys", rawAgain, floorIn, toolpitIn}, {"out", rawOut, floorOut, toolpitOut},
		} {
			raw, floor, own := r.results[size][row.raw], r.results[size][row.floor], r.results[size][row.toolpit]
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", size, row.way,
				whole(median(raw, sample.byRate)), whole(median(floor, sample.byRate)), whole(median(own, sample.byRate)),
				compare(floor, raw, sample.byRate), compare(own, raw, sample.byRate), compare(own, floor, sample.byRate))
		}
	}
	_ = w.Flush() // to a terminal
	fmt.Fprintf(out, "The replica had %d MiB in memory before all of them, and at most %d MiB: %+d MiB.\n",
		r.before/mebi, r.peak/mebi, (int64(r.peak)-int64(r.before))/mebi) //nolint:gosec // no machine has that much memory
	fmt.Fprintf(out, "\nIncrements at %d a second through the same replica, %d MiB moved meanwhile\n", time.Second/neighbourEvery, largeMiB)
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "beside\tcalls\tp50 ms\tp99 ms\tp99.9 ms\t× p99.9\t")
	for _, row := range []struct {
		name string
		took load.Histogram
	}{{"nothing", r.alone}, {"raw keys", r.besideRaw}, {"tensors", r.besideTensor}} {
		p999 := row.took.Percentile(99.9)
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%.2f\t\n", row.name, row.took.Count(), ms(float64(row.took.Percentile(50))),
			ms(float64(row.took.Percentile(99))), ms(float64(p999)), float64(p999)/float64(r.besideRaw.Percentile(99.9)))
	}
	_ = w.Flush() // to a terminal
	fmt.Fprintf(out, "\nTen rows of %d MiB, %d times: p50 %s ms, p99 %s ms\n", largeMiB, r.slice.Count(),
		ms(float64(r.slice.Percentile(50))), ms(float64(r.slice.Percentile(99))))
}

// legend explains the columns.
func (r tensorReport) legend() string {
	return `
Tensors go over one connection, a piece of 1 MiB at a time; raw keys too, with SET and GET and the next command on its way while one
is answered. Either time is that of the client, from the first byte out to the last byte in. What is written is always new, in
keys and tensors that were not there before, so that Redis takes new memory for either; over old keys it has the memory already.
The floor moves the same bytes between its body and raw keys, with the same HTTP server and Redis client and nothing else: what is
beyond it no server in between can reach. × is taken within a round. Increments are an open loop: they last from when they were due. Their × is to those beside raw keys.
`
}
