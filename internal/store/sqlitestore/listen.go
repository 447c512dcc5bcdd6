package sqlitestore

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"toolpit/internal/store"
)

const (
	// lookEvery is how often a process looks for what others have committed.
	lookEvery = 25 * time.Millisecond
	// maxPending is how many sessions wait to be told of, to one listener; more
	// become any session.
	maxPending = 1024
)

// listeners are those who want to know of commits. The zero value has none.
type listeners struct {
	count atomic.Int64 // of all; what looks whether there are any must not wait
	mu    sync.Mutex
	all   map[*listener]struct{}
}

// listener is one who wants to know, and what there is to tell. Only its owner
// waits for whoever is told: a commit leaves a note and goes on.
type listener struct {
	mu      sync.Mutex
	pending map[store.Ref]struct{}
	wake    chan struct{}
}

func (ls *listeners) add(l *listener) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.all == nil {
		ls.all = make(map[*listener]struct{})
	}
	ls.all[l] = struct{}{}
	ls.count.Add(1)
}

func (ls *listeners) remove(l *listener) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	delete(ls.all, l)
	ls.count.Add(-1)
}

// tell leaves a note of a changed session, if it is one.
func (ls *listeners) tell(ref store.Ref) {
	if ref == (store.Ref{}) || ls.count.Load() == 0 {
		return
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for l := range ls.all {
		l.note(ref)
	}
}

func (l *listener) note(ref store.Ref) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) >= maxPending {
		clear(l.pending)
		ref = store.Ref{}
	}
	if l.pending == nil {
		l.pending = make(map[store.Ref]struct{})
	}
	l.pending[ref] = struct{}{}
	select {
	case l.wake <- struct{}{}:
	default: // it is awake already
	}
}

// take returns what there is to tell.
func (l *listener) take() map[store.Ref]struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	pending := l.pending
	l.pending = nil
	return pending
}

// Listen calls ring after commits: at once with the session for this process's
// own, within some hundredths of a second with the zero Ref for those of other
// processes.
func (s *Store) Listen(ctx context.Context, ring func(store.Ref)) error {
	l := &listener{wake: make(chan struct{}, 1)}
	s.listeners.add(l)
	defer s.listeners.remove(l)
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var others foreign
	var turn chan *conn // the writer's, while it is time to look
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.writer.closed:
			return translate(ctx, errClosed)
		case <-l.wake:
			for ref := range maps.Keys(l.take()) {
				ring(ref)
			}
		case <-ticker.C:
			turn = s.writer.slots
		case c := <-turn:
			turn = nil
			changed, err := s.lookAround(ctx, c, &others)
			if err != nil && !isBusy(err) {
				return listening(ctx, err)
			}
			if changed {
				ring(store.Ref{})
			}
		}
	}
}

// listening translates why listening ended.
func listening(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return ctx.Err()
	}
	return translate(ctx, err)
}

// foreign is what was last seen of other processes' commits.
type foreign struct {
	conn    *conn // that saw it
	version int64
}

const dataVersion = "PRAGMA data_version"

// lookAround tells whether another process may have committed something. It
// asks the connection that writes: to that one alone this process's own commits
// are no news.
func (s *Store) lookAround(ctx context.Context, c *conn, seen *foreign) (changed bool, err error) {
	c, err = s.writer.ready(ctx, c)
	if err != nil {
		return false, err
	}
	defer s.writer.give(c)
	version, err := pragma(c, dataVersion)
	if err != nil {
		return false, err
	}
	changed = seen.conn != nil && (seen.conn != c || seen.version != version)
	*seen = foreign{c, version}
	return changed, nil
}
