package redisstore

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/store"
)

const (
	// redirects is how often one command follows the slots of a Cluster: an old
	// map of them, a slot on the move, and one more.
	redirects = 3
	// mapAge is how old the map of slots becomes when nothing makes it doubtful.
	mapAge = 10 * time.Second
)

// client is go-redis's client of a standalone Redis, of the master that
// sentinels tell, or of a Cluster. Scripts are sent through send, which never
// sends one again by itself unless a server said that it did nothing.
type client struct {
	redis.UniversalClient
	single   *redis.Client        // nil in a Cluster
	pipeline *pipeline            // to single
	cluster  *redis.ClusterClient // nil unless it is one
	nodes    *nodes               // of cluster
}

func newStandalone(o *redis.Options) *client {
	c := redis.NewClient(o)
	c.AddHook(&dialing{})
	return &client{UniversalClient: c, single: c, pipeline: newPipeline(c)}
}

func newFailover(t topology) *client {
	c := redis.NewFailoverClient(t.options().Failover())
	c.AddHook(&dialing{})
	return &client{UniversalClient: c, single: c, pipeline: newPipeline(c)}
}

// newCluster returns a client that dials by itself when dial is nil.
func newCluster(t topology, dial func(ctx context.Context, network, addr string) (net.Conn, error)) *client {
	o := t.options().Cluster()
	o.MaxRedirects = redirects
	o.MinRetryBackoff, o.MaxRetryBackoff = retryPause, retryPause<<maxDoublings
	o.ClusterStateReloadInterval = mapAge
	// Which master answers what has no key is said here, see clock and masters;
	// go-redis's experimental policies would ask each for its list of commands.
	o.DisableRoutingPolicies = true
	o.Dialer = dial
	c := redis.NewClusterClient(o)
	return &client{UniversalClient: c, cluster: c, nodes: newNodes(func(addr string) *redis.Options {
		node := &redis.Options{Addr: addr, Username: t.user, Password: t.password, Dialer: dial}
		configure(node)
		return node
	})}
}

// send sends a command and waits for its reply, and for the replicas that
// are to confirm what it wrote. sent tells of one that failed whether a server may have
// applied it all the same. The commands of concurrent callers go together.
func (c *client) send(ctx context.Context, command command) (reply []string, sent bool, err error) {
	if c.cluster == nil {
		return c.pipeline.do(ctx, command)
	}
	master, err := c.cluster.MasterForKey(ctx, command.allKeys()[0])
	if err != nil {
		return nil, false, err
	}
	addr, ask := master.Options().Addr, false
	for range 1 + redirects {
		sent = false
		err = c.nodes.with(addr, func(n *node) (err error) {
			if ask {
				reply, sent, err = n.ask(ctx, command)
			} else {
				reply, sent, err = n.pipeline.do(ctx, command)
			}
			return err
		})
		if err == nil {
			break
		}
		next, moved, asked := redirection(serverSaid(err), addr)
		if !moved && !asked {
			break
		}
		c.cluster.ReloadState(ctx)
		addr, ask = next, asked
	}
	return reply, sent, err
}

// close ends the batches under way, then all connections.
func (c *client) close() error {
	if c.cluster == nil {
		c.pipeline.close()
	} else {
		c.nodes.close()
	}
	return c.Close()
}

// masters calls fn, at the same time, for each server that takes writes.
func (c *client) masters(ctx context.Context, fn func(ctx context.Context, master *redis.Client) error) error {
	if c.cluster == nil {
		return fn(ctx, c.single)
	}
	err := c.cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		return c.nodes.with(master.Options().Addr, func(n *node) error { return fn(ctx, n.client) })
	})
	if strings.Contains(serverSaid(err), "cluster support disabled") {
		return &store.Unfit{Reason: "this Redis is not a Cluster: use redis://"}
	}
	return err
}

// clock returns the clock of a server: in a Cluster the one that lists sessions.
func (c *client) clock(ctx context.Context) (time.Time, error) {
	if c.cluster == nil {
		return c.single.Time(ctx).Result()
	}
	master, err := c.cluster.MasterForKey(ctx, ownersKey)
	if err != nil {
		return time.Time{}, err
	}
	var now time.Time
	err = c.nodes.with(master.Options().Addr, func(n *node) (err error) {
		now, err = n.client.Time(ctx).Result()
		return err
	})
	return now, err
}

// doubt has a Cluster's map of slots read again, in the background, after an
// error that may mean that a replica took over. go-redis does so only when a
// server tells it, which a dead one does not.
func (c *client) doubt(ctx context.Context, err error) {
	if c.cluster == nil || errors.Is(err, context.Canceled) {
		return
	}
	if answer := serverSaid(err); answer == "" || strings.HasPrefix(answer, "CLUSTERDOWN") || strings.HasPrefix(answer, "READONLY") {
		c.cluster.ReloadState(ctx)
	}
}
