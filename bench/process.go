package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	startTime = 15 * time.Second // for a process to be ready
	stopTime  = 5 * time.Second  // for one to end when it is asked to
	lookAgain = 10 * time.Millisecond
)

// command is a program to start. Its stderr goes to a file.
type command struct {
	name  string
	path  string
	args  []string
	env   []string // beside this process's own
	cores string   // as taskset wants them; "" for any
	log   string   // file for stderr, and for stdout unless that is read
}

// process is a program under way. Whoever started it must stop it.
type process struct {
	command
	cmd  *exec.Cmd
	line chan string   // its first line on stdout; closed without one when it has ended
	done chan struct{} // closed when it has ended and been waited for
}

// start starts a program. The kernel kills it when this process dies.
func start(c command) (*process, error) {
	path, args := c.path, c.args
	if c.cores != "" {
		// taskset becomes the program, under the same process id.
		path, args = "taskset", append([]string{"--cpu-list", c.cores, c.path}, c.args...)
	}
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the child has a descriptor of its own
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	// Nobody but stop ends it, so no context does.
	cmd := exec.CommandContext(context.Background(), path, args...)
	cmd.Stdout, cmd.Stderr = in, log
	cmd.Env = append(os.Environ(), c.env...)
	cmd.SysProcAttr = dieWithParent()
	p := &process{command: c, cmd: cmd, line: make(chan string, 1), done: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.done)
		// The death of the starting thread counts as the parent's.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = in.Close()
		started <- err
		p.read(out)
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
		}
	}()
	if err := <-started; err != nil {
		<-p.done
		return nil, fmt.Errorf("cannot start %s: %w", c.name, err)
	}
	return p, nil
}

// read takes what the program prints until it ends.
func (p *process) read(out *os.File) {
	defer func() { _ = out.Close() }()
	defer close(p.line)
	first := true
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		if first {
			p.line <- scanner.Text()
			first = false
		}
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// firstLine returns the first line that the program prints.
func (p *process) firstLine(ctx context.Context) (string, error) {
	select {
	case line, ok := <-p.line:
		if !ok {
			return "", p.failure("ended at once")
		}
		return line, nil
	case <-ctx.Done():
		return "", p.failure("says nothing")
	}
}

// settle looks again and again until look succeeds, the program ends or ctx
// does.
func (p *process) settle(ctx context.Context, look func(ctx context.Context) error) error {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		err := look(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return p.failure("ended at once")
		case <-ctx.Done():
			return p.failure(err.Error())
		case <-tick.C:
		}
	}
}

// failure says what happened, with the end of the program's log.
func (p *process) failure(what string) error {
	const most = 2000
	text, err := os.ReadFile(p.log)
	if err != nil {
		text = []byte(err.Error())
	}
	text = text[max(len(text)-most, 0):]
	return fmt.Errorf("%s %s; its log ends:\n%s", p.name, what, strings.TrimSpace(string(text)))
}

// stop asks the program to end, and makes it when it does not.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	patience := time.NewTimer(stopTime)
	defer patience.Stop()
	select {
	case <-p.done:
	case <-patience.C:
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// stage holds the processes of one measurement, and their files.
type stage struct {
	dir       string
	processes []*process
}

func newStage() (*stage, error) {
	dir, err := os.MkdirTemp("", "toolpit-bench-")
	return &stage{dir: dir}, err
}

// start starts a program that ends with the stage.
func (s *stage) start(c command) (*process, error) {
	c.log = filepath.Join(s.dir, fmt.Sprintf("%s-%d.log", c.name, len(s.processes)))
	p, err := start(c)
	if err == nil {
		s.processes = append(s.processes, p)
	}
	return p, err
}

// stop stops all processes, the last first. Stopping again does nothing.
func (s *stage) stop() {
	for _, p := range slices.Backward(s.processes) {
		p.stop()
	}
}

// close stops all processes and removes their files.
func (s *stage) close() error {
	s.stop()
	return os.RemoveAll(s.dir)
}

// output runs a program to its end and returns what it prints.
func output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}
