package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

const (
	startTime = 30 * time.Second // for a program to be ready
	lookAgain = 5 * time.Millisecond
)

// program is a program under way; what it prints goes to a file.
type program struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{} // closed when it has ended and been waited for
}

// launch starts a program. The kernel kills it when this process dies, which
// needs the thread that started it: a goroutine keeps that until the end.
func launch(log, path string, args, env []string) (*program, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // the program has a descriptor of its own
	// Whoever has the program ends it, so no context does.
	cmd := exec.CommandContext(context.Background(), path, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = dieWithParent()
	p := &program{cmd: cmd, log: log, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its state
		}
	}()
	if err := <-started; err != nil {
		<-p.ended
		return nil, err
	}
	return p, nil
}

// answers waits until the URL answers 200.
func (p *program) answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		if ready(ctx, url) {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return fmt.Errorf("it ended: %s", p.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer 200", url)
		}
	}
}

func ready(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// kill ends the program at once.
func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stop asks the program to end and returns its exit code.
func (p *program) stop(ctx context.Context) (int, error) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, errors.New("it does not end on SIGTERM")
	}
}

// tail logs the end of what a program printed.
func tail(t *testing.T, log string) {
	const most = 4000
	text, err := os.ReadFile(log)
	if err != nil {
		t.Log(err)
	}
	t.Logf("%s ends:\n%s", filepath.Base(log), text[max(len(text)-most, 0):])
}

// toolpit returns the program to test: TOOLPIT_TEST_BINARY, or else it is
// built.
func toolpit(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("TOOLPIT_TEST_BINARY"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "toolpit")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/toolpit")
	cmd.Dir = filepath.Join("..", "..") // the main module
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building toolpit: %v\n%s", err, out)
	}
	return path
}
