package watch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// follower reads the log of one session for all who watch it. It ends with its
// last watcher, with its session, or with the hub.
type follower struct {
	hub      *Hub
	ref      store.Ref
	epoch    string
	watchers int // hub.mu guards it
	ctx      context.Context
	cancel   context.CancelFunc
	bell     chan struct{} // holds one ring

	mu       sync.Mutex
	news     chan struct{} // closed and replaced whenever what is below changes
	tail     tail
	expiring time.Time // when the session ends, if that is near; else zero
	closed   Reason
}

func newFollower(h *Hub, ref store.Ref, now store.Followed) *follower {
	f := &follower{
		hub: h, ref: ref, epoch: now.Epoch,
		bell: make(chan struct{}, 1), news: make(chan struct{}), tail: tail{base: now.Seq, last: now.Seq},
	}
	f.ctx, f.cancel = context.WithCancel(h.ctx)
	f.ring() // the first look learns when the session expires
	return f
}

// ring makes the follower look.
func (f *follower) ring() {
	select {
	case f.bell <- struct{}{}:
	default:
	}
}

// follows tells whether what the store says now is about the session that is
// followed, and not about a later one of the same id.
func (f *follower) follows(now store.Followed) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed == "" && f.epoch == now.Epoch && f.tail.last <= now.Seq
}

// run looks whenever there is a reason to.
func (f *follower) run() {
	defer f.release()
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-f.bell:
		case <-timer.C:
		}
		again, ended := f.look()
		if ended {
			return
		}
		timer.Reset(again)
	}
}

// release gives back what the hub counts.
func (f *follower) release() {
	f.cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hub.bytes.Add(-f.tail.bytes)
	f.tail.bytes = 0
}

// look publishes what is new, and says when to look again unless it rings. ended
// tells that there is nothing to look for any more.
func (f *follower) look() (again time.Duration, ended bool) {
	for {
		last := f.last()
		got, entries, err := f.hub.load(f.ctx, f.hub.polls, f.ref, last)
		switch reason := gone(err); {
		case f.ctx.Err() != nil:
			return 0, true
		case reason != "":
			f.end(reason)
			return 0, true
		case err != nil:
			f.hub.log.DebugContext(f.ctx, "A watched session cannot be read at the moment.", slog.Any("error", err))
			return f.hub.interval(), false
		case got.Epoch != f.epoch || got.Seq < last:
			f.end(Deleted)
			return 0, true
		}
		if n := len(entries); n > 0 {
			f.publish(got, entries, entries[n-1].Seq)
		} else {
			f.publish(got, nil, got.Seq)
		}
		if f.last() >= got.Seq {
			return f.again(got), false
		}
	}
}

// last is up to where the log has been read.
func (f *follower) last() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tail.last
}

// gone tells whether an error says that the session is no more.
func gone(err error) Reason {
	switch {
	case errors.Is(err, fault.SessionNotFound):
		return Deleted
	case errors.Is(err, fault.SessionExpired):
		return Expired
	default:
		return ""
	}
}

// publish hands over what was read.
func (f *follower) publish(got store.Followed, entries []*Entry, last int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var expiring time.Time
	if got.Expires.Sub(got.At) < notice(got.TTL) {
		expiring = got.Expires
	}
	if len(entries) == 0 && last == f.tail.last && expiring.Equal(f.expiring) {
		return
	}
	f.expiring = expiring
	f.hub.bytes.Add(f.tail.add(entries, last, hubBytes-f.hub.bytes.Load()))
	f.tell()
}

// tell wakes those who wait. The caller holds mu.
func (f *follower) tell() {
	close(f.news)
	f.news = make(chan struct{})
}

// end tells that the session is gone.
func (f *follower) end(reason Reason) {
	f.hub.mu.Lock()
	f.hub.forget(f)
	f.hub.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = reason
	f.tell()
}

// notice is how long before its end a session counts as expiring.
func notice(ttl time.Duration) time.Duration { return min(ttl/10, time.Minute) }

// again is the time until the next look: that of the poll, or earlier, when the
// session begins to expire or has expired. It goes by the store's clock.
func (f *follower) again(got store.Followed) time.Duration {
	const (
		after  = time.Millisecond // the store rounds
		mostly = 10 * time.Millisecond
	)
	left := got.Expires.Sub(got.At)
	due := left
	if n := notice(got.TTL); left >= n {
		due = left - n
	}
	return max(min(f.hub.interval(), due+after), mostly)
}
