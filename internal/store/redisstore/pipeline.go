package redisstore

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// A batch takes no further command once it has that many, or that many
	// bytes.
	batchLen   = 128
	batchBytes = 1 << 20
	// queueLen is how many commands wait for a batch; further callers wait in
	// front of the queue.
	queueLen = 1024
	// flushers is how many batches may be under way at once.
	flushers = 32
	// enough are worth a batch of their own while another is under way: the
	// server works on one, this process on the answers to the other.
	enough = 32
	// overdue is when the next batch no longer waits for the one under way, and
	// when a caller begins to look at the clock.
	overdue = 5 * time.Millisecond
)

// pipeline sends the commands of concurrent callers together: while a batch is
// under way the next one gathers. A command that finds none under way is sent
// by its caller at once. A batch that takes long, perhaps because its
// connection is dead, does not hold up the next.
type pipeline struct {
	client interface{ Pipeline() redis.Pipeliner }
	queue  chan *order
	// One token is in turn while no batch is under way, in work when a flusher
	// is to send what is in the queue, and else with whoever sends a batch.
	turn, work chan struct{}
	more       chan struct{} // has a flusher send a batch without the token
	quit       chan struct{}
	end        sync.Once
	ended      sync.WaitGroup // of the flushers
	observer   Observer
	timers     sync.Pool // *time.Timer, stopped
}

// order is one command and its caller.
type order struct {
	command
	claimed atomic.Bool // by the batch it goes with, or by its caller, who has left
	done    chan struct{}
	reply   []string // when done
	err     error    // when done
}

func newPipeline(client interface{ Pipeline() redis.Pipeliner }) *pipeline {
	p := &pipeline{
		client: client,
		queue:  make(chan *order, queueLen),
		turn:   make(chan struct{}, 1),
		work:   make(chan struct{}, 1),
		more:   make(chan struct{}, flushers),
		quit:   make(chan struct{}),
		timers: sync.Pool{New: func() any { return stopped() }},
	}
	p.turn <- struct{}{}
	for range flushers {
		p.ended.Go(p.flush)
	}
	return p
}

func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// close refuses what is in no batch yet and waits for the batches under way.
func (p *pipeline) close() {
	p.end.Do(func() { close(p.quit) })
	p.ended.Wait()
}

// do sends a command and waits for its reply until ctx ends. sent tells of a
// command that failed whether the server may have applied it all the same. One
// that writes is answered when its replicas have confirmed it.
func (p *pipeline) do(ctx context.Context, c command) (reply []string, sent bool, err error) {
	o := &order{command: c, done: make(chan struct{})}
	select {
	case <-p.quit:
		return nil, false, redis.ErrClosed
	case <-p.turn:
		runtime.Gosched() // those who are about to come, too, go along; with nobody there it costs nothing
		if len(p.queue) == 0 {
			late := time.AfterFunc(overdue, p.pass)
			p.exec(ctx, []*order{o})
			if late.Stop() {
				p.pass()
			}
			return o.answer()
		}
		queued := p.enqueue(o)
		p.pass()
		if queued {
			return p.await(ctx, o)
		}
	default:
	}
	if !p.enqueue(o) {
		select {
		case p.queue <- o:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-p.quit:
			return nil, false, redis.ErrClosed
		}
	}
	p.wake()
	return p.await(ctx, o)
}

// enqueue tells whether there is room in the queue.
func (p *pipeline) enqueue(o *order) bool {
	select {
	case p.queue <- o:
		return true
	default:
		return false
	}
}

// await waits for the batch that an order in the queue goes with.
func (p *pipeline) await(ctx context.Context, o *order) (reply []string, sent bool, err error) {
	if p.soon(o) {
		return o.answer()
	}
	quit := p.quit
	for {
		select {
		case <-o.done:
			return o.answer()
		case <-ctx.Done():
			return nil, !o.claim(), ctx.Err()
		case <-quit:
			if o.claim() {
				return nil, false, redis.ErrClosed
			}
			quit = nil // its batch is under way
		}
	}
}

// pass gives the token away.
func (p *pipeline) pass() {
	p.turn <- struct{}{}
	p.wake()
}

// wake has a flusher send what is in the queue unless a batch is under way.
// Whoever puts something into the queue, or the token into turn, calls it
// afterwards, so one of two who do so at once sees what both did.
func (p *pipeline) wake() {
	waiting := len(p.queue)
	if waiting == 0 {
		return
	}
	select {
	case <-p.turn:
		p.work <- struct{}{}
		return
	default:
	}
	if waiting%enough == 0 {
		select {
		case p.more <- struct{}{}:
		default: // no flusher has time
		}
	}
}

func (o *order) answer() (reply []string, sent bool, err error) {
	return o.reply, o.err != nil && maybeSent(o.err), o.err
}

// soon waits for as long as a reply normally takes. Who waits longer asks the
// context when it ends, which costs a timer and a place in the lists of all
// contexts above.
func (p *pipeline) soon(o *order) bool {
	t := p.timers.Get().(*time.Timer)
	defer p.timers.Put(t)
	t.Reset(overdue)
	select {
	case <-o.done:
		t.Stop()
		return true
	case <-t.C:
		return false
	}
}

func (o *order) claim() bool { return o.claimed.CompareAndSwap(false, true) }

// flush sends one batch after the other. They have only the client's timeouts:
// how long their callers wait is up to each of them.
func (p *pipeline) flush() {
	ctx := context.Background()
	for {
		select {
		case <-p.work:
			batch := p.gather()
			late := time.AfterFunc(overdue, p.pass)
			p.exec(ctx, batch)
			if len(batch) > 1 {
				runtime.Gosched() // those who come back at once make the next batch
			}
			if late.Stop() {
				p.pass()
			}
		case <-p.more:
			if batch := p.gather(); len(batch) > 0 {
				p.exec(ctx, batch)
			}
		case <-p.quit:
			return
		}
	}
}

// gather takes what waits.
func (p *pipeline) gather() []*order {
	most := min(max(enough, len(p.queue)/2), batchLen)
	batch, size := make([]*order, 0, most), 0
	for len(batch) < most && size < batchBytes {
		select {
		case o := <-p.queue:
			if o.claim() {
				batch = append(batch, o)
				size += o.size()
			}
		default:
			return batch
		}
	}
	return batch
}

// exec sends a batch and answers its callers.
func (p *pipeline) exec(ctx context.Context, batch []*order) {
	p.observer.Batch(len(batch))
	pipe := p.client.Pipeline()
	all := join(batch)
	for i := range all {
		_ = pipe.Process(ctx, all[i].command(ctx))
	}
	confirmation := confirm(ctx, pipe, batch)
	_, err := pipe.Exec(ctx)
	for i := range all {
		all[i].settle(err, confirmation)
	}
	for _, o := range batch {
		close(o.done)
	}
}
