package redisstore_test

import (
	"testing"
	"time"

	"toolpit/internal/store"
	"toolpit/internal/store/storetest/redistest"
)

const (
	// replicationLag is how late replicas are told what the master did.
	replicationLag = 20 * time.Millisecond
	// writeGap is how long writes may fail when a master dies, of which the
	// sentinels take a second to be sure that it has.
	writeGap = 4 * time.Second
)

// The master dies under load while its replicas lag behind. What was answered as
// replicated is there afterwards, once. Without that, something is lost, which
// shows that the lag is real and that something was at stake.
func TestAFailoverKeepsWhatIsReplicated(t *testing.T) {
	for _, level := range []store.Durability{store.Replicated, store.Memory} {
		t.Run(string(level), func(t *testing.T) {
			sentinel := redistest.StartLaggingSentinel(t, replicationLag)
			s := open(t, sentinel.URL(), store.Config{Durability: level})
			c := gather(t, s, 2, 8, 0)
			c.await(500)
			old := sentinel.KillMaster()
			sentinel.AwaitMaster(old)
			promoted := time.Now()
			c.await(500)
			lost, doubled := c.disperse()
			if doubled != 0 {
				t.Errorf("doubled %d", doubled)
			}
			switch {
			case level == store.Replicated && lost != 0:
				t.Errorf("lost %d increments that were answered", lost)
			case level == store.Memory && lost == 0:
				t.Error("nothing is lost whatever is asked for, so this test shows nothing")
			}
			t.Logf("%v after the promotion writes went on", c.resumed.Sub(promoted).Round(time.Millisecond))
			if c.quiet > writeGap {
				t.Errorf("nothing was answered for %v, want at most %v", c.quiet, writeGap)
			}
		})
	}
}
