package watch

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// Source is what a hub needs of a store.
type Source interface {
	ReadPart(ctx context.Context, ref store.Ref, bytes int64, names ...string) (store.Snapshot, error)
	Follow(ctx context.Context, ref store.Ref, after int64, limit int) (store.Followed, error)
	Listen(ctx context.Context, ring func(store.Ref)) error
}

// Config is what a hub is made of. The zero value of a field but Source means
// the default.
type Config struct {
	Source   Source
	Watchers int          // at the same time, of all sessions; default 10,000
	Log      *slog.Logger // default slog.Default
}

const (
	pollEvery = time.Second // how late a change is told that did not ring
	// pollRate bounds how many sessions are polled in a second. With more of
	// them, each is polled less often.
	pollRate = 500
	pollMost = 20 * time.Second // well within store.FollowTime
	// parallel is how many calls to the store all followers make at the same
	// time, and as many all readers that are behind.
	parallel = 16

	ringChanges = 1024     // that a session's followers share
	ringBytes   = 1 << 20  // of them, about; the last one is always kept
	hubBytes    = 64 << 20 // of all sessions together

	// readerBytes is what a reader that is behind takes for what it is handed out
	// and for its text on the way, and behindBytes what all of them may have
	// together: one that does not take it keeps the memory until it is cut off.
	readerBytes = 1 << 20
	behindBytes = 32 << 20

	listenPause    = 100 * time.Millisecond // after the first failure
	listenMost     = 5 * time.Second        // after many
	listenedEnough = 30 * time.Second       // to call the next failure the first again
)

// Hub is the one place in a replica where sessions are watched. It may be used
// by any number of goroutines.
type Hub struct {
	source Source
	limit  int
	log    *slog.Logger
	polls  chan struct{}       // places for calls of followers
	reads  chan struct{}       // places for calls of readers that are behind
	bytes  atomic.Int64        // in all rings
	behind *semaphore.Weighted // bytes of readers that are behind

	ctx     context.Context // ends the followers
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu        sync.Mutex
	followers map[store.Ref]*follower
	watchers  int
}

