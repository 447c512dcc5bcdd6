package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseThrottling(t *testing.T) {
	for name, text := range map[string]string{
		"v1": "nr_periods 40\nnr_throttled 30\nthrottled_time 2000000\nnr_bursts 0\nburst_time 0\n",
		"v2": "usage_usec 1\nuser_usec 1\nsystem_usec 0\nnr_periods 40\nnr_throttled 30\nthrottled_usec 2000\n",
	} {
		if got, err := parseThrottling(text); err != nil || got != (throttling{40, 30}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got, err := parseThrottling("nr_periods many\n"); err == nil {
		t.Errorf("%+v", got)
	}
	if got := (throttling{50, 31}).plus(throttling{1, 1}).since(throttling{40, 30}); got != (throttling{11, 2}) {
		t.Errorf("%+v", got)
	}
}

func TestLimitIsNamed(t *testing.T) {
	// 4 replicas at 10,000 requests a second: 1 µs of CPU is 0.01 of a core.
	single := []sample{{rate: 2500, serverCPU: 100 * time.Microsecond}}
	with := func(server, redis, load time.Duration, idle float64) []sample {
		return []sample{{
			rate: 10_000, serverCPU: server * time.Microsecond, redisCPU: redis * time.Microsecond, loadCPU: load * time.Microsecond,
			idle: idle,
		}}
	}
	for name, tr := range map[string]struct {
		all  []sample
		want []string
	}{
		"Redis":        {with(80, 95, 10, 0.5), []string{"The limit is Redis", "0.95"}},
		"load":         {with(80, 10, 93, 0.5), []string{"The limit is the load generator", "0.93"}},
		"machine":      {with(80, 70, 30, 0.05), []string{"The limit is the machine", "0.05"}},
		"both":         {with(80, 95, 10, 0.01), []string{"Redis", "; and the machine"}},
		"quota":        {with(98, 50, 20, 0.3), []string{"Neither", "used their quota up (0.98 of 1.00 cores)"}},
		"idle workers": {with(60, 30, 20, 0.9), []string{"Neither", "only 0.60 of 1.00 cores"}},
	} {
		got := limit(4, tr.all, single)
		for _, want := range tr.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %q in it", name, got, want)
			}
		}
	}
}

// A directory stands in for the kernel's: what is written where is all that
// can be seen of a quota without root.
func TestGroups(t *testing.T) {
	for _, unified := range []bool{false, true} {
		g := &groups{hierarchy: hierarchy{t.TempDir(), unified}, share: 0.25, prefix: "test"}
		c, err := g.wrap(3, command{path: "/bin/server", args: []string{"serve"}})
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(g.dir, "test-3")
		if got := c.path + " " + strings.Join(c.args[2:], " "); got != "/bin/sh "+dir+" /bin/server serve" {
			t.Errorf("unified %t: the command is %q", unified, got)
		}
		want := map[string]string{"cpu.cfs_quota_us": "25000", "cpu.cfs_period_us": "100000"}
		if unified {
			want = map[string]string{"cpu.max": "25000 100000"}
		}
		for file, value := range want {
			if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != value {
				t.Errorf("unified %t: %s is %q, %v; want %q", unified, file, got, err, value)
			}
		}
		// The kernel's files go with the directory, these do not.
		if err := g.release(t.Context()); err == nil {
			t.Error("a group that still has something in it was removed")
		}
		if len(g.made) != 0 {
			t.Errorf("still to be removed: %v", g.made)
		}
	}
	g := &groups{hierarchy: hierarchy{filepath.Join(t.TempDir(), "nowhere"), false}, prefix: "test"}
	if _, err := g.wrap(0, command{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no hierarchy: %v", err)
	}
}
