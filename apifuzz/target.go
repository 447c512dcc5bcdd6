package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// patience bounds the start and the end of a server.
const patience = 15 * time.Second

// target is the server that is called.
type target struct {
	url string

	// Of a server that was started here.
	cmd *exec.Cmd
	dir string
	log *os.File
}

var address = regexp.MustCompile(`http://[0-9.:]+`)

// startTarget starts a server on SQLite in a directory of its own. It collects
// garbage often, so that what it really holds shows at any time.
func startTarget(ctx context.Context, program string) (_ *target, err error) {
	t := &target{}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.stop())
		}
	}()
	if t.dir, err = os.MkdirTemp("", "toolpit-apifuzz-"); err != nil {
		return nil, err
	}
	if t.log, err = os.Create(filepath.Join(t.dir, "log")); err != nil {
		return nil, err
	}
	t.cmd = exec.CommandContext(ctx, program, "serve", "--listen", "127.0.0.1:0", "--drain-delay", "0s", "--log-format", "json",
		"--store", "sqlite:"+filepath.Join(t.dir, "toolpit.db"))
	t.cmd.Env = append(os.Environ(), "GOGC=25")
	t.cmd.Stderr = t.log
	out, err := t.cmd.StdoutPipe()
	if err == nil {
		err = t.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if t.url = address.FindString(line); t.url == "" {
		return nil, fmt.Errorf("%s said %q: %w", program, line, err)
	}
	return t, nil
}

// ready waits until the server can serve.
func (t *target) ready(ctx context.Context, client *http.Client) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if a, err := get(ctx, client, t.url+"/readyz"); err == nil && a.status == http.StatusOK {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready", t.url)
		}
	}
}

func get(ctx context.Context, client *http.Client, url string) (answer, error) {
	base, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	_, a, err := send(ctx, client, "http://"+base, &call{method: http.MethodGet, path: "/" + path, header: http.Header{}})
	return a, err
}

// outcry returns the lines of the server's log that tell of a panic or of an
// error of its own, except for demonstrations that were asked for.
func (t *target) outcry() ([]string, error) {
	if t.log == nil {
		return nil, nil
	}
	text, err := os.ReadFile(t.log.Name())
	var bad []string
	for line := range strings.SplitSeq(string(text), "\n") {
		loud := strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, "panic") || strings.Contains(line, "goroutine ")
		if loud && !strings.Contains(line, `"tool":"error_demo"`) {
			bad = append(bad, line)
		}
	}
	return bad, err
}

// stop ends the server, and removes its files.
func (t *target) stop() error {
	if t.dir == "" {
		return nil
	}
	var err error
	if t.cmd != nil && t.cmd.Process != nil {
		late := time.AfterFunc(patience, func() { _ = t.cmd.Process.Kill() })
		err = t.cmd.Process.Signal(syscall.SIGTERM)
		err = errors.Join(err, t.cmd.Wait())
		late.Stop()
	}
	return errors.Join(err, t.log.Close(), os.RemoveAll(t.dir))
}
