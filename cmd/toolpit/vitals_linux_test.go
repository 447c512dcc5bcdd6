package main_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rss is the memory that a process holds, in bytes.
func (p *process) rss(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.ParseInt(strings.Fields(after + " -")[0], 10, 64)
	if err != nil {
		t.Fatalf("VmRSS: %v", err)
	}
	return kb << 10
}

// descriptors is how many files and connections a process has open.
func (p *process) descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// watchRSS samples a process's memory until stop is called, which returns the
// most that was seen.
func (p *process) watchRSS(t *testing.T) (stop func() int64) {
	t.Helper()
	most := p.rss(t)
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, p.rss(t))
			select {
			case <-tick.C:
			case <-ended:
				return
			}
		}
	}()
	return func() int64 {
		close(ended)
		<-done
		return most
	}
}

// needDescriptors lets this process, and those it starts, have so many open.
func needDescriptors(t *testing.T, n uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur >= n {
		return
	}
	limit.Cur, limit.Max = n, max(limit.Max, n)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatalf("this test needs %d open files, and may not have them: %v; see ulimit -Hn", n, err)
	}
}

// quantile returns the q-th quantile of some times, which it sorts.
func quantile(times []time.Duration, q float64) time.Duration {
	slices.Sort(times)
	return times[min(int(q*float64(len(times))), len(times)-1)]
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
