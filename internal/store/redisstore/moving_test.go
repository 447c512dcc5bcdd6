package redisstore_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/redisstore"
	"toolpit/internal/store/storetest"
	"toolpit/internal/store/storetest/redistest"
)

// Slots of sessions in use, and that of the index, go around the Cluster.
func TestSlotsMigrate(t *testing.T) {
	const rounds = 4
	cluster := redistest.StartCluster(t)
	s := open(t, cluster.URL(), store.Config{})
	c := gather(t, s, 6, 2, 2)
	slots := []int{cluster.Slot("{index}")}
	for _, ref := range c.refs {
		slots = append(slots, cluster.Slot("{"+ref.Family()+"}"))
	}
	for range rounds {
		for _, slot := range slots {
			cluster.MigrateSlot(slot, (cluster.Owner(slot)+1)%len(cluster.Nodes()))
		}
		c.await(100)
	}
	if lost, doubled := c.disperse(); lost != 0 || doubled != 0 {
		t.Errorf("lost %d, doubled %d", lost, doubled)
	}
	wantMoved(t, cluster)
	if c.visits.Load() == 0 {
		t.Error("no session was created and listed meanwhile")
	}
}

// Of a slot that is on its way the bytes of a tensor are on the new node, and what
// tells whether the session holds them still on the old one: whoever asks for
// both gets two different redirections.
func TestTensorWhoseSlotIsHalfMoved(t *testing.T) {
	cluster := redistest.StartCluster(t)
	s := open(t, cluster.URL(), store.Config{})
	ref := lockedSession(t, s)
	slot := cluster.Slot("{" + ref.Family() + "}")
	from, to := cluster.Owner(slot), (cluster.Owner(slot)+1)%len(cluster.Nodes())
	tell := func(node int, args ...any) string {
		t.Helper()
		answer, err := raw(t, cluster.Nodes()[node].URL()).Do(t.Context(), args...).Text()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	sum := sha256.Sum256([]byte("kept"))
	digest := hex.EncodeToString(sum[:])
	chunk := func(room []byte) ([]byte, error) {
		return s.Chunk(t.Context(), ref, digest, store.WholeChunk(4, 0), room)
	}
	tell(to, "cluster", "setslot", slot, "importing", tell(from, "cluster", "myid"))
	tell(from, "cluster", "setslot", slot, "migrating", tell(to, "cluster", "myid"))
	host, port, _ := net.SplitHostPort(cluster.Nodes()[to].Addr())
	tell(from, "migrate", host, port, "tp1:{"+ref.Family()+"}:b:"+digest+":0", 0, 5000)

	for _, room := range [][]byte{nil, make([]byte, 0, 16)} {
		if got, err := chunk(room); !errors.Is(err, fault.StoreUnavailable) {
			t.Errorf("half moved: %q, %v, want STORE_UNAVAILABLE", got, err)
		}
	}
	cluster.MigrateSlot(slot, to)
	if got, err := chunk(nil); err != nil || string(got) != "kept" {
		t.Errorf("moved: %q, %v", got, err)
	}
}

// wantMoved requires that slots moved under the store.
func wantMoved(t *testing.T, cluster *redistest.Cluster) {
	t.Helper()
	for _, answer := range []string{"MOVED", "ASK", "TRYAGAIN"} {
		times := 0
		for _, node := range cluster.Nodes() {
			var n int
			_, _ = fmt.Sscanf(node.Info("errorstats", "errorstat_"+answer), "count=%d", &n) // absent: none
			times += n
		}
		t.Logf("%s was answered %d times", answer, times)
		if times == 0 {
			t.Errorf("no node ever answered %s", answer)
		}
	}
}

// restless is a store whose sessions are moved around the Cluster while they
// are used.
type restless struct {
	*redisstore.Store
	used chan<- store.Ref // one of those used just now, if anybody wants it
}

func (r *restless) use(ref store.Ref) {
	select {
	case r.used <- ref:
	default:
	}
}

// Create implements store.Sessions.
func (r *restless) Create(ctx context.Context, ref store.Ref, n store.NewSession) (store.Created, error) {
	r.use(ref)
	return r.Store.Create(ctx, ref, n)
}

// Get implements store.Sessions.
func (r *restless) Get(ctx context.Context, ref store.Ref) (store.Session, error) {
	r.use(ref)
	return r.Store.Get(ctx, ref)
}

// Apply implements store.Variables.
func (r *restless) Apply(ctx context.Context, ref store.Ref, u store.Unit) (store.Applied, error) {
	r.use(ref)
	return r.Store.Apply(ctx, ref, u)
}

// The whole contract holds while the slots of sessions in use, and that of the
// index, go around the Cluster.
func TestConformanceWhileSlotsMigrate(t *testing.T) {
	if !long() {
		return // it takes a minute; TestSlotsMigrate does not
	}
	t.Parallel()
	cluster := redistest.StartCluster(t)
	used, stop := make(chan store.Ref), make(chan struct{})
	moved := make(chan struct{})
	go func() {
		const fast = 300 * time.Millisecond
		n, indexed, took := 0, 0, time.Duration(0)
		defer func() {
			t.Logf("%d slots moved, %d times that of the index", n, indexed)
			moved <- struct{}{}
		}()
		for ; ; n++ {
			key := "{index}"
			if n%4 != 0 || took > fast {
				select {
				case ref := <-used:
					key = "{" + ref.Family() + "}"
				case <-stop:
					return
				}
			}
			start := time.Now()
			if err := cluster.Wander(key); err != nil {
				t.Errorf("moving the slot of %s: %v", key, err)
				return
			}
			// What needs several keys of a slot gets nowhere while they are on
			// their way. The suite has so many owners that in the end those of
			// the index take longer than a call may.
			if key == "{index}" {
				indexed++
				took = time.Since(start)
			}
			// Each node writes to disk who has which slot, and does nothing
			// else meanwhile.
			<-time.After(time.Since(start))
		}
	}()
	t.Run("suite", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T, cfg store.Config) store.Store {
			return &restless{open(t, cluster.URL(), cfg), used}
		})
	})
	close(stop)
	<-moved
	wantMoved(t, cluster)
}

// What the master acknowledged and had not yet sent to a replica is lost with
// it. Nothing may happen twice.
func TestSentinelPromotes(t *testing.T) {
	sentinel := redistest.StartSentinel(t)
	s := open(t, sentinel.URL(), store.Config{})
	c := gather(t, s, 2, 4, 0)
	c.await(200)
	old := sentinel.KillMaster()
	sentinel.AwaitMaster(old)
	promoted := time.Now()
	c.await(200)
	if c.repeated.Load() == 0 {
		t.Error("nobody noticed that the master was killed")
	}
	if _, doubled := c.disperse(); doubled != 0 {
		t.Errorf("doubled %d", doubled)
	}
	t.Logf("%v after the promotion writes went on", c.resumed.Sub(promoted).Round(time.Millisecond))
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFailoverSentinel(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t)
	storetest.RunFailover(t, storetest.Failover{
		Open: func(t *testing.T, cfg store.Config) store.Store { return open(t, sentinel.URL(), cfg) },
		Sync: func() {
			sentinel.Sync()
			sentinel.Detach()
		},
		Kill: func() {
			old := sentinel.KillMaster()
			sentinel.AwaitMaster(old)
		},
	})
}
