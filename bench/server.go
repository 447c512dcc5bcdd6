package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"
)

// httpServer is Toolpit or the floor, serving.
type httpServer struct {
	*process
	addr string
	line string // what it said first
}

// Where a server says what it listens on.
var serves = regexp.MustCompile(` serves on http://([0-9.:]+)`)

// startServer starts a program that names its address in its first line.
func (s *stage) startServer(ctx context.Context, c command) (*httpServer, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	p, err := s.start(c)
	if err != nil {
		return nil, err
	}
	line, err := p.firstLine(ctx)
	if err != nil {
		return nil, err
	}
	found := serves.FindStringSubmatch(line)
	if found == nil {
		return nil, p.failure(fmt.Sprintf("said %q", line))
	}
	return &httpServer{process: p, addr: found[1], line: line}, nil
}

// toolpitCommand is a replica on a store, with all the defaults.
func toolpitCommand(bin, store string) command {
	return command{
		name: "toolpit", path: filepath.Join(bin, "toolpit"),
		args: []string{"serve", "--listen", "127.0.0.1:0", "--store", store, "--drain-delay", "0s"},
	}
}

// startToolpit starts a replica and waits until it is ready.
func (s *stage) startToolpit(ctx context.Context, c command) (*httpServer, error) {
	h, err := s.startServer(ctx, c)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return h, h.settle(ctx, func(ctx context.Context) error {
		_, err := h.ask(ctx, http.MethodGet, "/readyz", "", http.StatusOK)
		return err
	})
}

func floorCommand(bin, store string) command {
	return command{name: "floor", path: filepath.Join(bin, "floor"), args: []string{store}}
}

// startFloor starts the floor and returns the digest of its script, too.
func (s *stage) startFloor(ctx context.Context, c command) (floor *httpServer, sha string, err error) {
	if floor, err = s.startServer(ctx, c); err != nil {
		return nil, "", err
	}
	found := regexp.MustCompile(` with script ([0-9a-f]{40})$`).FindStringSubmatch(floor.line)
	if found == nil {
		return nil, "", floor.failure(fmt.Sprintf("said %q", floor.line))
	}
	return floor, found[1], nil
}

// forgetLog empties the log, which would fill the disk in the long run.
func (h *httpServer) forgetLog() error { return os.Truncate(h.log, 0) }

const askTime = 5 * time.Second

// ask sends a request and returns the body of an answer that has the status.
func (h *httpServer) ask(ctx context.Context, method, path, body string, status int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+h.addr+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	const most = 1 << 20
	answer, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err == nil && resp.StatusCode != status {
		err = fmt.Errorf("%s %s: %s, want %d: %.500s", method, path, resp.Status, status, answer)
	}
	return answer, err
}

func executePath(session string) string { return "/sessions/" + session + "/execute" }

// execution is the request for a tool without arguments.
func execution(tool string) string { return `{"tool":"` + tool + `","arguments":{}}` }

// create makes a session.
func (h *httpServer) create(ctx context.Context, session string) error {
	_, err := h.ask(ctx, http.MethodPost, "/sessions", `{"id":"`+session+`"}`, http.StatusCreated)
	return err
}

func (h *httpServer) remove(ctx context.Context, session string) error {
	_, err := h.ask(ctx, http.MethodDelete, "/sessions/"+session, "", http.StatusNoContent)
	return err
}

// expect fails unless the session's counter stands at want.
func (h *httpServer) expect(ctx context.Context, session string, want int) error {
	text, err := h.ask(ctx, http.MethodPost, executePath(session), execution("get_counter"), http.StatusOK)
	if err != nil {
		return err
	}
	var answer struct {
		Result struct {
			Value *int `json:"value"`
		} `json:"result"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	if n := answer.Result.Value; n == nil || *n != want {
		return fmt.Errorf("%d increments were answered, and then get_counter answers %s", want, text)
	}
	return nil
}
