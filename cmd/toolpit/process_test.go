package main_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds everything these tests wait for.
const patience = 30 * time.Second

// binary builds the program once for all tests of this package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "toolpit")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "toolpit")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
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

// process is a running toolpit.
type process struct {
	cmd    *exec.Cmd
	url    string
	stderr *bytes.Buffer
	lines  chan string // what it prints on stdout; closed at its end
	ended  chan struct{}
}

// command makes a toolpit that is not started yet.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	return cmd
}

// serve starts a toolpit on a port of its own and returns when it says its URL.
func serve(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{
		cmd:    command(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...),
		stderr: &bytes.Buffer{}, lines: make(chan string, 100), ended: make(chan struct{}),
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		defer close(p.lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			select {
			case p.lines <- s.Text():
			default: // nobody reads that much
			}
		}
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the log of %v:\n%s", p.cmd.Args[1:], p.stderr.String())
		}
	})
	first := p.line(t)
	i := strings.Index(first, "http://")
	if i < 0 {
		t.Fatalf("the first line is %q, want the URL in it", first)
	}
	p.url, _, _ = strings.Cut(first[i:], " ")
	return p
}

// line returns the next line of stdout.
func (p *process) line(t *testing.T) string {
	t.Helper()
	select {
	case l, ok := <-p.lines:
		if !ok {
			<-p.ended
			t.Fatalf("the process ended: %v\n%s", p.cmd.ProcessState, p.stderr.String())
		}
		return l
	case <-time.After(patience):
		t.Fatal("the process says nothing")
	}
	return ""
}

// kill ends the process as a power cut would, and waits.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// terminate asks the process to stop and returns its exit code.
func (p *process) terminate(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatal("the process does not stop")
		return 0
	}
}

// answer is a response, read whole.
type answer struct {
	status int
	header http.Header
	body   string
}

// send makes one request; body "" sends none.
func send(ctx context.Context, client *http.Client, method, url, key, body string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	// Without GetBody net/http does not repeat a keyed request by itself, so
	// that the tests see every failure.
	req.GetBody = nil
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b)}, err
}

// must makes one request that has to answer with status.
func (p *process) must(t *testing.T, status int, method, path, key, body string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a, err := send(ctx, http.DefaultClient, method, p.url+path, key, body)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != status {
		t.Fatalf("%s %s answered %d %s, want %d", method, path, a.status, a.body, status)
	}
	return a
}

// ready waits until the process answers 200 at /readyz.
func (p *process) ready(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if a, err := send(ctx, http.DefaultClient, http.MethodGet, p.url+"/readyz", "", ""); err == nil && a.status == http.StatusOK {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the process does not become ready")
		}
	}
}
