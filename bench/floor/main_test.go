package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"toolpit/internal/store/storetest/redistest"
)

func TestFloorCounts(t *testing.T) {
	url := redistest.Start(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- serve(ctx, url, in); _ = in.Close() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err, <-done)
	}
	addr, _, _ := strings.Cut(strings.TrimPrefix(line, "floor serves on "), " ")
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
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
