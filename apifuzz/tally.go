package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// mostComplaints is how many are printed.
const mostComplaints = 10

// tally counts what happened. It may be used by any number of goroutines.
type tally struct {
	mu         sync.Mutex
	requests   int
	broken     int
	accepted   int // calls that were to be accepted, and were
	valid      int // calls that were to be accepted
	failures   int // 5xx
	asked      int // of these, asked for
	statuses   map[string]map[int]int
	codes      map[string]int
	hows       map[string]int
	complaints []string
}

func newTally() *tally {
	return &tally{statuses: map[string]map[int]int{}, codes: map[string]int{}, hows: map[string]int{}}
}

func (t *tally) add(c *call, a answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests++
	t.hows[c.how]++
	if c.how == "valid" {
		t.valid++
		if a.status < http.StatusBadRequest {
			t.accepted++
		}
	} else if c.how != "repeated" {
		t.broken++
	}
	if a.status >= http.StatusInternalServerError {
		if t.failures++; c.asked {
			t.asked++
		}
	}
	if t.statuses[c.operation] == nil {
		t.statuses[c.operation] = map[int]int{}
	}
	t.statuses[c.operation][a.status]++
	if p, err := a.problem(); a.status >= http.StatusBadRequest && err == nil && p.Code != "" {
		t.codes[p.Code]++
	}
}

func (t *tally) complain(c *call, a answer, err error) {
	body := string(a.body)
	if len(body) > 600 {
		body = body[:600] + "…"
	}
	t.fault("%s\n  %s\n  was answered %d %s", err, c, a.status, body)
}

func (t *tally) fault(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.complaints = append(t.complaints, fmt.Sprintf(format, args...))
}

// leastAccepted is the share of calls by the book that have to be accepted;
// the rest met a session that another call had just ended.
const leastAccepted = 0.9

// coverage complains when the calls did not get far enough to show anything.
func (t *tally) coverage(c *contract) {
	if share := float64(t.accepted) / float64(max(t.valid, 1)); share < leastAccepted {
		t.fault("only %d of %d calls by the book were accepted", t.accepted, t.valid)
	}
	for _, o := range c.operations {
		for _, class := range classes {
			if !t.answered(o, class.hundreds) {
				t.fault("%s %s: %v", o.id, class.missing, t.statuses[o.id])
			}
		}
	}
}

// classes are the classes of statuses that every operation has to answer.
var classes = []struct {
	hundreds int
	missing  string // what is said where there is none
}{{2, "never succeeded"}, {4, "was never refused"}}

// answered tells whether the operation has answered with a status of the class.
func (t *tally) answered(o operation, hundreds int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for status := range t.statuses[o.id] {
		if status/100 == hundreds {
			return true
		}
	}
	return false
}

func (t *tally) print(w io.Writer, c *contract) {
	fmt.Fprintf(w, "\n%-18s answers by status\n", "operation")
	for _, o := range c.operations {
		fmt.Fprintf(w, "%-18s", o.id)
		for _, status := range slices.Sorted(maps.Keys(t.statuses[o.id])) {
			fmt.Fprintf(w, "  %d: %d", status, t.statuses[o.id][status])
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\ncodes: %s\n", counts(t.codes))
	fmt.Fprintf(w, "calls: %s\n\n", counts(t.hows))
	fmt.Fprintf(w, "%d requests: %d broken, %d by the book of which %d were accepted (%.1f %%)\n",
		t.requests, t.broken, t.valid, t.accepted, 100*float64(t.accepted)/float64(max(t.valid, 1)))
	fmt.Fprintf(w, "5xx: %d, and %d that were asked for\n", t.failures-t.asked, t.asked)
}

func counts(m map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, m[name]))
	}
	return strings.Join(parts, ", ")
}
