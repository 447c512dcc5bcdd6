package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// stateReport is what compareState measured.
type stateReport struct {
	callers []int
	places  []place
	results series
}

// print prints the table.
func (r stateReport) print(out io.Writer) {
	fmt.Fprintf(out, "\nA session's variable through Call.Read and Call.Apply, beside a mutex and a map in the process (unpinned)\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "callers\t\tstate in\tper second\tp50 µs\tp99 µs\ttime × mutex and map\t")
	for _, callers := range r.callers {
		for _, kind := range []string{readKind, applyKind} {
			base := r.results[callers][kind+r.places[0].name]
			for i, place := range r.places {
				s := r.results[callers][kind+place.name]
				fmt.Fprintf(w, "%d\t%s\t%s\t%.0f\t%s\t%s\t", callers, kind, place.name,
					median(s, sample.byRate), brief(median(s, sample.byP50)), brief(median(s, sample.byP99)))
				if i > 0 {
					fmt.Fprintf(w, "%.0f", 1/compare(s, base, sample.byRate).median)
				}
				fmt.Fprintln(w, "\t")
			}
		}
	}
	_ = w.Flush() // to a terminal
}

// legend explains the columns.
func (r stateReport) legend() string {
	return `
Call.Read and Call.Apply are timed inside a tool, in the process of the benchmark; all callers use one variable. A map's uses are
timed a thousand at a time. × is the time a use takes with all callers at work (callers ÷ rate), as a multiple of the map's.
What a session's variable has in return: it survives the process, any replica may use it, and no change is lost or made twice.
`
}

// brief prints nanoseconds in µs, with more digits where there are few of them.
func brief(ns float64) string {
	if ns < 1000 {
		return fmt.Sprintf("%.3f", ns/1000)
	}
	return us(ns)
}
