package watch

import (
	"context"
	"errors"
	"time"

	"toolpit/internal/fault"
)

// batchBytes is about how much a reader gets at once, and is read at once.
const batchBytes = 256 << 10

// Reason says why there is nothing left to watch.
type Reason string

// The reasons. They are what clients are told.
const (
	Deleted Reason = "deleted"
	Expired Reason = "expired"
)

// Gap is a part of the log that is not there any more, both ends included. After
// a position of an earlier session, To is less than From.
type Gap struct{ From, To int64 }

// Batch is what a reader gets at once, in this order; something is in it.
type Batch struct {
	Gap      *Gap
	Entries  []*Entry
	Expiring time.Time // when the session ends, told once each time that this is near; else zero
	Closed   Reason    // nothing comes after it; "" while the session lives
}

// Watch is one reader of a session's log. One goroutine at a time may use it.
type Watch struct {
	hub      *Hub
	follower *follower
	epoch    string
	position int64 // of the last change that was handed out
	gap      *Gap  // to be told first
	told     time.Time
	held     int64 // bytes of Hub.behind
	closed   bool
}

// Position is the number in the log up to which everything was handed out.
func (w *Watch) Position() int64 { return w.position }

// Epoch is that of the session, to which the position belongs.
func (w *Watch) Epoch() string { return w.epoch }

// Close ends the watch.
func (w *Watch) Close() {
	if !w.closed {
		w.closed = true
		w.Keep(0)
		w.hub.leave(w.follower)
	}
}

// Reserve waits for memory for so much that a reader who is behind, or begins,
// is handed out: it is taken until the next call of Next, or less is kept. All
// such readers share it. Errors: that of ctx, PoolSaturated when the hub closes.
func (w *Watch) Reserve(ctx context.Context, bytes int64) error {
	w.Keep(0)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.hub.ctx, cancel)()
	if err := w.hub.behind.Acquire(ctx, bytes); err != nil {
		if w.hub.ctx.Err() != nil {
			return stopping(w.hub.ctx.Err())
		}
		return err
	}
	w.held = bytes
	return nil
}

// Keep gives back what is reserved beyond so many bytes.
func (w *Watch) Keep(bytes int64) {
	if bytes < w.held {
		w.hub.behind.Release(w.held - bytes)
		w.held = bytes
	}
}

func stopping(err error) error {
	return fault.New(fault.PoolSaturated, "The replica stops.").Because(err)
}

// Next waits for what comes next, and takes it that the batch before is done
// with. When ctx is done first it returns its error,
// and nothing is lost: the next call goes on at the same place. Errors besides:
// PoolSaturated when the hub closes, Internal when the log cannot be read.
func (w *Watch) Next(ctx context.Context) (Batch, error) {
	w.Keep(0)
	if gap := w.gap; gap != nil {
		w.gap = nil
		return Batch{Gap: gap}, nil
	}
	for {
		now := w.follower.at(w.position)
		switch {
		case now.behind:
			b, err := w.read(ctx)
			if err == nil || !passing(err) {
				return b, err
			}
		case len(now.entries) > 0:
			return w.take(now.entries), nil
		case now.closed != "":
			return Batch{Closed: now.closed}, nil
		case !now.expiring.IsZero() && !now.expiring.Equal(w.told):
			w.told = now.expiring
			return Batch{Expiring: now.expiring}, nil
		}
		if err := w.await(ctx, now); err != nil {
			return Batch{}, err
		}
	}
}

// state is what a follower has for a position.
type state struct {
	entries  []*Entry
	behind   bool // the position is before what is shared
	expiring time.Time
	closed   Reason
	news     <-chan struct{}
}

func (f *follower) at(position int64) state {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := state{expiring: f.expiring, closed: f.closed, news: f.news}
	if position >= f.tail.base {
		s.entries = f.tail.after(position)
	} else {
		s.behind = f.closed == "" // what is no more cannot be read
	}
	return s
}

// await waits for news, or, when the store did not answer, for the time to ask
// it again.
func (w *Watch) await(ctx context.Context, now state) error {
	var again <-chan time.Time
	if now.behind {
		timer := time.NewTimer(pollEvery)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-now.news:
	case <-again:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.hub.ctx.Done():
		return stopping(w.hub.ctx.Err())
	}
	return nil
}

// passing tells whether an error of the store is one to wait out.
func passing(err error) bool {
	return errors.Is(err, fault.StoreUnavailable) || errors.Is(err, fault.DeadlineExceeded) ||
		errors.Is(err, fault.PoolSaturated) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// read reads the log for a reader that is behind what is shared.
func (w *Watch) read(ctx context.Context) (Batch, error) {
	if err := w.Reserve(ctx, readerBytes); err != nil {
		return Batch{}, err
	}
	got, entries, err := w.hub.load(ctx, w.hub.reads, w.follower.ref, w.position)
	var bytes int64
	for _, e := range entries {
		bytes += 2 * e.bytes // the text on its way is another copy
	}
	w.Keep(bytes)
	if reason := gone(err); reason != "" {
		return Batch{Closed: reason}, nil
	}
	if err != nil {
		return Batch{}, err
	}
	if got.Epoch != w.epoch || got.Seq <= w.position { // what is behind has something before it
		return Batch{Closed: Deleted}, nil
	}
	if len(entries) > 0 {
		return w.take(entries), nil
	}
	gap := &Gap{From: w.position + 1, To: got.Seq}
	w.position = got.Seq
	return Batch{Gap: gap}, nil
}

// take hands entries out, up to the first hole in the log; one before them is
// told.
func (w *Watch) take(entries []*Entry) Batch {
	var b Batch
	if first := entries[0].Seq; first > w.position+1 {
		b.Gap = &Gap{From: w.position + 1, To: first - 1}
		w.position = first - 1
	}
	n := 0
	for n < len(entries) && entries[n].Seq == w.position+1 {
		w.position++
		n++
	}
	b.Entries = entries[:n]
	return b
}
