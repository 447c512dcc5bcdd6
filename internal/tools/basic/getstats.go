package basic

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/prometheus/procfs"

	"toolpit/internal/tools"
)

type statsOut struct {
	ReplicaID     string        `json:"replica_id"`
	PID           int           `json:"pid"`
	Host          string        `json:"host"`
	Version       string        `json:"version"`
	Timestamp     time.Time     `json:"timestamp"`
	StartedAt     time.Time     `json:"started_at"`
	UptimeSeconds float64       `json:"uptime_seconds"`
	Process       *processStats `json:"process,omitzero" jsonschema_description:"As the operating system sees it; absent where it does not tell."`
	Runtime       runtimeStats  `json:"runtime"`
	Executor      []laneStats   `json:"executor,omitempty" jsonschema_description:"Each lane of executions in this replica."`
	Store         storeStats    `json:"store"`
}

type processStats struct {
	ResidentBytes     int64    `json:"resident_bytes"`
	CPUSeconds        float64  `json:"cpu_seconds" jsonschema_description:"Processor time since the start."`
	CPUPercent        *float64 `json:"cpu_percent,omitzero" jsonschema_description:"Share of one processor while this call was measuring, in steps of the system's clock tick."`
	CPUPercentOverall float64  `json:"cpu_percent_overall" jsonschema_description:"Share of one processor since the start."`
	Threads           int      `json:"threads"`
	OpenFiles         *int     `json:"open_files,omitzero"`
}

type runtimeStats struct {
	Goroutines  int     `json:"goroutines"`
	HeapBytes   int64   `json:"heap_bytes" jsonschema_description:"Live objects and those not collected yet."`
	GCCycles    int64   `json:"gc_cycles"`
	GCPauseMS   float64 `json:"gc_pause_ms" jsonschema_description:"All pauses together."`
	MaxParallel int     `json:"max_parallel" jsonschema_description:"GOMAXPROCS."`
}

type laneStats struct {
	Lane      string `json:"lane"`
	Capacity  int    `json:"capacity"`
	Running   int    `json:"running"`
	Queued    int    `json:"queued"`
	Rejected  int64  `json:"rejected"`
	Completed int64  `json:"completed"`
}

type storeStats struct {
	Reachable bool     `json:"reachable"`
	PingMS    *float64 `json:"ping_ms,omitzero" jsonschema_description:"One round trip."`
}

var getStats = tools.New("get_stats", "Measures the process that executes it, and its way to the store.",
	func(ctx context.Context, c *tools.Call, _ struct{}) (statsOut, error) {
		r, s, now := c.Replica(), c.Stats(ctx), time.Now()
		out := statsOut{
			ReplicaID: r.ID, PID: r.PID, Host: r.Host, Version: r.Version,
			Timestamp: now.UTC(), StartedAt: r.StartedAt.UTC(), UptimeSeconds: round(now.Sub(r.StartedAt).Seconds(), 3),
			Process: measureProcess(ctx), Runtime: measureRuntime(),
			Store: storeStats{Reachable: s.StoreReachable},
		}
		for _, l := range s.Lanes {
			out.Executor = append(out.Executor, laneStats(l))
		}
		if s.StoreReachable {
			ms := round(float64(s.StorePing)/float64(time.Millisecond), 3)
			out.Store.PingMS = &ms
		}
		return out, nil
	},
	tools.ReadOnly(), tools.Idempotent(),
	tools.Example("now", `{}`),
)

// sampleWindow is how long the processor time is watched.
const sampleWindow = 50 * time.Millisecond

// measureProcess reads /proc, and returns nil where there is none.
func measureProcess(ctx context.Context) *processStats {
	self, err := procfs.Self()
	if err != nil {
		return nil
	}
	before, err := self.Stat()
	if err != nil {
		return nil
	}
	start := time.Now()
	stats := &processStats{ResidentBytes: int64(before.ResidentMemory()), Threads: before.NumThreads}
	if n, err := self.FileDescriptorsLen(); err == nil {
		stats.OpenFiles = &n
	}
	timer := time.NewTimer(sampleWindow)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done(): // a shorter window would say little, and there is no time for a longer one
	}
	after, err := self.Stat()
	if err != nil {
		after = before
	}
	if window := time.Since(start); window >= sampleWindow {
		percent := round(100*(after.CPUTime()-before.CPUTime())/window.Seconds(), 1)
		stats.CPUPercent = &percent
	}
	stats.CPUSeconds = round(after.CPUTime(), 2)
	if since, err := after.StartTime(); err == nil {
		if age := float64(time.Now().UnixMilli())/1e3 - since; age > 0 {
			stats.CPUPercentOverall = round(100*after.CPUTime()/age, 1)
		}
	}
	return stats
}

func measureRuntime() runtimeStats {
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	stats := runtimeStats{
		Goroutines: runtime.NumGoroutine(), MaxParallel: runtime.GOMAXPROCS(0),
		GCCycles: gc.NumGC, GCPauseMS: round(float64(gc.PauseTotal)/float64(time.Millisecond), 3),
	}
	if heap[0].Value.Kind() == metrics.KindUint64 {
		stats.HeapBytes = int64(heap[0].Value.Uint64())
	}
	return stats
}

// round rounds to that many digits after the point.
func round(f float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(f*scale) / scale
}
