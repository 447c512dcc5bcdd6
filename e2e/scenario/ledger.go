package scenario

import (
	"fmt"
	"slices"
	"time"
)

// entry is one increment that a client saw through.
type entry struct {
	key      string
	value    int64 // what was answered
	took     time.Duration
	tries    int
	replayed bool // a reply was lost after the increment had happened
}

// ledger is what clients know in the end.
type ledger struct {
	entries []entry
	gaveUp  []string // keys that nobody acknowledged
}

// add takes over what another ledger knows.
func (l *ledger) add(other ledger) {
	l.entries = append(l.entries, other.entries...)
	l.gaveUp = append(l.gaveUp, other.gaveUp...)
}

// audit compares what was acknowledged with what the store says. Each
// increment has to have happened exactly once: then the values are 1, 2, 3, …
// and each belongs to one key.
func (l *ledger) audit(counter, commands int64) []string {
	const most = 10 // complaints of one kind
	var complaints []string
	acknowledged := int64(len(l.entries))
	if n := len(l.gaveUp); n > 0 {
		complaints = append(complaints, fmt.Sprintf("%d increments were given up, such as %q", n, l.gaveUp[0]))
	}
	if counter < acknowledged {
		complaints = append(complaints, fmt.Sprintf("lost: %d were acknowledged, and the counter is %d", acknowledged, counter))
	}
	if counter > acknowledged {
		complaints = append(complaints, fmt.Sprintf("doubled: %d were acknowledged, and the counter is %d", acknowledged, counter))
	}
	if commands != acknowledged {
		complaints = append(complaints, fmt.Sprintf("command_count is %d, want %d", commands, acknowledged))
	}
	owner := make(map[int64]string, len(l.entries))
	for _, e := range l.entries {
		if len(complaints) > most {
			break
		}
		if e.value < 1 || e.value > acknowledged {
			complaints = append(complaints, fmt.Sprintf("key %s was answered %d, want one of 1..%d", e.key, e.value, acknowledged))
		}
		if other, taken := owner[e.value]; taken {
			complaints = append(complaints, fmt.Sprintf("keys %s and %s were both answered %d", other, e.key, e.value))
		}
		owner[e.value] = e.key
	}
	return complaints
}

// figures sums the entries up.
func (l *ledger) figures() figures {
	f := figures{count: len(l.entries)}
	took := make([]time.Duration, 0, len(l.entries))
	for _, e := range l.entries {
		took = append(took, e.took)
		f.repeats += e.tries - 1
		if e.replayed {
			f.replays++
		}
	}
	f.latency = newLatency(took)
	return f
}

// figures are what a caller saw of many increments.
type figures struct {
	count, repeats, replays int
	latency
}

func (f figures) String() string {
	return fmt.Sprintf("%d acknowledged, %d tries repeated, %d of them answered with what a lost reply had said; latency %s",
		f.count, f.repeats, f.replays, f.latency)
}

// latency is how long many things took.
type latency struct{ median, p99, worst time.Duration }

// newLatency sorts took.
func newLatency(took []time.Duration) latency {
	if len(took) == 0 {
		return latency{}
	}
	slices.Sort(took)
	return latency{took[len(took)/2], took[len(took)*99/100], took[len(took)-1]}
}

func (l latency) String() string {
	return fmt.Sprintf("p50 %s, p99 %s, worst %s",
		l.median.Round(10*time.Microsecond), l.p99.Round(10*time.Microsecond), l.worst.Round(100*time.Microsecond))
}
