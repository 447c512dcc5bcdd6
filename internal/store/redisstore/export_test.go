package redisstore

import (
	"context"
	"net"

	"toolpit/internal/store"
)

// OpenCluster is Open for a Cluster of one known address, whose nodes are
// dialled through dial: the addresses that a Cluster announces are its own,
// and so lead past any proxy.
func OpenCluster(addr string, cfg store.Config, dial func(ctx context.Context, network, addr string) (net.Conn, error)) *Store {
	return newStore(newCluster(topology{addrs: []string{addr}}, dial), cfg, Options{})
}

// Topology is what a URL was read as.
type Topology struct {
	User, Password string
	Addrs          []string
	Master         string
	DB             int
}

// ParseTopology reads what follows the scheme of a URL.
func ParseTopology(rest string, sentinel bool) (Topology, bool) {
	t, ok := parseTopology(rest, sentinel)
	return Topology{t.user, t.password, t.addrs, t.master, t.db}, ok
}
