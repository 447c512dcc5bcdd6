package main

import (
	"fmt"
	"runtime"
	"strconv"
)

// mode is where processes run.
type mode string

const (
	// pinned: the server alone on the first core, with GOMAXPROCS=1, everything
	// else on the others.
	pinned mode = "pinned"
	// unpinned: wherever the kernel puts them.
	unpinned mode = "unpinned"
)

// cores are lists as taskset wants them; "" for any.
type cores struct{ server, others string }

func (m mode) cores() cores {
	if m == unpinned {
		return cores{}
	}
	last := runtime.NumCPU() - 1
	others := strconv.Itoa(last)
	if last > 1 {
		others = fmt.Sprintf("1-%d", last)
	}
	return cores{server: "0", others: others}
}

// confine puts a server where the mode wants it.
func (c cores) confine(server command) command {
	if c.server != "" {
		server.cores, server.env = c.server, []string{"GOMAXPROCS=1"}
	}
	return server
}

func (m mode) describe() string {
	if m == unpinned {
		return "unpinned: every process on any core"
	}
	c := m.cores()
	return fmt.Sprintf("pinned: the server alone on core %s with GOMAXPROCS=1, the rest on %s", c.server, c.others)
}
