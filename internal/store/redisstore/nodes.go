package redisstore

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// nodes are the masters of a Cluster that were spoken to of late, each with a
// pipeline of its own: go-redis's pipeline to a Cluster repeats what it lost, and
// WAIT must be on the connection of the write.
type nodes struct {
	options  func(addr string) *redis.Options
	observer Observer

	mu     sync.RWMutex
	known  map[string]*node // by address
	closed bool
}

// node is one master, or one that is becoming it.
type node struct {
	client   *redis.Client
	pipeline *pipeline
	users    atomic.Int64
	used     atomic.Bool // since retire looked
}

func newNodes(options func(addr string) *redis.Options) *nodes {
	return &nodes{options: options, observer: nobody{}, known: map[string]*node{}}
}

// with calls fn with the node at an address, which is not retired meanwhile.
func (n *nodes) with(addr string, fn func(*node) error) error {
	found := n.find(addr)
	if found == nil {
		if found = n.add(addr); found == nil {
			return redis.ErrClosed
		}
	}
	defer found.users.Add(-1)
	return fn(found)
}

func (n *nodes) find(addr string) *node {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.use(addr)
}

// use is for a caller that holds mu.
func (n *nodes) use(addr string) *node {
	found := n.known[addr]
	if found != nil {
		found.users.Add(1)
		found.used.Store(true)
	}
	return found
}

// add returns nil when the nodes are closed.
func (n *nodes) add(addr string) *node {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	if n.known[addr] == nil {
		c := redis.NewClient(n.options(addr))
		c.AddHook(&dialing{})
		made := &node{client: c, pipeline: newPipeline(c)}
		made.pipeline.observer = n.observer
		n.known[addr] = made
	}
	return n.use(addr)
}

// retire closes the nodes that nobody spoke to since it was last called: they
// may have left the Cluster. One that is spoken to again is opened again.
func (n *nodes) retire() {
	n.mu.Lock()
	var idle []*node
	for addr, node := range n.known {
		if !node.used.Swap(false) && node.users.Load() == 0 {
			idle = append(idle, node)
			delete(n.known, addr)
		}
	}
	n.mu.Unlock()
	for _, node := range idle {
		node.close()
	}
}

// close waits for the batches under way. Nothing is sent afterwards.
func (n *nodes) close() {
	n.mu.Lock()
	n.closed = true
	all := n.known
	n.known = nil
	n.mu.Unlock()
	for _, node := range all {
		node.close()
	}
}

func (n *node) close() {
	n.pipeline.close()
	_ = n.client.Close() // nothing is left on its connections
}

// ask sends a command, alone, to the node that a slot is moving to.
func (n *node) ask(ctx context.Context, c command) (reply []string, sent bool, err error) {
	o := &order{command: c}
	alone := joined{orders: []*order{o}}
	pipe := n.client.Pipeline()
	_ = pipe.Process(ctx, redis.NewStatusCmd(ctx, "asking"))
	_ = pipe.Process(ctx, alone.command(ctx))
	confirmation := confirm(ctx, pipe, []*order{o})
	_, err = pipe.Exec(ctx)
	alone.settle(err, confirmation)
	return o.answer()
}

// redirection reads an answer "MOVED 3999 host:port" or "ASK 3999 host:port" of
// the node at from: without a host it means a port of the same.
func redirection(answer, from string) (addr string, moved, ask bool) {
	rest, moved := strings.CutPrefix(answer, "MOVED ")
	if !moved {
		if rest, ask = strings.CutPrefix(answer, "ASK "); !ask {
			return "", false, false
		}
	}
	_, addr, _ = strings.Cut(rest, " ")
	host, port, err := net.SplitHostPort(addr)
	if err != nil { // an IPv6 address, as Redis writes it
		last := strings.LastIndexByte(addr, ':')
		if last < 0 {
			return "", false, false
		}
		host, port = addr[:last], addr[last+1:]
	}
	if host == "" {
		host, _, _ = net.SplitHostPort(from)
	}
	return net.JoinHostPort(host, port), moved, ask
}
