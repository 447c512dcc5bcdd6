package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/bench/load"
)

// openLoop calls at a fixed rate for a time, whether or not what came before
// was answered, and returns how long each took from when it was due.
func openLoop(ctx context.Context, every, lasting time.Duration, call func(ctx context.Context) error) (*load.Histogram, error) {
	const atOnce = 256
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	var mu sync.Mutex
	var took load.Histogram
	begun := time.Now()
	for due := begun; due.Before(begun.Add(lasting)) && ctx.Err() == nil; due = due.Add(every) {
		time.Sleep(time.Until(due))
		group.Go(func() error {
			err := call(ctx)
			d := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			took.Add(d)
			return err
		})
	}
	err := group.Wait()
	return &took, err
}

// incrementer calls increment_counter of a session over connections of its own.
type incrementer struct {
	client  *http.Client
	url     string
	session string
}

func newIncrementer(h *httpServer, session string) *incrementer {
	const conns = 64
	return &incrementer{
		client:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: conns}, Timeout: transferTime},
		url:     "http://" + h.addr + executePath(session),
		session: session,
	}
}

func (i *incrementer) close() { i.client.CloseIdleConnections() }

func (i *incrementer) call(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.url, strings.NewReader(execution("increment_counter")))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := i.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("increment_counter: %s", resp.Status)
	}
	return nil
}
