package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"toolpit/internal/execution"
	"toolpit/internal/server"
	"toolpit/internal/store"
	"toolpit/internal/store/observed"
	"toolpit/internal/telemetry"
	"toolpit/internal/tools"
	"toolpit/internal/tools/basic"
	"toolpit/internal/tools/binary"
	"toolpit/internal/tools/session"
	"toolpit/internal/tools/variable"
	"toolpit/internal/watch"
)

// GCPercent is the garbage collector's target for a replica, unless GOGC says
// another. What lives is some ten megabytes, and with Go's own 100 a fifth of a busy
// replica's time goes into looking at them again and again.
const GCPercent = 400

// App is one replica, wired but not yet serving.
type App struct {
	cfg      Config
	log      *slog.Logger
	access   *server.AccessLog
	watcher  *watcher
	hub      *watch.Hub
	streams  context.Context // done when streams are to go on at another replica
	endAll   context.CancelFunc
	http     *http.Server
	listener *listener
	stops    []stop // run in reverse
}

// stop ends one part.
type stop struct {
	what string
	end  func() error
}

// New opens what the replica needs and listens; Run serves. When it fails,
// what it had opened is closed again. Errors: *ConfigError for what no waiting
// mends.
func New(ctx context.Context, cfg Config) (*App, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, log: newLogger(cfg), access: server.NewAccessLog(cfg.Stderr, cfg.LogFormat == "json")}
	if err := a.wire(ctx); err != nil {
		return nil, errors.Join(err, a.stop())
	}
	return a, nil
}

func (a *App) onStop(what string, end func() error) { a.stops = append(a.stops, stop{what, end}) }

// stop ends every part in the reverse order of its start.
func (a *App) stop() error {
	var errs []error
	for len(a.stops) > 0 {
		last := a.stops[len(a.stops)-1]
		a.stops = a.stops[:len(a.stops)-1]
		if err := last.end(); err != nil {
			errs = append(errs, fmt.Errorf("stopping the %s: %w", last.what, err))
		}
	}
	return errors.Join(errs...)
}

// wire is one straight line on purpose: the order of starting is the order of
// the text, and stop goes the other way.
func (a *App) wire(ctx context.Context) error {
	keys, err := readKeys(a.cfg.APIKeys)
	if err != nil {
		return err
	}
	registry, err := tools.NewRegistry(basic.Tools(), session.Tools(), variable.Tools(), binary.Tools())
	if err != nil {
		return err
	}
	metrics := telemetry.NewMetrics(a.cfg.Version)
	st, err := openStore(ctx, a.cfg, metrics)
	if err != nil {
		return err
	}
	a.onStop("store", st.Close)
	replica, err := newReplica(ctx, a.cfg)
	if err != nil {
		return err
	}
	tracing, err := a.newTracing(ctx, replica, metrics)
	if err != nil {
		return err
	}
	st = observed.New(st, metrics, tracing)
	a.watcher = newWatcher(st, store.Durability(a.cfg.Durability), a.log, a.cfg.SweepInterval)
	metrics.Ready(func() bool { return a.watcher.gate() == nil && !a.watcher.draining.Load() })

	a.hub = watch.New(watch.Config{Source: st, Watchers: a.cfg.MaxWatchers, Log: a.log})
	a.onStop("watching", a.hub.Close)
	a.streams, a.endAll = context.WithCancel(context.WithoutCancel(ctx))
	a.onStop("streams", func() error {
		a.endAll()
		return nil
	})

	executor := execution.New(execution.Config{
		Light: execution.LaneConfig{Slots: a.cfg.LightSlots, Queue: a.cfg.Queue},
		CPU:   execution.LaneConfig{Slots: a.cfg.CPUSlots, Queue: a.cfg.Queue},
	})
	metrics.Lanes(func() []telemetry.Lane {
		var lanes []telemetry.Lane
		for _, l := range executor.Load() {
			lanes = append(lanes, telemetry.Lane{
				Name: l.Lane, Capacity: l.Capacity, Running: l.Running, Queued: l.Queued, Rejected: l.Rejected, Completed: l.Completed,
			})
		}
		return lanes
	})
	engine := tools.NewEngine(tools.EngineConfig{Registry: registry, Store: st, Replica: replica, Log: a.log, Load: executor})
	handler, err := server.New(server.Config{
		Engine: engine, Executor: executor, Store: st, Watch: a.hub, Streams: a.streams, Keys: keys, Replica: replica,
		Limits: server.Limits{
			BodyBytes: a.cfg.MaxBodyBytes, EnvelopeBytes: a.cfg.MaxEnvelopeBytes, TensorMemory: a.cfg.TensorMemory,
			DefaultTTL: a.cfg.DefaultTTL, MaxTTL: a.cfg.MaxTTL,
			DefaultTimeout: a.cfg.DefaultTimeout, MaxTimeout: a.cfg.MaxTimeout, Rate: a.cfg.OwnerRate,
			Session: a.cfg.sessionLimits(),
		},
		Gate: a.watcher.gate, Ready: a.watcher.ready, Log: a.log, Access: a.access, Metrics: metrics, Tracing: tracing,
	})
	if err != nil {
		return err
	}
	a.http = server.HTTPServer(a.sendElsewhere(handler), a.log)
	if a.listener, err = listen(ctx, a.cfg.Listen); err != nil {
		return fmt.Errorf("cannot listen on %s: %w", a.cfg.Listen, err) // the port may be free the next time
	}
	a.onStop("HTTP server", a.http.Close)
	return nil
}

