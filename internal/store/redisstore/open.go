package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// layout is the version of the keys and records this package reads and writes.
const layout = 2

// Options are what only Redis needs to know.
type Options struct {
	// AllowEviction accepts a Redis that may drop keys when memory is full.
	AllowEviction bool
	Observer      Observer // nil: nobody
}

// Observer is told what cannot be seen from outside the package. Its methods
// are called by any number of goroutines.
type Observer interface {
	Batch(commands int) // so many commands go to the server in one write
	Retry()             // a command is sent again
}

// nobody is an Observer for whoever has none.
type nobody struct{}

// Batch does nothing.
func (nobody) Batch(int) {}

// Retry does nothing.
func (nobody) Retry() {}

// Store is a store.Store in a Redis. Use Open.
type Store struct {
	client  *client
	bulk    redis.UniversalClient // for chunks
	scripts scripts
	cfg     store.Config
	opts    Options
	closed  context.Context // ends with the store
	end     context.CancelFunc
}

var _ store.Store = (*Store)(nil)

// Open prepares a store for one of the URLs
//
//	redis://[user:password@]host:port[/db]
//	rediss://[user:password@]host:port[/db]
//	redis+sentinel://[user:password@]host:port[,host:port…]/MASTER[/DB]
//	redis+cluster://[user:password@]host:port[,host:port…]
//
// It does not wait for the server: Check does. Errors: *store.Unfit for a URL
// that cannot be used.
func Open(url string, cfg store.Config, opts Options) (*Store, error) {
	c, err := connect(url)
	if err != nil {
		return nil, err
	}
	return newStore(c, cfg, opts), nil
}

func newStore(c *client, cfg store.Config, opts Options) *Store {
	redis.SetLogger(silent{})
	if opts.Observer == nil {
		opts.Observer = nobody{}
	}
	if c.cluster == nil {
		c.pipeline.observer = opts.Observer
	} else {
		c.nodes.observer = opts.Observer
	}
	closed, end := context.WithCancel(context.Background())
	return &Store{closed: closed, end: end, client: c, bulk: newBulk(c), scripts: loadScripts(), cfg: cfg.WithDefaults(), opts: opts}
}

// silent keeps go-redis from writing to stderr by itself: what goes wrong comes
// back as an error, and is logged once, where it is handled.
type silent struct{}

// Printf does nothing.
func (silent) Printf(context.Context, string, ...any) {}

// configure sets what the request path needs: an answer, of whatever kind,
// within store.CallTimeout. Retries are switched off in the client because
// call repeats a lost reply itself: only there is it known whether an earlier
// attempt may have been applied.
func configure(o *redis.Options) {
	o.MaxRetries = -1
	o.DialTimeout = 300 * time.Millisecond
	o.DialerRetries = 1
	o.ReadTimeout = 400 * time.Millisecond
	o.WriteTimeout = 400 * time.Millisecond
	o.PoolTimeout = 250 * time.Millisecond
	o.ContextTimeoutEnabled = true
	o.PoolSize = 64
	o.MinIdleConns = 0
	o.ConnMaxIdleTime = 5 * time.Minute
	o.PipelinePoolSize = -1
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// Now returns the Redis server's clock.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	t, err := s.client.clock(ctx)
	if err != nil {
		s.client.doubt(ctx, err)
		return time.Time{}, readError(ctx, err)
	}
	return t.UTC().Truncate(time.Millisecond).Add(s.cfg.Offset()), nil
}

// Check tells whether this Redis may be used, in a Cluster every master of it.
func (s *Store) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	if s.client.nodes != nil {
		s.client.nodes.retire()
	}
	err := s.client.masters(ctx, s.checkMaster)
	if denied(err) {
		return &store.Unfit{Reason: "Redis refuses the user, the password or the database number of the store's URL"}
	}
	if err == nil {
		err = s.checkDurability(ctx)
	}
	if err == nil {
		err = s.checkLayout(ctx)
	}
	switch {
	case err == nil:
		return nil
	case store.IsUnfit(err):
		return err
	case fault.CodeOf(err) != fault.Internal:
		return err
	default:
		s.client.doubt(ctx, err)
		return readError(ctx, err)
	}
}

// checkMaster tells whether one server may be used, and loads the scripts. Its
// errors are go-redis's or Unfit.
func (s *Store) checkMaster(ctx context.Context, master *redis.Client) error {
	// CONFIG GET is often denied to an application, INFO hardly ever.
	info, err := master.Info(ctx, "memory", "server").Result()
	if err != nil {
		return err
	}
	if v := infoField(info, "redis_version"); olderThan7(v) {
		return &store.Unfit{Reason: fmt.Sprintf("Redis %s is too old: version 7 or newer is needed", v)}
	}
	switch mode := infoField(info, "redis_mode"); {
	case mode == "sentinel":
		return &store.Unfit{Reason: "this is a sentinel, which keeps no state: use redis+sentinel://"}
	case mode == "cluster" && s.client.cluster == nil:
		return &store.Unfit{Reason: "this Redis is a node of a Cluster: use redis+cluster://"}
	}
	if p := infoField(info, "maxmemory_policy"); p != "noeviction" && p != "" && !s.opts.AllowEviction {
		return &store.Unfit{Reason: fmt.Sprintf("Redis may evict keys (maxmemory-policy is %q), which would silently lose state: set it to noeviction, or start with --allow-eviction", p)}
	}
	_, err = master.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, script := range s.scripts.all() {
			// Not script.Load, which takes the hash from an answer that has not come.
			_ = pipe.ScriptLoad(ctx, script.text)
		}
		return nil
	})
	return err
}

func (s *Store) checkLayout(ctx context.Context) error {
	if err := s.client.SetNX(ctx, layoutKey, layout, 0).Err(); err != nil {
		return err
	}
	text, err := s.client.Get(ctx, layoutKey).Result()
	if err != nil {
		return err
	}
	have, err := strconv.Atoi(text)
	if err == nil && have == 1 {
		// What the first layout lacks is made when it is needed: a head without
		// followers, a session without an index of names.
		return s.client.Set(ctx, layoutKey, layout, 0).Err()
	}
	if err != nil || have > layout {
		return &store.Unfit{Reason: fmt.Sprintf("the state in this Redis has layout %q, and this program knows layouts up to %d: use a newer program", text, layout)}
	}
	return nil
}

// Close refuses further calls, ends those of Listen, waits for the batches under
// way and closes all connections. Closing again does nothing.
func (s *Store) Close() error {
	s.end()
	if err := errors.Join(s.client.close(), s.bulk.Close()); err != nil && !errors.Is(err, redis.ErrClosed) {
		return fault.New(fault.Internal, "closing the store failed").Because(err)
	}
	return nil
}

func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func olderThan7(version string) bool {
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	return err == nil && n < 7
}
