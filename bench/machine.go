package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/prometheus/procfs"
)

// describeMachine says where the figures come from, and refuses a machine that
// cannot give any.
func describeMachine(ctx context.Context, out io.Writer) error {
	for _, program := range []string{"redis-server", "redis-cli", "redis-benchmark", "taskset"} {
		if !has(program) {
			return fmt.Errorf("%s is needed and not on PATH (Debian: redis-server, redis-tools, util-linux)", program)
		}
	}
	if runtime.NumCPU() < 2 {
		return fmt.Errorf("at least two cores are needed: one for the server, one for Redis and the load")
	}
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return err
	}
	load, err := fs.LoadAvg()
	if err != nil {
		return err
	}
	version, err := output(ctx, "redis-server", "--version")
	if err != nil {
		return err
	}
	if fields := strings.Fields(version); len(fields) > 2 {
		version = strings.TrimPrefix(fields[2], "v=")
	}
	fmt.Fprintf(out, "Machine: %s, %d cores, %s/%s; %s, Redis %s; load average at the start %.2f\n",
		cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), version, load.Load1)
	return nil
}

// cpuModel returns what the kernel calls the first core.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "an unknown CPU"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "an unknown CPU"
}