// newTracing makes spans where it was said where to send them.
func (a *App) newTracing(ctx context.Context, replica tools.Replica, metrics *telemetry.Metrics) (*telemetry.Tracing, error) {
	if a.cfg.OTLPEndpoint == "" {
		return nil, nil
	}
	tracing, err := telemetry.NewTracing(ctx, telemetry.TracingConfig{
		Endpoint: a.cfg.OTLPEndpoint, Sample: a.cfg.TraceSample, Version: a.cfg.Version, Replica: replica.ID,
		Metrics: metrics, Log: a.log,
	})
	if err != nil {
		return nil, configErrorf("--otlp-endpoint: %v", err)
	}
	a.onStop("tracing", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), lastSpans)
		defer cancel()
		return tracing.Close(ctx)
	})
	return tracing, nil
}

// lastSpans is how long a replica that stops tries to send what it traced.
const lastSpans = 2 * time.Second

// newReplica mints the replica's name when it was given none. Its clock is
// only shown, never compared.
func newReplica(ctx context.Context, cfg Config) (tools.Replica, error) {
	host, err := os.Hostname()
	if err != nil {
		return tools.Replica{}, err
	}
	id := cfg.ReplicaID
	if id == "" {
		id = "rep_" + strings.TrimPrefix(store.MintID(), "ses_")[:12]
	}
	return tools.Replica{ID: id, PID: os.Getpid(), Host: host, Version: cfg.Version, StartedAt: time.Now().UTC()}, ctx.Err()
}

func readKeys(path string) (*server.Keys, error) {
	if path == "" {
		return nil, nil // no file: nobody is asked for a key
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, configErrorf("--api-keys: %v", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	keys, err := server.ParseKeys(f)
	if err != nil {
		return nil, configErrorf("--api-keys %s: %v", path, err)
	}
	return keys, nil
}

// Addr returns the address the replica listens on.
func (a *App) Addr() string { return a.listener.Addr().String() }

// Run serves until ctx is done, then drains: /readyz says 503, requests that
// still arrive are served for the drain delay, those under way may finish.
// Errors: *ConfigError when the store turns out to be unfit.
func (a *App) Run(ctx context.Context) error {
	defer func() {
		if err := a.stop(); err != nil {
			a.log.Error("Stopping failed.", slog.Any("error", err))
		}
	}()
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	served, watched := make(chan error, 1), make(chan error, 1)
	go func() { served <- a.http.Serve(a.listener) }()
	go func() { watched <- a.watcher.run(background) }()
	var others sync.WaitGroup
	others.Go(func() { a.access.Run(background) })
	others.Go(func() { a.hub.Run(background) })
	a.announce()

	var err error
	watching, serving := true, true
	select {
	case <-ctx.Done():
		err = a.drain(served)
		serving = false
	case err = <-watched:
		watching = false
	case err = <-served:
		serving = false
	}
	cancel()
	if watching {
		<-watched
	}
	if serving {
		_ = a.http.Close()
		<-served
	}
	others.Wait()
	return err
}

// drain lets a load balancer notice before the listener closes, serves whoever
// has connected until then, and returns when served has been received.
func (a *App) drain(served <-chan error) error {
	a.log.Info("Draining.")
	a.watcher.draining.Store(true)
	pause := time.NewTimer(a.cfg.DrainDelay)
	defer pause.Stop()
	<-pause.C
	if err := a.listener.finish(); err != nil {
		a.log.Warn("Connections that wait to be accepted are cut off.", slog.Any("error", err))
	}
	<-served   // every connection is known to the server now
	a.endAll() // whoever comes back reaches another replica
	ctx, cancel := context.WithTimeout(context.Background(), a.cfg.DrainTimeout)
	defer cancel()
	if err := a.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were still under way after %s: %w", a.cfg.DrainTimeout, err), a.http.Close())
	}
	a.log.Info("Drained.")
	return nil
}

// sendElsewhere closes connections with the answers given while draining.
// Closing idle ones at once, as SetKeepAlivesEnabled does, would cut off
// requests that are on their way.
func (a *App) sendElsewhere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.watcher.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// announce tells whoever started the process where to go.
func (a *App) announce() {
	url := "http://" + a.Addr()
	scheme, _, _ := strings.Cut(a.cfg.Store, ":")
	fmt.Fprintf(a.cfg.Stdout, `Toolpit %s serves on %s (store: %s)
  docs   %s/docs
  try    curl -s -X POST %s/sessions -H 'Content-Type: application/json' -d '{"id":"demo"}'
`, a.cfg.Version, url, scheme, url, url)
}

func newLogger(cfg Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(cfg.Stderr, opts))
	}
	return slog.New(slog.NewTextHandler(cfg.Stderr, opts))
}
