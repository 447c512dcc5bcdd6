package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"toolpit/bench/load"
)

// redisBenchmark measures what Redis does when nothing is between it and
// redis-benchmark. That tool counts requests, not time: a short run says how
// many make a window.
func redisBenchmark(ctx context.Context, r *redisServer, cores, sha string, conns int, window time.Duration) (sample, error) {
	const probe = 2000
	run := func(n int) (sample, error) {
		args := []string{
			"redis-benchmark", "-p", strconv.Itoa(r.port), "-c", strconv.Itoa(conns), "-n", strconv.Itoa(n), "--csv",
			"EVALSHA", sha, "1", "floor:redis-benchmark", "counter", "1",
		}
		if cores != "" {
			args = append([]string{"taskset", "--cpu-list", cores}, args...)
		}
		before, err := load.CPUTime(r.pid())
		if err != nil {
			return sample{}, err
		}
		out, err := output(ctx, args[0], args[1:]...)
		if err != nil {
			return sample{}, err
		}
		after, err := load.CPUTime(r.pid())
		if err != nil {
			return sample{}, err
		}
		s, err := parseRedisBenchmark(out)
		s.redisCPU = (after - before) / time.Duration(n)
		return s, err
	}
	s, err := run(probe)
	if err != nil {
		return sample{}, err
	}
	return run(max(probe, int(s.rate*window.Seconds())))
}

// parseRedisBenchmark reads the line of figures that redis-benchmark --csv ends
// with: the test, requests a second, and milliseconds average, least, and at
// the percentiles 50, 95, 99 and 100.
func parseRedisBenchmark(out string) (sample, error) {
	_, line, _ := strings.Cut(out, "\n")
	fields, err := csv.NewReader(strings.NewReader(line)).Read()
	const test, rate, p50, p99, count = 0, 1, 4, 6, 8
	if err != nil || len(fields) != count {
		return sample{}, fmt.Errorf("redis-benchmark said %.500q", out)
	}
	number := func(field int) float64 {
		n, e := strconv.ParseFloat(fields[field], 64)
		if e != nil && err == nil {
			err = fmt.Errorf("redis-benchmark said %q for %s", fields[field], fields[test])
		}
		return n
	}
	ms := func(field int) time.Duration { return time.Duration(number(field) * float64(time.Millisecond)) }
	return sample{rate: number(rate), p50: ms(p50), p99: ms(p99)}, err
}

// has tells whether a program is there.
func has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
