package local

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"toolpit/e2e/scenario"
	"toolpit/internal/store/storetest/redistest"
)

// fleet is a number of replicas that are processes, each at an address of its
// own that stays when it is replaced.
type fleet struct {
	binary, dir string
	args        []string
	addresses   []string

	mu       sync.Mutex
	replicas []*program // nil while down
}

var _ scenario.Fleet = (*fleet)(nil)

// newFleet makes so many replicas, all of them down, on a Redis of their own.
func newFleet(t *testing.T, size int, args ...string) *fleet {
	t.Helper()
	store := redistest.Start(t)
	f := &fleet{
		binary: toolpit(t), dir: t.TempDir(), args: append([]string{"serve", "--store", store}, args...),
		replicas: make([]*program, size),
	}
	for range size {
		f.addresses = append(f.addresses, address(t))
	}
	t.Cleanup(func() {
		for i, p := range f.replicas {
			if p != nil {
				p.kill()
			}
			if t.Failed() {
				tail(t, f.log(i))
			}
		}
	})
	return f
}

// address reserves an address for the test.
func address(t *testing.T) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(redistest.ReservePort(t)))
}

func (f *fleet) Size() int { return len(f.addresses) }

// URL returns the URL of a replica that is down, too: its clients find out.
func (f *fleet) URL(i int) string { return "http://" + f.addresses[i] }

func (f *fleet) log(i int) string { return filepath.Join(f.dir, fmt.Sprintf("replica-%d.log", i)) }

// take returns the replica and leaves next in its place.
func (f *fleet) take(i int, next *program) *program {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.replicas[i]
	f.replicas[i] = next
	return p
}

func (f *fleet) Start(ctx context.Context, i int) error {
	p, err := launch(f.log(i), f.binary, append(slices.Clone(f.args), "--listen", f.addresses[i]), nil)
	if err != nil {
		return err
	}
	f.take(i, p)
	return p.answers(ctx, f.URL(i)+"/readyz")
}

func (f *fleet) Kill(_ context.Context, i int) error {
	f.take(i, nil).kill()
	return nil
}

func (f *fleet) Stop(ctx context.Context, i int) (int, error) {
	p := f.take(i, nil)
	code, err := p.stop(ctx)
	if err != nil {
		p.kill()
	}
	return code, err
}
