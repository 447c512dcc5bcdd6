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
// sends one again by itself.
type client struct {
	redis.UniversalClient
	single   *redis.Client        // nil in a Cluster
	cluster  *redis.ClusterClient // nil unless it is one
	pipeline *pipeline            // to single; a Cluster has none, see send
}

func newStandalone(o *redis.Options) *client {
	c := redis.NewClient(o)
	return &client{UniversalClient: c, single: c, pipeline: newPipeline(c)}
}

func newFailover(t topology) *client {
	c := redis.NewFailoverClient(t.options().Failover())
	c.AddHook(dialing{})
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
	return &client{UniversalClient: c, cluster: c}
}

// once is a command that go-redis must not send again when it does not know
// whether the server executed it. MaxRetries -1 does not do that in a Cluster:
// there the attempts of MaxRedirects, which MOVED and ASK need, serve for lost
// replies too, and the caller would not learn of them. MOVED, ASK, READONLY and
// the like are still followed: with them a server said that it did nothing.
type once struct{ *redis.StringSliceCmd }

// NoRetry implements redis.Cmder.
func (once) NoRetry() bool { return true }

// send sends a command and waits for its reply. sent tells of one that failed
// whether a server may have applied it all the same. The commands of concurrent
// callers go together but in a Cluster: go-redis would repeat a batch of which
// a reply was lost, and nobody would learn of it.
func (c *client) send(ctx context.Context, line []any, replicas int) (reply []string, sent bool, err error) {
	if c.pipeline != nil {
		return c.pipeline.do(ctx, line, replicas)
	}
	args := make([]any, len(line))
	for i, a := range line {
		if text, ok := a.(*string); ok {
			a = *text // the slot is found by looking at the key
		}
		args[i] = a
	}
	const firstKey = 3
	cmd := redis.NewStringSliceCmd(ctx, args...)
	cmd.SetFirstKeyPos(firstKey)
	_ = c.Process(ctx, once{cmd}) // the command keeps its error
	reply, err = cmd.Result()
	return reply, err != nil && maybeSent(err), err
}

// close ends the batches under way, then all connections.
func (c *client) close() error {
	if c.pipeline != nil {
		c.pipeline.close()
	}
	return c.Close()
}

// masters calls fn, at the same time, for each server that takes writes.
func (c *client) masters(ctx context.Context, fn func(ctx context.Context, master *redis.Client) error) error {
	if c.cluster == nil {
		return fn(ctx, c.single)
	}
	err := c.cluster.ForEachMaster(ctx, fn)
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
	return master.Time(ctx).Result()
}

// doubt has a Cluster's map of slots read again, in the background, after an
// error that may mean that a replica took over. go-redis does so only when a
// server tells it, which a dead one does not.
func (c *client) doubt(ctx context.Context, err error) {
	if c.cluster == nil || errors.Is(err, context.Canceled) {
		return
	}
	if answer := serverSaid(err); answer == "" || strings.HasPrefix(answer, "CLUSTERDOWN") {
		c.cluster.ReloadState(ctx)
	}
}

// dialing makes every failure to connect to the master an error of dialling.
// Without it a sentinel that does not answer would look like a server that took
// a command and did not answer it.
type dialing struct{}

// DialHook implements redis.Hook.
func (dialing) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err == nil {
			return conn, nil
		}
		// Not wrapped: what a sentinel answered is not the server's answer.
		cause := errors.New(err.Error())
		switch {
		case ctx.Err() != nil:
			cause = ctx.Err()
		case errors.Is(err, redis.Nil):
			cause = errors.New("the sentinels know no master of that name")
		}
		return nil, &net.OpError{Op: "dial", Net: network, Err: cause}
	}
}

// ProcessHook implements redis.Hook.
func (dialing) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (dialing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
