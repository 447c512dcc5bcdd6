package load

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func durations() *rapid.Generator[time.Duration] {
	return rapid.Map(rapid.Int64Range(0, math.MaxInt64), func(n int64) time.Duration { return time.Duration(n) })
}

func TestBucketsHoldWhatTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := durations().Draw(t, "duration")
		i := bucket(d)
		if i < 0 || i >= buckets {
			t.Fatalf("%v is in bucket %d of %d", d, i, buckets)
		}
		if top := ceiling(i); top < d || top-d > d/steps {
			t.Errorf("%v is in bucket %d, whose longest is %v", d, i, top)
		}
		if i > 0 && ceiling(i-1) >= d {
			t.Errorf("%v is in bucket %d, and fits into the one before", d, i)
		}
	})
	if bucket(-time.Second) != 0 {
		t.Error("a clock that went back is not counted as nothing")
	}
}

// A percentile is that of the sorted durations, at most a step too long.
func TestPercentile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(durations(), 1, 300).Draw(t, "durations")
		percent := rapid.IntRange(0, 100).Draw(t, "percent")
		var halves [2]Histogram
		for i, d := range all {
			halves[i%2].Add(d)
		}
		var h Histogram
		h.Merge(&halves[0])
		h.Merge(&halves[1])
		if h.Count() != uint64(len(all)) || h.Max() != slices.Max(all) {
			t.Fatalf("%d durations up to %v, want %d up to %v", h.Count(), h.Max(), len(all), slices.Max(all))
		}
		slices.Sort(all)
		want := all[max((percent*len(all)+99)/100, 1)-1]
		if got := h.Percentile(float64(percent)); got < want || got-want > want/steps {
			t.Errorf("the percentile %d of %v is %v, want %v", percent, all, got, want)
		}
	})
	if d := new(Histogram).Percentile(50); d != 0 {
		t.Errorf("the median of nothing is %v", d)
	}
}
