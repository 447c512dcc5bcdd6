package redisstore_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/store"
	"toolpit/internal/store/redisstore"
)

func TestParseTopology(t *testing.T) {
	for _, tc := range []struct {
		rest     string
		sentinel bool
		want     redisstore.Topology
	}{
		{"a:1", false, redisstore.Topology{Addrs: []string{"a:1"}}},
		{"a:1/", false, redisstore.Topology{Addrs: []string{"a:1"}}},
		{"a:1,[::1]:2,127.0.0.1:65535", false, redisstore.Topology{Addrs: []string{"a:1", "[::1]:2", "127.0.0.1:65535"}}},
		{"u:p@a:1,b:2", false, redisstore.Topology{User: "u", Password: "p", Addrs: []string{"a:1", "b:2"}}},
		{":p@a:1", false, redisstore.Topology{Password: "p", Addrs: []string{"a:1"}}},
		{"u@a:1", false, redisstore.Topology{User: "u", Addrs: []string{"a:1"}}},
		{":p%2F%40%2C%3A+@a:1", false, redisstore.Topology{Password: "p/@,:+", Addrs: []string{"a:1"}}},
		{":p@q@a:1", false, redisstore.Topology{Password: "p@q", Addrs: []string{"a:1"}}},
		{"a:1/m", true, redisstore.Topology{Addrs: []string{"a:1"}, Master: "m"}},
		{"u:p@a:1,b:2/my%20master/3", true, redisstore.Topology{User: "u", Password: "p", Addrs: []string{"a:1", "b:2"}, Master: "my master", DB: 3}},
	} {
		got, ok := redisstore.ParseTopology(tc.rest, tc.sentinel)
		if diff := cmp.Diff(tc.want, got); !ok || diff != "" {
			t.Errorf("%s: ok %v (-want +got):\n%s", tc.rest, ok, diff)
		}
	}
}

func TestOpenRefusesURLs(t *testing.T) {
	for _, url := range []string{
		"", "redis", "redis://secret:secret@a:b:c", "rediss+cluster://:secret@a:1",
		"redis+cluster://", "redis+cluster://:secret@", "redis+cluster://:secret@a", "redis+cluster://:secret@:1",
		"redis+cluster://:secret@a:0", "redis+cluster://:secret@a:65536", "redis+cluster://:secret@a:1,",
		"redis+cluster://:secret@a:1/0", "redis+cluster://:secret@a:1?x=y", "redis+cluster://:secret%zz@a:1",
		"redis+cluster://secret%zz:x@a:1", "redis+cluster://:secret@a b:1", "redis+cluster://:secret@::1:1",
		"redis+sentinel://:secret@a:1", "redis+sentinel://:secret@a:1/", "redis+sentinel://:secret@a:1//0",
		"redis+sentinel://:secret@a:1/m/", "redis+sentinel://:secret@a:1/m/x", "redis+sentinel://:secret@a:1/m/-1",
		"redis+sentinel://:secret@a:1/m?x=y", "redis+sentinel://:secret@a:1/m/0/1", "redis+sentinel://:secret@a:1/%zz",
	} {
		_, err := redisstore.Open(url, store.Config{}, redisstore.Options{})
		if !store.IsUnfit(err) || strings.Contains(err.Error(), "secret") {
			t.Errorf("Open(%q) = %v, want an Unfit without the password", url, err)
		}
	}
}
