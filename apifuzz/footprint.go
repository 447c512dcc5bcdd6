package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
)

// footprint is what a server holds while it has nothing to do.
type footprint struct {
	heap       float64 // bytes, the least that was seen after some collections
	goroutines float64 // the median: how many gather the metrics just then is chance
}

var gauge = regexp.MustCompile(`(?m)^(go_memstats_heap_alloc_bytes|go_goroutines|go_gc_duration_seconds_count) ([0-9.e+]+)$`)

// mostGrowth is the share by which the heap may be larger afterwards. What a
// call leaves behind would show ten thousand times over, each time.
const mostGrowth = 0.05

// growth is the share by which the heap is larger later.
func (f footprint) growth(later footprint) float64 { return later.heap/f.heap - 1 }

// leaks tells what a server holds later that it did not before, nil if that is
// no more than chance.
func (f footprint) leaks(later footprint) (found []string) {
	if growth := f.growth(later); growth >= mostGrowth {
		found = append(found, fmt.Sprintf("the heap grew by %.1f %%", 100*growth))
	}
	if more := later.goroutines - f.goroutines; more > 0 {
		found = append(found, fmt.Sprintf("%.0f goroutines are left behind", more))
	}
	return found
}

// remainder returns what a server holds after the calls. For some seconds there
// is still what the last calls set going, timers and streams that end: so it
// looks again while it finds more than before. What has leaked stays however
// often one looks.
func remainder(ctx context.Context, client *http.Client, url string, before footprint) (footprint, error) {
	const looks = 20
	after := footprint{heap: math.Inf(1), goroutines: math.Inf(1)}
	for range looks {
		now, err := measure(ctx, client, url)
		if err != nil {
			return after, err
		}
		after = footprint{heap: min(after.heap, now.heap), goroutines: min(after.goroutines, now.goroutines)}
		if before.leaks(after) == nil {
			break
		}
	}
	return after, nil
}

// measure asks until the server has collected its garbage several times. The
// least heap of many is the one right after a collection. The questions
// themselves make the garbage.
func measure(ctx context.Context, client *http.Client, url string) (footprint, error) {
	const collections, questions = 60, 20_000
	client.CloseIdleConnections() // each holds a goroutine
	f := footprint{heap: math.Inf(1)}
	var goroutines []float64
	first := -1.0
	for range questions {
		a, err := get(ctx, client, url+"/metrics")
		if err != nil {
			return f, err
		}
		series := map[string]float64{}
		for _, found := range gauge.FindAllStringSubmatch(string(a.body), -1) {
			if series[found[1]], err = strconv.ParseFloat(found[2], 64); err != nil {
				return f, err
			}
		}
		if len(series) != 3 {
			return f, fmt.Errorf("/metrics lacks series of the Go runtime: %v", series)
		}
		f.heap = min(f.heap, series["go_memstats_heap_alloc_bytes"])
		goroutines = append(goroutines, series["go_goroutines"])
		done := series["go_gc_duration_seconds_count"]
		if first < 0 {
			first = done
		}
		if done >= first+collections {
			slices.Sort(goroutines)
			f.goroutines = goroutines[len(goroutines)/2]
			return f, nil
		}
	}
	return f, fmt.Errorf("the server did not collect its garbage %d times in %d answers", collections, questions)
}
