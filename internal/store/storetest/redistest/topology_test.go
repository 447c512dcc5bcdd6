package redistest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/store/storetest/redistest"
)

func TestCluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, "--appendonly", "yes", "--appendfsync", "always")
	addrs, ok := strings.CutPrefix(cluster.URL(), "redis+cluster://")
	if !ok {
		t.Fatalf("URL = %s", cluster.URL())
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: strings.Split(addrs, ",")})
	t.Cleanup(func() { _ = client.Close() })
	const keys = 20
	for i := range keys {
		if err := client.Set(t.Context(), fmt.Sprintf("{tag}%d", i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	slot := cluster.Slot("{tag}")
	for _, to := range []int{1, 2, 2, 0} {
		cluster.MigrateSlot(slot, to)
		if got := cluster.Owner(slot); got != to {
			t.Errorf("Owner = %d, want %d", got, to)
		}
		for i, node := range cluster.Nodes() {
			want := int64(0)
			if i == to {
				want = keys
			}
			if got := dial(t, "redis://"+node.Addr()).DBSize(t.Context()).Val(); got != want {
				t.Errorf("with the slot at %d: node %d has %d keys, want %d", to, i, got, want)
			}
		}
	}

	cluster.Nodes()[0].Restart()
	cluster.Await()
	for i := range keys {
		if got, err := client.Get(t.Context(), fmt.Sprintf("{tag}%d", i)).Int(); err != nil || got != i {
			t.Fatalf("key %d is %d, %v", i, got, err)
		}
	}
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t)
	addrs := make([]string, 0, len(sentinel.Sentinels()))
	for _, s := range sentinel.Sentinels() {
		addrs = append(addrs, s.Addr())
	}
	if got, want := sentinel.URL(), "redis+sentinel://"+strings.Join(addrs, ",")+"/toolpit/0"; got != want {
		t.Errorf("URL = %s, want %s", got, want)
	}
	old := sentinel.Master()
	if err := dial(t, old.URL()).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if killed := sentinel.KillMaster(); killed != old || old.Pid() != 0 {
		t.Errorf("killed %s, want the master, %s", killed.Addr(), old.Addr())
	}
	master := sentinel.AwaitMaster(old)
	if master == old {
		t.Fatal("the old master is still the master")
	}
	if err := dial(t, master.URL()).Set(t.Context(), "k", "w", 0).Err(); err != nil {
		t.Error(err)
	}
}
