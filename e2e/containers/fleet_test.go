package containers

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"

	"toolpit/e2e/scenario"
)

// startTime is how long a container may take to be ready.
const startTime = 60 * time.Second

// fleet is a number of replicas in containers. One that is killed is replaced
// by a container that is new, at another address.
type fleet struct {
	engine  engine
	network *testcontainers.DockerNetwork

	mu       sync.Mutex
	replicas []replica
	dead     []string // containers that have ended
}

// replica is the zero value while it is down.
type replica struct{ id, url string }

var _ scenario.Fleet = (*fleet)(nil)

// newFleet makes so many replicas, all of them down, and a Redis for them.
// Nothing cleans up behind a test that is killed; a test that ends, however it
// ends, leaves nothing.
func newFleet(t *testing.T, size int) *fleet {
	t.Helper()
	f := &fleet{engine: docker(t), replicas: make([]replica, size)}
	var err error
	if f.network, err = network.New(t.Context()); err != nil {
		t.Fatalf("making a network: %v", err)
	}
	testcontainers.CleanupNetwork(t, f.network)
	redis, err := testcontainers.Run(t.Context(), redisImage(),
		testcontainers.WithLogger(log.NewNoopLogger()),
		testcontainers.WithCmd("redis-server", "--maxmemory-policy", "noeviction", "--save", "", "--protected-mode", "no"),
		network.WithNetwork([]string{"redis"}, f.network),
		testcontainers.WithWaitStrategy(wait.ForLog("Ready to accept connections").WithStartupTimeout(startTime)),
	)
	testcontainers.CleanupContainer(t, redis)
	if err != nil {
		t.Fatalf("starting %s: %v", redisImage(), err)
	}
	t.Cleanup(func() { f.removeAll(t) })
	return f
}

// removeAll removes every container that there ever was. While the scenario
// runs nothing is removed, so that a replica is replaced as soon as it can be.
func (f *fleet) removeAll(t *testing.T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	gone := f.dead
	for i, r := range f.replicas {
		if r.id == "" {
			continue
		}
		if t.Failed() {
			f.engine.tail(t, fmt.Sprintf("replica %d", i), r.id)
		}
		gone = append(gone, r.id)
	}
	for _, id := range gone {
		if err := f.engine.remove(context.WithoutCancel(t.Context()), id); err != nil {
			t.Errorf("removing a replica: %v", err)
		}
	}
}

func (f *fleet) Size() int { return len(f.replicas) }

// URL returns "" for a replica that is down: its port may be somebody else's.
func (f *fleet) URL(i int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.replicas[i].url
}

// set puts the container of a replica in its place.
func (f *fleet) set(i int, r replica) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replicas[i] = r
}

// end has a replica's container end, and only then lets the clients know: they
// are in the middle of their requests.
func (f *fleet) end(i int, how func(id string) error) error {
	f.mu.Lock()
	id := f.replicas[i].id
	f.mu.Unlock()
	if err := how(id); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replicas[i] = replica{}
	f.dead = append(f.dead, id)
	return nil
}

func (f *fleet) Start(ctx context.Context, i int) error {
	c, err := testcontainers.Run(ctx, toolpitImage(),
		testcontainers.WithLogger(log.NewNoopLogger()),
		testcontainers.WithEnv(map[string]string{"TOOLPIT_STORE": "redis://redis:6379/0", "TOOLPIT_INSECURE": "true"}),
		testcontainers.WithExposedPorts("8080/tcp"),
		testcontainers.WithHostConfigModifier(func(host *container.HostConfig) { host.ReadonlyRootfs = true }),
		network.WithNetwork(nil, f.network),
		testcontainers.WithWaitStrategy(wait.ForHTTP("/readyz").WithPort("8080/tcp").
			WithPollInterval(20*time.Millisecond).WithStartupTimeout(startTime)),
	)
	if c != nil {
		f.set(i, replica{id: c.GetContainerID()}) // so that it is removed, whatever follows
	}
	if err != nil {
		return err
	}
	url, err := c.PortEndpoint(ctx, "8080/tcp", "http")
	if err != nil {
		return err
	}
	f.set(i, replica{c.GetContainerID(), url})
	return nil
}

func (f *fleet) Kill(ctx context.Context, i int) error {
	return f.end(i, func(id string) error { return f.engine.kill(ctx, id) })
}

func (f *fleet) Stop(ctx context.Context, i int) (code int, err error) {
	err = f.end(i, func(id string) error {
		code, err = f.engine.stop(ctx, id)
		return err
	})
	return code, err
}
