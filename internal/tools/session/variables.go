package session

import (
	"math"
	"time"

	"toolpit/internal/store"
	"toolpit/internal/value"
)

// The variables of the group.
const (
	counterName  = "counter"            // integer
	startName    = "session_start_time" // float: seconds since 1970 by the store's clock
	metadataName = "session_metadata"   // map
)

// startValue is the value of the start time for an instant.
func startValue(t time.Time) (value.Value, error) {
	return value.Float64(float64(t.UnixMicro()) / 1e6)
}

// startOf reads the start time. A session that was never initialised, or
// whose variable somebody gave another meaning, started when it was created.
func startOf(r store.Result, created time.Time) time.Time {
	seconds, ok := r.Value.Number()
	if !ok || math.Abs(seconds) > 1e11 { // year 5138; beyond, microseconds would overflow some day
		return created.UTC()
	}
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC()
}
