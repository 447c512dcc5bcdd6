package redisstore_test

import (
	"testing"
	"time"

	"toolpit/internal/store"
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
	for _, answer := range []string{"MOVED", "ASK", "TRYAGAIN"} {
		times := 0
		for _, node := range cluster.Nodes() {
			stats := raw(t, "redis://"+node.Addr()).Info(t.Context(), "errorstats").Val()
			if field(stats, "errorstat_"+answer) != "" {
				times++
			}
		}
		if times == 0 {
			t.Errorf("no node ever answered %s", answer)
		}
	}
	if c.visits.Load() == 0 {
		t.Error("no session was created and listed meanwhile")
	}
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
