package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/server"
	"toolpit/internal/store"
)

const (
	waitPause    = 250 * time.Millisecond // between two looks at a store that does not answer yet
	recheckEvery = time.Minute            // an operator may change an eviction policy at any time
)

// watcher waits for the store to become fit, then keeps house in it and looks
// from time to time whether it still is.
type watcher struct {
	store    store.Health
	level    store.Durability // that every write is to have
	log      *slog.Logger
	sweep    time.Duration
	state    atomic.Pointer[verdict]
	draining atomic.Bool
}

// verdict is what the last check said; nil err means fit.
type verdict struct{ err error }

func newWatcher(s store.Health, level store.Durability, log *slog.Logger, sweep time.Duration) *watcher {
	w := &watcher{store: s, level: level, log: log, sweep: sweep}
	w.state.Store(&verdict{err: fault.New(fault.StoreUnavailable, "The store has not answered yet.").Retry(time.Second)})
	return w
}

// gate returns why requests that need the store must be refused, or nil. It
// asks nobody: a store that was fit and stopped answering is found out by the
// request itself.
func (w *watcher) gate() error { return w.state.Load().err }

// run works until ctx is done. It returns an error only when the store is
// found unfit before it was ever fit: then there is nothing to wait for.
func (w *watcher) run(ctx context.Context) error {
	if err := w.await(ctx); err != nil {
		return err
	}
	sweep := time.NewTicker(w.sweep)
	defer sweep.Stop()
	recheck := time.NewTicker(recheckEvery)
	defer recheck.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			w.keepHouse(ctx)
		case <-recheck.C:
			w.recheck(ctx)
		}
	}
}

// await returns when the store is fit, when it can never be, or when ctx is
// done.
func (w *watcher) await(ctx context.Context) error {
	pause := time.NewTicker(waitPause)
	defer pause.Stop()
	for told := false; ; {
		err := w.store.Check(ctx)
		if err == nil {
			w.state.Store(&verdict{})
			w.log.InfoContext(ctx, "The store answers.")
			return nil
		}
		if unfit, ok := errors.AsType[*store.Unfit](err); ok {
			return &ConfigError{Reason: unfit.Reason}
		}
		if late := fault.From(err); late.Code == fault.StoreUnavailable {
			w.state.Store(&verdict{err: late}) // which says what is waited for
		}
		if !told && ctx.Err() == nil {
			w.log.WarnContext(ctx, "The store does not answer; waiting for it.", slog.Any("error", err))
			told = true
		}
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
	}
}

// recheck finds a store that became unfit while it was used. One that merely
// does not answer changes nothing: requests say so themselves.
func (w *watcher) recheck(ctx context.Context) {
	err := w.store.Check(ctx)
	switch {
	case err == nil:
		w.state.Store(&verdict{})
	case store.IsUnfit(err):
		w.log.ErrorContext(ctx, "The store has become unfit.", slog.Any("error", err))
		w.state.Store(&verdict{err: fault.New(fault.StoreUnavailable, "The store is not fit for use.").Because(err).Retry(recheckEvery)})
	}
}

func (w *watcher) keepHouse(ctx context.Context) {
	swept, err := w.store.Sweep(ctx)
	if err != nil {
		if ctx.Err() == nil {
			w.log.WarnContext(ctx, "Housekeeping failed; the next pass goes on.", slog.Any("error", err))
		}
		return
	}
	if swept != (store.Swept{}) {
		w.log.DebugContext(ctx, "Housekeeping removed what had expired.",
			slog.Int64("sessions", swept.Sessions), slog.Int64("tokens", swept.Tokens), slog.Int64("hints", swept.Hints))
	}
}

// ready tells what the replica needs; it asks the store, whatever the last
// check said.
func (w *watcher) ready(ctx context.Context) server.Readiness {
	st := server.Component{Name: "store", State: server.Up}
	start := time.Now()
	_, err := w.store.Now(ctx)
	st.Latency = time.Since(start)
	var honours []store.Durability
	if err == nil {
		// An error is no reason to be sent no more requests: it may be that of
		// one master among many.
		honours, _ = w.store.Honours(ctx)
		err = w.gate()
	}
	if err == nil && len(honours) > 0 && !slices.Contains(honours, w.level) {
		err = fault.New(fault.StoreUnavailable, "The store does not honour the durability that writes are to have.")
	}
	if err != nil {
		st.State, st.Detail = server.Down, fault.From(err).Detail
	}
	own := server.Component{Name: "replica", State: server.Up}
	if w.draining.Load() {
		own.State, own.Detail = server.Draining, "the replica is stopping"
	}
	return server.Readiness{
		Components: []server.Component{st, own},
		Durability: server.Durability{Level: w.level, Honours: honours},
	}
}
