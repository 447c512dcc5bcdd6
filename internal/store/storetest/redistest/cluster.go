package redistest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	slots = 16384
	// formTimeout bounds the time until a cluster, or a set of sentinels, has
	// found together. A node says for two seconds that it is not ready.
	formTimeout = 30 * time.Second
	// moveBatch is how many keys one MIGRATE moves: few, so that a slot in use is
	// seen with some of its keys here and some there.
	moveBatch = 3
)

// Cluster is a Redis Cluster that belongs to one test: masters, without replicas
// unless [Cluster.StartReplica] adds one.
// Its methods may be called from any goroutine, except those that may fail the
// test and so belong on the test's own: all but URL, Nodes, Owner and Wander.
type Cluster struct {
	t     testing.TB
	nodes []*Server
	ids   []string // as CLUSTER MYID tells them, in the order of nodes
	args  []string // of every node
	more  int      // replicas

	mu     sync.Mutex
	owners [slots]int // index into nodes
}

// StartCluster runs a fresh cluster of three masters for the test, and returns
// once every one of them takes commands. The args are added to the command line
// of each node. Nodes are ended, and their output logged, as by [StartServer].
func StartCluster(t testing.TB, args ...string) *Cluster {
	t.Helper()
	return StartClusterOf(t, 3, args...)
}

