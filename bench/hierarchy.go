package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// hierarchy is the tree of control groups that limits CPU time.
type hierarchy struct {
	dir     string // of the root
	unified bool   // version 2
}

const cpuController = "cpu"

// findHierarchy finds the cpu controller of cgroup v2, or else of v1.
func findHierarchy() (hierarchy, error) {
	mounts, err := procfs.GetMounts()
	if err != nil {
		return hierarchy{}, err
	}
	var legacy string
	for _, m := range mounts {
		switch m.FSType {
		case "cgroup2":
			text, err := os.ReadFile(filepath.Join(m.MountPoint, "cgroup.controllers"))
			if err == nil && slices.Contains(strings.Fields(string(text)), cpuController) {
				return hierarchy{m.MountPoint, true}, nil
			}
		case "cgroup":
			if _, ok := m.SuperOptions[cpuController]; ok {
				legacy = m.MountPoint
			}
		}
	}
	if legacy == "" {
		return hierarchy{}, errors.New("there is no hierarchy of control groups with the cpu controller")
	}
	return hierarchy{legacy, false}, nil
}

// throttling is how often the processes of a group had to wait for their quota.
type throttling struct{ periods, throttled int }

// throttling reads that of the group that a process is in.
func (h hierarchy) throttling(pid int) (throttling, error) {
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return throttling{}, err
	}
	memberships, err := proc.Cgroups()
	if err != nil {
		return throttling{}, err
	}
	for _, m := range memberships {
		if h.unified && m.HierarchyID == 0 || !h.unified && slices.Contains(m.Controllers, cpuController) {
			text, err := os.ReadFile(filepath.Join(h.dir, m.Path, "cpu.stat"))
			if err != nil {
				return throttling{}, err
			}
			return parseThrottling(string(text))
		}
	}
	return throttling{}, fmt.Errorf("process %d is in no group of %s", pid, h.dir)
}

// parseThrottling reads cpu.stat, which has more in it.
func parseThrottling(text string) (throttling, error) {
	var t throttling
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(value)
		if err != nil {
			return throttling{}, fmt.Errorf("cpu.stat says %q", line)
		}
		switch name {
		case "nr_periods":
			t.periods = n
		case "nr_throttled":
			t.throttled = n
		}
	}
	return t, nil
}

func (t throttling) plus(other throttling) throttling {
	return throttling{t.periods + other.periods, t.throttled + other.throttled}
}

// since returns what came after an earlier reading.
func (t throttling) since(before throttling) throttling {
	return throttling{t.periods - before.periods, t.throttled - before.throttled}
}
