package redisstore

import (
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestRedirection(t *testing.T) {
	const from = "10.0.0.1:7000"
	for _, tc := range []struct {
		answer, addr string
		moved, ask   bool
	}{
		{"MOVED 3999 127.0.0.1:6381", "127.0.0.1:6381", true, false},
		{"ASK 3999 127.0.0.1:6381", "127.0.0.1:6381", false, true},
		{"MOVED 3999 :6381", "10.0.0.1:6381", true, false},
		{"MOVED 3999 ::1:6381", "[::1]:6381", true, false},
		{"MOVED 3999 [::1]:6381", "[::1]:6381", true, false},
		{"ASK 3999 redis.example:6381", "redis.example:6381", false, true},
		{"MOVED 3999", "", false, false},
		{"TRYAGAIN Multiple keys", "", false, false},
		{"", "", false, false},
	} {
		if addr, moved, ask := redirection(tc.answer, from); addr != tc.addr || moved != tc.moved || ask != tc.ask {
			t.Errorf("%q: %q, moved %v, ask %v", tc.answer, addr, moved, ask)
		}
	}
}

// Nodes that nobody speaks to any more are closed, and no others.
func TestNodesRetire(t *testing.T) {
	n := newNodes(func(addr string) *redis.Options {
		o := &redis.Options{Addr: addr}
		configure(o)
		return o
	})
	defer n.close()
	idle := func(*node) error { return nil }
	met := func(addr string) (found *node) {
		if err := n.with(addr, func(node *node) error { found = node; return nil }); err != nil {
			t.Fatal(err)
		}
		return found
	}
	first := met("a:1")
	if met("a:1") != first || met("b:1") == first {
		t.Error("an address is not a node")
	}
	err := n.with("busy:1", func(*node) error {
		n.retire()
		if met("a:1") != first {
			t.Error("a node that was just in use is retired")
		}
		n.retire()
		n.retire()
		return nil
	})
	if err != nil || len(n.known) != 1 || n.known["busy:1"] == nil {
		t.Errorf("left are %v, %v", n.known, err)
	}
	if met("a:1") == first {
		t.Error("a node that was retired is still in use")
	}
	n.close()
	if err := n.with("a:1", idle); !errors.Is(err, redis.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}
