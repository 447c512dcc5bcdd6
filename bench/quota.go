package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// quotaPeriod is the kernel's default: who has used up his share of a period
// waits for the next.
const quotaPeriod = 100 * time.Millisecond

// quota has programs run with a share of one core.
type quota interface {
	// wrap makes a command run under the quota, as the i-th program.
	wrap(i int, c command) (command, error)
	// pid finds what the i-th program is, once it runs.
	pid(ctx context.Context, i int, p *process) (int, error)
	// release removes what wrap left behind, once the programs have ended.
	release(ctx context.Context) error
	// String says how it is done.
	String() string
}

// findQuota finds a way to limit CPU time: control groups of our own, or
// containers.
func findQuota(ctx context.Context, h hierarchy, share float64, image string) (quota, error) {
	own := &groups{hierarchy: h, share: share, prefix: fmt.Sprintf("toolpit-bench-%d", os.Getpid())}
	_, denied := own.wrap(0, command{})
	if err := own.release(ctx); denied == nil {
		return own, err
	}
	if _, err := output(ctx, "docker", "image", "inspect", image); err != nil {
		return nil, fmt.Errorf("nothing here limits CPU time: control groups need root (%w), and there is no container image %s (make image, with a Docker daemon): %w", denied, image, err)
	}
	return &containers{share: share, image: image, prefix: own.prefix}, nil
}

// groups are control groups that this process makes.
type groups struct {
	hierarchy
	share  float64
	prefix string
	made   []string
}

func (g *groups) String() string { return "control groups below " + g.dir }

func (g *groups) wrap(i int, c command) (command, error) {
	if g.unified {
		// Usually it is there already, and only root may add it.
		_ = os.WriteFile(filepath.Join(g.dir, "cgroup.subtree_control"), []byte("+cpu"), 0)
	}
	dir := filepath.Join(g.dir, fmt.Sprintf("%s-%d", g.prefix, i))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return command{}, err
	}
	g.made = append(g.made, dir)
	write := func(file string, values ...int64) error {
		text := strings.Trim(fmt.Sprint(values), "[]")
		return os.WriteFile(filepath.Join(dir, file), []byte(text), 0)
	}
	period := quotaPeriod.Microseconds()
	part := int64(g.share * float64(period))
	var err error
	if g.unified {
		err = write("cpu.max", part, period)
	} else {
		err = errors.Join(write("cpu.cfs_period_us", period), write("cpu.cfs_quota_us", part))
	}
	// It starts inside the group: a Go program looks at its quota at the start.
	c.args = append([]string{"-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, dir, c.path}, c.args...)
	c.path = "/bin/sh"
	return c, err
}

func (g *groups) pid(_ context.Context, _ int, p *process) (int, error) { return p.pid(), nil }

func (g *groups) release(context.Context) error {
	var errs []error
	for _, dir := range g.made {
		errs = append(errs, os.Remove(dir))
	}
	g.made = nil
	return errors.Join(errs...)
}

// containers are Docker's, which speak to Redis through the host's network.
type containers struct {
	share  float64
	image  string
	prefix string
	made   []string
}

func (c *containers) String() string { return "containers of " + c.image }

func (c *containers) name(i int) string { return fmt.Sprintf("%s-%d", c.prefix, i) }

func (c *containers) wrap(i int, cmd command) (command, error) {
	args := []string{"run", "--rm", "--name", c.name(i), "--network", "host", "--cpus", strconv.FormatFloat(c.share, 'f', -1, 64), c.image}
	cmd.path, cmd.args = "docker", slices.Concat(args, cmd.args)
	c.made = append(c.made, c.name(i))
	return cmd, nil
}

func (c *containers) pid(ctx context.Context, i int, _ *process) (int, error) {
	text, err := output(ctx, "docker", "inspect", "--format", "{{.State.Pid}}", c.name(i))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// release removes the containers that did not end by themselves.
func (c *containers) release(ctx context.Context) error {
	for _, name := range c.made {
		_, _ = output(ctx, "docker", "rm", "--force", name) // mostly it is gone already
	}
	c.made = nil
	return nil
}