// StartClusterOf is [StartCluster] with another number of masters.
func StartClusterOf(t testing.TB, masters int, args ...string) *Cluster {
	t.Helper()
	c := &Cluster{t: t, args: args}
	bus := make([]string, masters)
	for i := range masters {
		var node *Server
		node, bus[i] = c.startNode()
		c.nodes = append(c.nodes, node)
	}
	ctx, cancel := c.bounded(formTimeout)
	defer cancel()
	for i, node := range c.nodes {
		first, last := i*slots/masters, (i+1)*slots/masters-1
		c.must(ctx, i, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last))
		// Epochs of their own, so that they need not agree on them first.
		c.must(ctx, i, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		for slot := first; slot <= last; slot++ {
			c.owners[slot] = i
		}
		id, _ := c.must(ctx, i, "CLUSTER", "MYID").(string)
		c.ids = append(c.ids, id)
		if i > 0 {
			c.must(ctx, 0, "CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(node.port), bus[i])
		}
	}
	c.Await()
	return c
}

// startNode runs a server that knows no other yet, and returns the port of its
// bus.
func (c *Cluster) startNode() (node *Server, bus string) {
	c.t.Helper()
	bus = strconv.Itoa(ReservePort(c.t))
	return startServer(c.t, memoryDir(c.t), "", append([]string{
		"--cluster-enabled", "yes",
		// Not the default, the port plus 10000, which need not be a port.
		"--cluster-port", bus,
		"--cluster-node-timeout", "1500",
		// A node that has met nobody does not know its own address.
		"--cluster-announce-ip", "127.0.0.1",
		"--repl-diskless-sync-delay", "0",
	}, c.args...)...), bus
}

// StartReplica adds a replica of the node of index i, and returns once it
// follows it.
func (c *Cluster) StartReplica(i int) *Server {
	c.t.Helper()
	replica, bus := c.startNode()
	ctx, cancel := c.bounded(formTimeout)
	defer cancel()
	c.must(ctx, i, "CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(replica.port), bus)
	c.more++
	c.Await()
	if err := settle(ctx, func(ctx context.Context) error { // until it knows the master
		_, err := command(ctx, replica.Addr(), "CLUSTER", "REPLICATE", c.ids[i])
		return err
	}); err != nil {
		c.t.Fatalf("redistest: %v", err)
	}
	if err := settle(ctx, func(ctx context.Context) error { return follows(ctx, c.nodes[i], replica) }); err != nil {
		c.t.Fatalf("redistest: the replica does not connect: %v", err)
	}
	return replica
}

// URL returns the cluster's URL, of the form redis+cluster://host:port,host:port.
func (c *Cluster) URL() string {
	addrs := make([]string, len(c.nodes))
	for i, node := range c.nodes {
		addrs[i] = node.Addr()
	}
	return "redis+cluster://" + strings.Join(addrs, ",")
}

// Nodes returns the masters. One that is killed or suspended takes its slots
// with it, and after the node timeout the others refuse theirs too; [Cluster.Await]
// waits for the end of that. A node that was restarted knows the cluster, but its
// keys only if the arguments made it persist them.
func (c *Cluster) Nodes() []*Server { return append([]*Server(nil), c.nodes...) }

// Await waits until every node takes commands for the whole cluster.
func (c *Cluster) Await() {
	c.t.Helper()
	ctx, cancel := c.bounded(formTimeout)
	defer cancel()
	want := []string{
		"cluster_state:ok",
		"cluster_slots_ok:" + strconv.Itoa(slots),
		"cluster_known_nodes:" + strconv.Itoa(len(c.nodes)+c.more),
	}
	for _, node := range c.nodes {
		err := settle(ctx, func(ctx context.Context) error {
			reply, err := command(ctx, node.Addr(), "CLUSTER", "INFO")
			if err != nil {
				return err
			}
			info, _ := reply.(string)
			for _, line := range want {
				if !strings.Contains(info, line+"\r\n") {
					return fmt.Errorf("%s has no %s:\n%s", node.Addr(), line, info)
				}
			}
			return nil
		})
		if err != nil {
			c.t.Fatalf("redistest: the cluster does not form: %v", err)
		}
	}
}

// Slot returns the slot of a key.
func (c *Cluster) Slot(key string) int {
	c.t.Helper()
	ctx, cancel := c.bounded(commandTimeout)
	defer cancel()
	slot, _ := c.must(ctx, 0, "CLUSTER", "KEYSLOT", key).(int64)
	return int(slot)
}

// Owner returns the index, in [Cluster.Nodes], of the node that has the slot.
func (c *Cluster) Owner(slot int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owners[slot]
}

// MigrateSlot moves a slot and its keys to the node of index to, as redis-cli
// does: both nodes are told, the keys follow a few at a time, then all nodes are
// told the new owner. Meanwhile clients are answered ASK, TRYAGAIN and MOVED.
func (c *Cluster) MigrateSlot(slot, to int) {
	c.t.Helper()
	ctx, cancel := c.bounded(formTimeout)
	defer cancel()
	if err := c.migrate(ctx, slot, to); err != nil {
		c.t.Fatalf("redistest: %v", err)
	}
}

// Wander moves the slot of a key, with all that is in it, to the next node.
func (c *Cluster) Wander(key string) error {
	ctx, cancel := c.bounded(formTimeout)
	defer cancel()
	reply, err := command(ctx, c.nodes[0].Addr(), "CLUSTER", "KEYSLOT", key)
	if err != nil {
		return err
	}
	slot, _ := reply.(int64)
	return c.migrate(ctx, int(slot), (c.Owner(int(slot))+1)%len(c.nodes))
}

func (c *Cluster) migrate(ctx context.Context, slot, to int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	from, number := c.owners[slot], strconv.Itoa(slot)
	if from == to {
		return nil
	}
	setSlot := func(i int, args ...string) error {
		_, err := command(ctx, c.nodes[i].Addr(), append([]string{"CLUSTER", "SETSLOT", number}, args...)...)
		return err
	}
	if err := errors.Join(setSlot(to, "IMPORTING", c.ids[from]), setSlot(from, "MIGRATING", c.ids[to])); err != nil {
		return err
	}
	for {
		keys, err := command(ctx, c.nodes[from].Addr(), "CLUSTER", "GETKEYSINSLOT", number, strconv.Itoa(moveBatch))
		if err != nil {
			return err
		}
		names := texts(keys)
		if len(names) == 0 {
			break
		}
		_, err = command(ctx, c.nodes[from].Addr(), append([]string{
			"MIGRATE", "127.0.0.1", strconv.Itoa(c.nodes[to].port), "", "0", "5000", "KEYS",
		}, names...)...)
		if err != nil {
			return err
		}
	}
	// The new owner first: asked in between, the old one still sends on to it.
	err := errors.Join(setSlot(to, "NODE", c.ids[to]), setSlot(from, "NODE", c.ids[to]))
	for i := range c.nodes {
		if i != to && i != from {
			err = errors.Join(err, setSlot(i, "NODE", c.ids[to]))
		}
	}
	if err != nil {
		return err
	}
	c.owners[slot] = to
	return settle(ctx, func(ctx context.Context) error { return c.agree(ctx, to) })
}

// agree reports whether all nodes know the epoch of the one that was given a
// slot. Before they do, none may be given another: it would choose an epoch
// lower than that of the slot's old owner, whose last heartbeat, still under
// way, would take the slot back, and the keys would be dropped.
func (c *Cluster) agree(ctx context.Context, owner int) error {
	epochs := make([]string, len(c.nodes))
	for i, node := range c.nodes {
		reply, err := command(ctx, node.Addr(), "CLUSTER", "NODES")
		if err != nil {
			return err
		}
		text, _ := reply.(string)
		for line := range strings.Lines(text) {
			const epoch = 6
			if f := strings.Fields(line); len(f) > epoch && f[0] == c.ids[owner] {
				epochs[i] = f[epoch]
			}
		}
		if epochs[i] == "" || epochs[i] != epochs[0] {
			return fmt.Errorf("the nodes know epochs %q of %s", epochs, c.nodes[owner].Addr())
		}
	}
	return nil
}

// must sends a command that has to succeed to the node of index i.
func (c *Cluster) must(ctx context.Context, i int, args ...string) any {
	c.t.Helper()
	reply, err := command(ctx, c.nodes[i].Addr(), args...)
	if err != nil {
		c.t.Fatalf("redistest: %v", err)
	}
	return reply
}

// bounded returns a context that outlives the test's, which has ended when
// cleanup functions run.
func (c *Cluster) bounded(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(c.t.Context()), limit)
}
