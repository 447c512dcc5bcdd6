package main

import (
	"fmt"
	"slices"
	"time"

	"toolpit/bench/load"
)

// sample is what one window measured.
type sample struct {
	rate      float64 // requests a second
	p50, p99  time.Duration
	serverCPU time.Duration // a request
	redisCPU  time.Duration
	loadCPU   time.Duration // of the load generator

	// Cores of the machine that were used by processes that belong to none of
	// these, idle, and given to other machines by a hypervisor.
	others, idle, stolen float64
	throttled            float64 // share of the periods in which a replica used up its quota
}

// The names of watched processes.
const (
	watchServer = "server"
	watchRedis  = "redis"
)

func newSample(r load.Report) sample {
	each := func(d time.Duration) time.Duration { return d / time.Duration(r.Requests) }
	cores := func(d time.Duration) float64 { return d.Seconds() / r.Elapsed.Seconds() }
	return sample{
		rate: float64(r.Requests) / r.Elapsed.Seconds(),
		p50:  r.P50, p99: r.P99,
		serverCPU: each(r.CPU[watchServer]), redisCPU: each(r.CPU[watchRedis]), loadCPU: each(r.Own),
		others: cores(r.Others), idle: cores(r.Idle), stolen: cores(r.Stolen),
	}
}

func (s sample) byRate() float64      { return s.rate }
func (s sample) byP50() float64       { return float64(s.p50) }
func (s sample) byP99() float64       { return float64(s.p99) }
func (s sample) byBusy() float64      { return s.rate * s.serverCPU.Seconds() }
func (s sample) byServerCPU() float64 { return float64(s.serverCPU) }
func (s sample) byRedisCPU() float64  { return float64(s.redisCPU) }
func (s sample) byLoadCPU() float64   { return float64(s.loadCPU) }

func (s sample) byRedisBusy() float64 { return s.rate * s.redisCPU.Seconds() }
func (s sample) byLoadBusy() float64  { return s.rate * s.loadCPU.Seconds() }
func (s sample) byThrottled() float64 { return s.throttled }
func (s sample) byIdle() float64      { return s.idle }
func (s sample) byOthers() float64    { return s.others + s.stolen }

// median returns the middle of what of picks from each sample, the mean of the
// two in the middle where there are two.
func median(samples []sample, of func(sample) float64) float64 {
	values := make([]float64, 0, len(samples))
	for _, s := range samples {
		values = append(values, of(s))
	}
	return middle(values)
}

func middle(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// ratio compares two series of the same rounds, window by window.
type ratio struct{ median, min, max float64 }

// over divides a ratio.
func (r ratio) over(n float64) ratio { return ratio{r.median / n, r.min / n, r.max / n} }

func compare(samples, base []sample, of func(sample) float64) ratio {
	var ratios []float64
	for i := range min(len(samples), len(base)) {
		if b := of(base[i]); b != 0 && of(samples[i]) != 0 { // 0 was not measured
			ratios = append(ratios, of(samples[i])/b)
		}
	}
	if len(ratios) == 0 {
		return ratio{}
	}
	return ratio{middle(ratios), slices.Min(ratios), slices.Max(ratios)}
}

// disturbance says how much of the machine others used while it was measured;
// "" when that was next to nothing.
func disturbance(all series) string {
	const quiet = 0.05
	var others []float64
	for _, byName := range all {
		for _, samples := range byName {
			for _, s := range samples {
				others = append(others, s.byOthers())
			}
		}
	}
	if len(others) == 0 || slices.Max(others) < quiet {
		return ""
	}
	return fmt.Sprintf("Other processes used %.2f (%.2f–%.2f) cores meanwhile: without them the figures are better, and the ratios surer.\n",
		middle(others), slices.Min(others), slices.Max(others))
}
