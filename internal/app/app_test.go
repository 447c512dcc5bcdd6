package app_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"toolpit/internal/app"
)

// config is one that works; each test changes what it is about.
func config(t *testing.T) app.Config {
	t.Helper()
	return app.Config{
		Listen: "127.0.0.1:0", Store: "sqlite:" + filepath.Join(t.TempDir(), "app.db"),
		DefaultTTL: time.Hour, MaxTTL: 24 * time.Hour, TombstoneTTL: time.Hour, IdempotencyTTL: time.Hour,
		MaxBodyBytes: 1 << 20, MaxVariables: 100, MaxValueBytes: 1000, MaxSessionBytes: 1 << 20, ChangeLog: 100,
		MaxEnvelopeBytes: 1 << 20, MaxTensorBytes: 1 << 20, TensorMemory: 64 << 20, MaxHistoryVersions: 10, MaxHistoryBytes: 1 << 20, MaxWatchers: 10,
		DefaultTimeout: time.Minute, MaxTimeout: time.Minute, LightSlots: 8, CPUSlots: 1, Queue: 8,
		DrainTimeout: 5 * time.Second, SweepInterval: 10 * time.Millisecond,
		Durability: "memory", Replicas: 1,
		LogFormat: "json", LogLevel: "warn", Version: "test", Stdout: io.Discard, Stderr: io.Discard,
	}
}

func TestConfigIsRefusedBeforeAnythingIsOpened(t *testing.T) {
	for name, spoil := range map[string]func(*app.Config){
		"--listen":               func(c *app.Config) { c.Listen = "nonsense" },
		"--insecure":             func(c *app.Config) { c.Listen = "[::]:0" },
		"--default-ttl":          func(c *app.Config) { c.DefaultTTL = 48 * time.Hour },
		"--default-timeout":      func(c *app.Config) { c.DefaultTimeout = time.Hour },
		"--tombstone-ttl":        func(c *app.Config) { c.TombstoneTTL = 0 },
		"--cpu-slots":            func(c *app.Config) { c.CPUSlots = 0 },
		"--max-envelope-bytes":   func(c *app.Config) { c.MaxEnvelopeBytes = 0 },
		"--max-tensor-bytes":     func(c *app.Config) { c.MaxTensorBytes = 0 },
		"--max-history-versions": func(c *app.Config) { c.MaxHistoryVersions = 0 },
		"--max-history-bytes":    func(c *app.Config) { c.MaxHistoryBytes = -1 },
		"--max-watchers":         func(c *app.Config) { c.MaxWatchers = 0 },
		"--tensor-memory":        func(c *app.Config) { c.TensorMemory = 1 << 20 },
		"--durability":           func(c *app.Config) { c.Durability = "eternal" },
		"replicated":             func(c *app.Config) { c.Durability = "replicated" }, // by one file
		"--replicas":             func(c *app.Config) { c.Replicas = 0 },
		"--queue":                func(c *app.Config) { c.Queue = -1 },
		"--store":                func(c *app.Config) { c.Store = "postgres://user:secret@host" },
	} {
		cfg := config(t)
		spoil(&cfg)
		_, err := app.New(t.Context(), cfg)
		if _, ok := errors.AsType[*app.ConfigError](err); !ok || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want a ConfigError that names it", name, err)
		}
	}
}

func TestAReplicaLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	a, err := app.New(ctx, config(t))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	client := &http.Client{Timeout: 10 * time.Second}
	for _, path := range []string{"/livez", "/readyz", "/tools"} {
		resp, err := client.Get("http://" + a.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	client.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
}
