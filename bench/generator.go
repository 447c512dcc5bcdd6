package main

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"toolpit/bench/load"
)

// generateCommand makes this program the load generator.
const generateCommand = "generate"

// generate is what the process of the load generator does: one job from in,
// its report to out.
func generate(ctx context.Context, in io.Reader, out io.Writer) error {
	var job load.Job
	if err := gob.NewDecoder(in).Decode(&job); err != nil {
		return err
	}
	report, err := load.Run(ctx, job)
	if err != nil {
		return err
	}
	return gob.NewEncoder(out).Encode(report)
}

// generator runs jobs, each in a process of its own.
type generator struct {
	cores string // as taskset wants them; "" for any
}

// run does a job. Errors: also when an answer was not a 200.
func (g generator) run(ctx context.Context, job load.Job) (load.Report, error) {
	self, err := os.Executable()
	if err != nil {
		return load.Report{}, err
	}
	var in, out, stderr bytes.Buffer
	if err := gob.NewEncoder(&in).Encode(job); err != nil {
		return load.Report{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, job.Warmup+job.Window+30*time.Second)
	defer cancel()
	args := []string{self, generateCommand}
	if g.cores != "" {
		args = append([]string{"taskset", "--cpu-list", g.cores}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &stderr
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	if err := cmd.Run(); err != nil {
		return load.Report{}, fmt.Errorf("the load generator: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	var report load.Report
	if err := gob.NewDecoder(&out).Decode(&report); err != nil {
		return load.Report{}, err
	}
	if report.Failures > 0 {
		return load.Report{}, fmt.Errorf("%d of %d requests failed, the first with\n%s",
			report.Failures, report.Answered+report.Failures, report.Failure)
	}
	if report.Requests == 0 {
		return load.Report{}, errors.New("no request was answered within the window")
	}
	return report, nil
}
