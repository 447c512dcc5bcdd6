package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/redisstore"
	"toolpit/internal/store/storetest"
	"toolpit/internal/store/storetest/faultproxy"
	"toolpit/internal/store/storetest/redistest"
)

func TestConformanceCluster(t *testing.T) {
	t.Parallel()
	url := redistest.StartCluster(t).URL()
	storetest.Run(t, func(t *testing.T, cfg store.Config) store.Store { return open(t, url, cfg) })
}

func TestConformanceSentinel(t *testing.T) {
	t.Parallel()
	url := redistest.StartSentinel(t).URL()
	storetest.Run(t, func(t *testing.T, cfg store.Config) store.Store { return open(t, url, cfg) })
}

// A Cluster of one node has all that matters here: the client that speaks to
// it is the one that would repeat commands by itself.
func TestFaultsCluster(t *testing.T) {
	node := redistest.StartClusterOf(t, 1).Nodes()[0].Addr()
	storetest.RunFaults(t, func(t *testing.T, cfg store.Config) (store.Store, *faultproxy.Proxy) {
		return openThrough(t, node, cfg)
	})
}

// In a Cluster of several nodes a mutation has its session in one and the list
// of sessions in another.
func TestLostRepliesCluster(t *testing.T) {
	nodes := redistest.StartCluster(t).Nodes()
	storetest.RunLostReplies(t, func(t *testing.T, cfg store.Config) (store.Store, []*faultproxy.Proxy) {
		var proxies []*faultproxy.Proxy
		at := map[string]string{}
		for _, node := range nodes {
			proxy := faultproxy.Start(t, node.Addr())
			proxies = append(proxies, proxy)
			at[node.Addr()] = proxy.Addr()
		}
		return openDialing(t, nodes[0].Addr(), cfg, at), proxies
	})
}

// openThrough opens a store whose connections to a Cluster of one node go
// through a proxy.
func openThrough(t *testing.T, node string, cfg store.Config) (*redisstore.Store, *faultproxy.Proxy) {
	t.Helper()
	proxy := faultproxy.Start(t, node)
	return openDialing(t, node, cfg, map[string]string{node: proxy.Addr()}), proxy
}

// openDialing opens a store that finds each node of a Cluster elsewhere.
func openDialing(t *testing.T, seed string, cfg store.Config, at map[string]string) *redisstore.Store {
	t.Helper()
	var dialer net.Dialer
	s := redisstore.OpenCluster(seed, cfg, func(ctx context.Context, network, addr string) (net.Conn, error) {
		proxy, ok := at[addr]
		if !ok {
			return nil, fmt.Errorf("the cluster has no node %s", addr)
		}
		return dialer.DialContext(ctx, network, proxy)
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	awaitFit(t, s)
	return s
}

func TestCheckLooksAtEveryMaster(t *testing.T) {
	cluster := redistest.StartCluster(t)
	s := open(t, cluster.URL(), store.Config{})
	for i, node := range cluster.Nodes() {
		c := raw(t, "redis://"+node.Addr())
		for _, policy := range []string{"allkeys-lru", "noeviction"} {
			if err := c.ConfigSet(t.Context(), "maxmemory-policy", policy).Err(); err != nil {
				t.Fatal(err)
			}
			if err := s.Check(t.Context()); store.IsUnfit(err) != (policy != "noeviction") {
				t.Errorf("with %s at node %d, Check = %v", policy, i, err)
			}
		}
		if err := c.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, node := range cluster.Nodes() {
		info := raw(t, "redis://"+node.Addr()).Info(t.Context(), "memory").Val()
		if field(info, "number_of_cached_scripts") == "0" {
			t.Errorf("node %d was given no scripts", i)
		}
	}
}

func TestCheckTellsTheTopologiesApart(t *testing.T) {
	cluster, sentinel := redistest.StartClusterOf(t, 1), redistest.StartSentinel(t)
	for _, url := range []string{
		"redis://" + cluster.Nodes()[0].Addr(),
		"redis://" + sentinel.Sentinels()[0].Addr(),
		"redis+cluster://" + sentinel.Master().Addr(),
	} {
		s, err := redisstore.Open(url, store.Config{}, redisstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Check(t.Context()); !store.IsUnfit(err) {
			t.Errorf("%s: Check = %v, want Unfit", url, err)
		}
		_ = s.Close()
	}
}

// field returns a field of what INFO says.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func TestCheckRefusesAWrongPassword(t *testing.T) {
	for _, url := range []string{redistest.StartClusterOf(t, 1).URL(), redistest.StartSentinel(t).URL()} {
		s, err := redisstore.Open(strings.Replace(url, "://", "://user:secret@", 1), store.Config{}, redisstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Check(t.Context()); !store.IsUnfit(err) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: Check = %v, want Unfit", url, err)
		}
		_ = s.Close()
	}
}

// A Cluster's client repeats by itself unless told not to, and then reports the
// last attempt only: one that never left, after one that was applied.
func TestALostReplyIsNotForgotten(t *testing.T) {
	node := redistest.StartClusterOf(t, 1).Nodes()[0].Addr()
	s, proxy := openThrough(t, node, store.Config{})
	ctx := t.Context()
	ref := store.Ref{Owner: "o", ID: "a"}
	if _, err := s.Create(ctx, ref, store.NewSession{Write: write("t"), TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	// Connections that there are stay: the last of them loses its reply, and
	// then there is none to repeat on.
	proxy.Refuse(true)
	const connections = 100
	for range connections {
		proxy.Arm(faultproxy.Close)
		unit := store.Unit{Write: write("t"), Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
		_, err := s.Apply(ctx, ref, unit)
		if err == nil {
			continue
		}
		if !errors.Is(err, fault.OutcomeUnknown) {
			t.Errorf("Apply = %v, want OUTCOME_UNKNOWN", err)
		}
		proxy.Refuse(false)
		if a, err := s.Apply(ctx, ref, unit); err != nil || !a.Replayed {
			t.Errorf("repeated: replayed %v, %v; it had been applied", a.Replayed, err)
		}
		return
	}
	t.Fatal("the store still has connections")
}
