package load

import (
	"math/bits"
	"time"
)

const (
	// A power of two is divided into that many steps, so that no duration is
	// reported more than 1/64 too long.
	stepBits = 6
	steps    = 1 << stepBits
	buckets  = (64 - stepBits) * steps
)

// Histogram counts durations. Its size is fixed, and adding to it costs
// nanoseconds. The zero value is empty. It is not safe for concurrent use.
type Histogram struct {
	counts  [buckets]uint64
	n       uint64
	longest time.Duration
}

// bucket returns where a duration is counted: the first steps hold one
// nanosecond each, and after them each power of two has as many steps again.
func bucket(d time.Duration) int {
	v := uint64(max(d, 0))
	shift := max(bits.Len64(v)-stepBits-1, 0)
	return shift*steps + int(v>>shift)
}

// ceiling returns the longest duration that a bucket holds.
func ceiling(i int) time.Duration {
	shift := max(i/steps-1, 0)
	return time.Duration((uint64(i-shift*steps)+1)<<shift - 1) //nolint:gosec // no bucket reaches the sign
}

// Add counts a duration. A negative one counts as none.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucket(d)]++
	h.n++
	h.longest = max(h.longest, d)
}

// Merge adds what another has counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.n += other.n
	h.longest = max(h.longest, other.longest)
}

// Count returns how many durations there are.
func (h *Histogram) Count() uint64 { return h.n }

// Max returns the longest duration.
func (h *Histogram) Max() time.Duration { return h.longest }

// Percentile returns the smallest duration, rounded up to its step, that p
// percent are not longer than; 0 when there is none at all.
func (h *Histogram) Percentile(p float64) time.Duration {
	rank := max(uint64(p/100*float64(h.n)+0.999999), 1)
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return min(ceiling(i), h.longest)
		}
	}
	return h.longest
}
