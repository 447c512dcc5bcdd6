package powerloss_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds everything these tests wait for.
const patience = 30 * time.Second

// binary builds the program once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "powerloss")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "toolpit")
	build := exec.Command("go", "build", "-o", path, "./cmd/toolpit")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// replica is a toolpit process.
type replica struct {
	t      *testing.T
	url    string
	cmd    *exec.Cmd
	stderr bytes.Buffer
	ended  chan struct{}
}

// serve starts a toolpit and returns when it is ready. The kernel ends it when
// this process dies.
func serve(t *testing.T, args ...string) *replica {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{t: t, ended: make(chan struct{})}
	// Nobody but kill ends it, so no context does.
	r.cmd = exec.Command(path, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	r.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	r.cmd.Stderr = &r.stderr
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	lines, failed := make(chan string, 1), make(chan error, 1)
	go func() {
		defer close(r.ended)
		defer close(lines)
		runtime.LockOSThread() // the death of the starting thread counts as the parent's
		defer runtime.UnlockOSThread()
		if err := r.cmd.Start(); err != nil {
			failed <- err
			return
		}
		out := bufio.NewReader(stdout)
		line, _ := out.ReadString('\n')
		lines <- line
		_, _ = io.Copy(io.Discard, out)
		_ = r.cmd.Wait() // how it ended is in its log
	}()
	t.Cleanup(func() {
		r.kill()
		if t.Failed() {
			t.Logf("the log of %v:\n%.2000s", r.cmd.Args[1:], r.stderr.String())
		}
	})
	select {
	case line := <-lines:
		i := strings.Index(line, "http://")
		if i < 0 {
			t.Fatalf("the first line is %q, want the URL in it", line)
		}
		r.url, _, _ = strings.Cut(strings.TrimSpace(line[i:]), " ")
	case err := <-failed:
		t.Fatal(err)
	case <-time.After(patience):
		t.Fatal("the process says nothing")
	}
	r.ready()
	return r
}

// kill ends the process and waits until it is gone.
func (r *replica) kill() {
	if r.cmd.Process != nil {
		_ = r.cmd.Process.Kill()
	}
	<-r.ended
}

// ready waits until the process answers 200 at /readyz.
func (r *replica) ready() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := r.call(ctx, http.MethodGet, "/readyz", "", "", nil)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.ended:
			r.t.Fatalf("the process ended: %v", r.cmd.ProcessState)
		case <-ctx.Done():
			r.t.Fatalf("the process does not become ready: %v", err)
		}
	}
}

// errRefused is an answer that says that the request is wrong.
var errRefused = errors.New("refused")

// call makes one request and decodes the answer into reply, unless that is nil.
func (r *replica) call(ctx context.Context, method, path, key, body string, reply any) error {
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.GetBody = nil // net/http is not to repeat a keyed request by itself
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	switch {
	case resp.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("%s %s answered %d %s", method, path, resp.StatusCode, text)
	case resp.StatusCode >= http.StatusMultipleChoices:
		return fmt.Errorf("%w: %s %s answered %d %s", errRefused, method, path, resp.StatusCode, text)
	}
	if meta, ok := reply.(*execution); ok {
		meta.replayed = resp.Header.Get("Idempotency-Replayed") == "true"
	}
	if reply == nil {
		return nil
	}
	return json.Unmarshal(text, reply)
}

// execution is the answer of a tool that tells a counter.
type execution struct {
	Result struct{ Value int }

	replayed bool
}