// New makes a hub. It must be closed.
func New(cfg Config) *Hub {
	if cfg.Watchers == 0 {
		cfg.Watchers = 10_000
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	h := &Hub{
		source: cfg.Source, limit: cfg.Watchers, log: cfg.Log,
		polls: make(chan struct{}, parallel), reads: make(chan struct{}, parallel),
		behind:    semaphore.NewWeighted(behindBytes),
		followers: map[store.Ref]*follower{},
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Run listens to what the store rings, until ctx is done. Without it, and while
// the store cannot be listened to, changes are told a second late.
func (h *Hub) Run(ctx context.Context) {
	pause := listenPause
	for {
		start := time.Now() //nolint:forbidigo // how long a call lasts is no matter of the store
		err := h.source.Listen(ctx, h.ring)
		if ctx.Err() != nil {
			return
		}
		if time.Since(start) >= listenedEnough {
			pause = listenPause
		}
		h.log.WarnContext(ctx, "The store cannot be listened to; changes are told late.",
			slog.Any("error", err), slog.Duration("again_in", pause))
		if !wait(ctx, pause) {
			return
		}
		pause = min(2*pause, listenMost)
	}
}

// wait tells whether that much time has passed before ctx was done.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Close ends everything that the hub has started and waits for it. Watches that
// are left get an error.
func (h *Hub) Close() error {
	h.cancel()
	h.running.Wait()
	return nil
}

// ring makes followers look.
func (h *Hub) ring(ref store.Ref) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ref != (store.Ref{}) {
		if f := h.followers[ref]; f != nil {
			f.ring()
		}
		return
	}
	for _, f := range h.followers {
		f.ring()
	}
}

// Position is a place in the log of a session.
type Position struct {
	Seq   int64
	Epoch string // of the session; "" when that is not known
}

// Watch begins to watch a session: after the given position in its log, or nil
// for what happens from now on. The watch must be closed. A position of a session
// that the id named earlier makes it begin with a gap: when the epoch says so,
// before the beginning of the log; when only a number beyond the log's end does,
// before what happens from now on. Errors: SessionNotFound, SessionExpired,
// PoolSaturated, StoreUnavailable.
func (h *Hub) Watch(ctx context.Context, ref store.Ref, after *Position) (*Watch, error) {
	if err := h.enter(); err != nil {
		return nil, err
	}
	var from Position
	if after != nil {
		from = *after
	}
	now, err := h.source.Follow(ctx, ref, max(0, from.Seq), 1)
	if err != nil {
		h.leave(nil)
		return nil, err
	}
	w := &Watch{hub: h, epoch: now.Epoch, position: now.Seq}
	switch {
	case after == nil:
	case from.Epoch != "" && from.Epoch != now.Epoch:
		w.position, w.gap = 0, &Gap{From: from.Seq + 1}
	case from.Seq > now.Seq:
		w.gap = &Gap{From: from.Seq + 1, To: now.Seq}
	default:
		w.position = from.Seq
	}
	w.follower = h.join(ref, now)
	return w, nil
}

// enter takes a watcher's place. Errors: PoolSaturated.
func (h *Hub) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers >= h.limit || h.ctx.Err() != nil {
		return fault.New(fault.PoolSaturated, "This replica has no room for another watcher.").Retry(time.Second)
	}
	h.watchers++
	return nil
}

// join returns the follower of a session, which begins where the log ends now.
func (h *Hub) join(ref store.Ref, now store.Followed) *follower {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.followers[ref]
	if f == nil || !f.follows(now) {
		// The one there is, if any, has yet to find out that its session is gone.
		f = newFollower(h, ref, now)
		h.followers[ref] = f
		h.running.Go(f.run)
	}
	f.watchers++
	return f
}

// leave gives a watcher's place back; a follower without watchers ends.
func (h *Hub) leave(f *follower) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchers--
	if f == nil {
		return
	}
	if f.watchers--; f.watchers == 0 {
		h.forget(f)
		f.cancel()
	}
}

// forget makes room for another follower of the same session. The caller holds mu.
func (h *Hub) forget(f *follower) {
	if h.followers[f.ref] == f {
		delete(h.followers, f.ref)
	}
}

// interval is the time between two polls of one session.
func (h *Hub) interval() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return min(max(pollEvery, time.Duration(len(h.followers))*time.Second/pollRate), pollMost)
}

// load reads changes after a position, with the variables that they made: until
// these have about batchBytes, but one change in any case. places bounds how many
// do so at the same time.
func (h *Hub) load(ctx context.Context, places chan struct{}, ref store.Ref, after int64) (store.Followed, []*Entry, error) {
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	case <-ctx.Done():
		return store.Followed{}, nil, ctx.Err()
	}
	got, err := h.source.Follow(ctx, ref, after, batchChanges)
	if err != nil {
		return store.Followed{}, nil, err
	}
	entries, err := h.complete(ctx, ref, got.Changes[:together(got.Changes)])
	return got, entries, err
}

// complete adds the variables to changes, as far as they still are as the changes
// made them, and leaves out the last changes when there would be too much.
// Others than these variables are dropped as they are read.
func (h *Hub) complete(ctx context.Context, ref store.Ref, changes []store.Change) ([]*Entry, error) {
	names, needs, versions := written(changes)
	now, read, bytes := map[string]store.Variable{}, 0, int64(0)
	for read < len(names) && (read < needs[0] || bytes < batchBytes) {
		part, err := h.source.ReadPart(ctx, ref, batchBytes, names[read:]...)
		if err != nil {
			return nil, err
		}
		for name, v := range part.Variables {
			if v.Version == versions[name] {
				now[name] = v
				bytes += v.Size()
			}
		}
		read = len(names) - part.Left
	}
	var entries []*Entry
	for i, c := range changes {
		if needs[i] > read {
			break
		}
		entries = append(entries, newEntry(c, now))
	}
	return entries, nil
}
