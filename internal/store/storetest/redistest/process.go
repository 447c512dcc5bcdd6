package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// errExited reports that the server ended before it answered.
var errExited = errors.New("redis-server exited at start")

const (
	// probeInterval is the time between attempts to reach a starting server.
	probeInterval = 5 * time.Millisecond
	// probeTimeout bounds one attempt, so that a silent stranger on the port
	// cannot hide that our server has exited.
	probeTimeout = 2 * time.Second
)

// process is one run of redis-server.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once the process has been waited for
}

// launch starts the server. It must be ended with kill.
//
// A goroutine locked to its thread starts the process and stays until it has
// ended. Somebody has to wait for the process anyway, to notice an early exit;
// and the lock makes the parent-death signal reliable: the kernel sends it when
// the thread that forked exits, not the process, and the Go runtime is free to
// end a thread that no goroutine holds. The alternative, a pipe whose end the
// child watches, would need a process in between, as redis-server watches none.
func launch(path, dir string, out *os.File, args []string) (*process, error) {
	// No context: the process belongs to kill. One that can be cancelled would
	// only add a second way to end it.
	cmd := exec.CommandContext(context.Background(), path, args...)
	// Persistence files, if any, go to the working directory.
	cmd.Dir = dir
	cmd.Stdout = out
	cmd.Stderr = out
	cmd.SysProcAttr = dieWithParent()

	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			// How it ended does not matter: mostly by kill.
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		<-p.done
		return nil, fmt.Errorf("start redis-server: %w", err)
	}
	return p, nil
}

// kill ends the process and waits until it has been reaped.
func (p *process) kill() {
	// The only error is that the process has ended by itself.
	_ = p.cmd.Process.Kill()
	<-p.done
}

// ready waits until the process answers at addr, exits (errExited) or ctx ends.
func (p *process) ready(ctx context.Context, addr string) error {
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	for {
		err := probe(ctx, addr, p.cmd.Process.Pid)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%w: %v", errExited, p.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("redis-server does not answer: %w; last: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// probe asks the server at addr for a PONG, and for its process id: should
// another server have taken the port, ours is about to exit, but the other one
// answers PING just as well.
func probe(ctx context.Context, addr string, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(conn, "*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"); err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	pong, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	// Anything else is an error such as LOADING: alive, but not ready.
	if pong != "+PONG\r\n" {
		return fmt.Errorf("PING answered %q", pong)
	}
	header, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(header), "$"))
	if err != nil || size < 0 {
		return fmt.Errorf("INFO answered %q", header)
	}
	info := make([]byte, size)
	if _, err := io.ReadFull(r, info); err != nil {
		return err
	}
	if !strings.Contains(string(info), fmt.Sprintf("\nprocess_id:%d\r\n", pid)) {
		return fmt.Errorf("another server answers at %s", addr)
	}
	return nil
}
