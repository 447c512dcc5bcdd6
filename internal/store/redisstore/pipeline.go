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
	flushers = 4
	// overdue is when the next batch no longer waits for the one under way.
	overdue = 5 * time.Millisecond
)

// pipeline sends the commands of concurrent callers together: while a batch is
// under way the next one gathers, and a command that finds none under way goes
// out at once. A batch that takes long, perhaps because its connection is dead,
// does not hold up the next.
type pipeline struct {
	client interface{ Pipeline() redis.Pipeliner }
	queue  chan *order
	turn   chan struct{} // holds the right to gather the next batch
	quit   chan struct{}
	end    sync.Once
	ended  sync.WaitGroup
}

// order is one command and its caller.
type order struct {
	cmd     *redis.StringSliceCmd
	size    int
	claimed atomic.Bool // by the batch it goes with, or by its caller, who has left
	done    chan struct{}
	err     error // when done
}

func newPipeline(client interface{ Pipeline() redis.Pipeliner }) *pipeline {
	p := &pipeline{
		client: client,
		queue:  make(chan *order, queueLen),
		turn:   make(chan struct{}, 1),
		quit:   make(chan struct{}),
	}
	p.turn <- struct{}{}
	for range flushers {
		p.ended.Go(p.flush)
	}
	return p
}

// close refuses what is in no batch yet and waits for the batches under way.
func (p *pipeline) close() {
	p.end.Do(func() { close(p.quit) })
	p.ended.Wait()
}

// do sends a command and waits for its reply until ctx ends. sent tells of a
// command that failed whether the server may have applied it all the same.
func (p *pipeline) do(ctx context.Context, args []any) (reply []string, sent bool, err error) {
	o := &order{cmd: redis.NewStringSliceCmd(ctx, args...), size: sizeOf(args), done: make(chan struct{})}
	select {
	case p.queue <- o:
	case <-ctx.Done():
		return nil, false, ctx.Err()
	case <-p.quit:
		return nil, false, redis.ErrClosed
	}
	quit := p.quit
	for {
		select {
		case <-o.done:
			return o.cmd.Val(), maybeSent(o.err), o.err
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

func (o *order) claim() bool { return o.claimed.CompareAndSwap(false, true) }

// sizeOf returns about what a command takes on the wire.
func sizeOf(args []any) int {
	const overhead = 8
	size := len(args) * overhead
	for _, a := range args {
		if text, ok := a.(string); ok {
			size += len(text)
		}
	}
	return size
}

// flush sends one batch after the other.
func (p *pipeline) flush() {
	next := func() { p.turn <- struct{}{} }
	late := time.AfterFunc(time.Hour, next)
	late.Stop()
	batch := make([]*order, 0, batchLen)
	for {
		select {
		case <-p.turn:
		case <-p.quit:
			return
		}
		batch = p.gather(batch[:0])
		if len(batch) == 0 {
			return
		}
		late.Reset(overdue)
		p.exec(batch)
		if late.Stop() {
			next()
		}
	}
}

// gather waits for a command and takes along what else waits. It returns
// nothing when the pipeline is closed.
func (p *pipeline) gather(batch []*order) []*order {
	size := 0
	take := func(o *order) {
		if o.claim() {
			batch = append(batch, o)
			size += o.size
		}
	}
	for len(batch) == 0 {
		select {
		case o := <-p.queue:
			take(o)
		case <-p.quit:
			return nil
		}
	}
	runtime.Gosched() // who is about to send something does so now
	for len(batch) < batchLen && size < batchBytes {
		select {
		case o := <-p.queue:
			take(o)
		default:
			return batch
		}
	}
	return batch
}

// exec sends a batch and answers its callers. The batch has the client's
// timeouts; how long its callers wait is up to them.
func (p *pipeline) exec(batch []*order) {
	ctx := context.Background()
	pipe := p.client.Pipeline()
	for _, o := range batch {
		_ = pipe.Process(ctx, o.cmd)
	}
	_, err := pipe.Exec(ctx)
	for _, o := range batch {
		o.err = o.cmd.Err()
		if o.err == nil && o.cmd.Val() == nil {
			o.err = err // go-redis does not say it to each when a new connection is refused by the server
		}
		close(o.done)
	}
	clear(batch)
}
