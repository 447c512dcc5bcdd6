package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"toolpit/internal/store/storetest/redistest"
)

// startFloor serves until the test ends and returns where.
func startFloor(t *testing.T) string {
	t.Helper()
	url := redistest.Start(t)
	ignored := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignored) })
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- serve(ctx, url, in); _ = in.Close() }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr, _, _ := strings.Cut(strings.TrimPrefix(line, "floor serves on "), " ")
	return addr
}

func TestFloorCounts(t *testing.T) {
	addr := startFloor(t)
	client := &http.Client{Timeout: 10 * time.Second}
	for path, want := range map[string][]string{"/a": {`{"value":1}`, `{"value":2}`}, "/b": {`{"value":1}`}} {
		for _, want := range want {
			resp, err := client.Post(addr+path, "application/json", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if got := strings.TrimSpace(string(body)); err != nil || got != want {
				t.Errorf("%s: %q, %v; want %s", path, got, err, want)
			}
		}
	}
	client.CloseIdleConnections()
}

func TestFloorMovesBytes(t *testing.T) {
	addr := startFloor(t)
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	call := func(method, path string, body []byte, want int) []byte {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, addr+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		got, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want {
			t.Fatalf("%s %s: %s, %v, want %d", method, path, resp.Status, err, want)
		}
		return got
	}
	content := make([]byte, 3*piece)
	for i := range content {
		content[i] = byte(i >> 7)
	}
	call(http.MethodPut, "/raw/5/3", content, http.StatusCreated)
	if got := call(http.MethodGet, "/raw/5/3", nil, http.StatusOK); !bytes.Equal(got, content) {
		t.Errorf("%d other bytes come back", len(got))
	}
	if got := call(http.MethodGet, "/raw/6/1", nil, http.StatusOK); !bytes.Equal(got, content[piece:2*piece]) {
		t.Errorf("%d other bytes of one key come back", len(got))
	}
	call(http.MethodPut, "/raw/5/3", content[1:], http.StatusServiceUnavailable)
	call(http.MethodGet, "/raw/5/0", nil, http.StatusNotFound)
	resp, err := client.Get(addr + "/raw/7/2") // the second is not there
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	if err == nil {
		t.Error("what is not there was read to its end")
	}
}
