package app_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"toolpit/internal/app"
)

// TestAConnectionThatWasMadeIsServed drains a replica under clients that open a
// connection for every request and look at nothing. In the end their
// connections are refused, which is safe to repeat; none that was made may be
// cut off.
func TestAConnectionThatWasMadeIsServed(t *testing.T) {
	const rounds, clients = 3, 32
	served, refused := 0, 0 // those cut off count as refused, and as errors
	for range rounds {
		s, r := drainUnder(t, clients)
		served, refused = served+s, refused+r
	}
	t.Logf("%d requests on connections of their own were served while %d replicas stopped, %d connections were refused", served, rounds, refused)
}

// drainUnder starts a replica, stops it under load and returns how many
// requests were served and how many connections refused.
func drainUnder(t *testing.T, clients int) (served, refused int) {
	t.Helper()
	cfg := config(t)
	cfg.DrainDelay = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a, err := app.New(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()

	var mu sync.Mutex
	var wg sync.WaitGroup
	warm := make(chan struct{}, clients)
	for range clients {
		wg.Go(func() {
			client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
			for n := 0; ; n++ {
				err := fetch(client, "http://"+a.Addr()+"/livez")
				mu.Lock()
				if err == nil {
					served++
				} else {
					refused++
				}
				mu.Unlock()
				if n == 0 {
					warm <- struct{}{}
				}
				if err == nil {
					continue
				}
				if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
					t.Errorf("a connection that was made was cut off: %v", err)
				}
				return
			}
		})
	}
	for range clients {
		<-warm
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
	wg.Wait()
	return served, refused
}

func fetch(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}
