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
