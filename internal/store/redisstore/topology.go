package redisstore

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/store"
)

// What a URL may begin with, beside redis:// and rediss://, which go-redis
// reads itself.
const (
	sentinelScheme = "redis+sentinel://"
	clusterScheme  = "redis+cluster://"
)

// topology is what a URL with several addresses says.
type topology struct {
	user, password string
	addrs          []string // host:port
	master         string   // its name to the sentinels; "" in a Cluster
	db             int
}

// parseTopology reads what follows the scheme in
//
//	redis+sentinel://[user:password@]host:port[,host:port…]/MASTER[/DB]
//	redis+cluster://[user:password@]host:port[,host:port…]
//
// User, password and master are percent-encoded. They are those of the Redis
// servers: sentinels are asked without. There are no parameters. The package
// net/url would not do: it takes one host, and its errors repeat the URL.
func parseTopology(rest string, sentinel bool) (topology, bool) {
	var t topology
	rest, path, _ := strings.Cut(rest, "/")
	// The last @: a password that was not encoded may have one of its own.
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		var ok bool
		if t.user, t.password, ok = parseUser(rest[:at]); !ok {
			return topology{}, false
		}
		rest = rest[at+1:]
	}
	for addr := range strings.SplitSeq(rest, ",") {
		host, port, err := net.SplitHostPort(addr)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" || strings.ContainsAny(host, "?# ") {
			return topology{}, false
		}
		t.addrs = append(t.addrs, addr)
	}
	if !sentinel {
		return t, path == ""
	}
	name, db, numbered := strings.Cut(path, "/")
	var err error
	if t.master, err = url.PathUnescape(name); err != nil || t.master == "" || strings.ContainsAny(name, "?#") {
		return topology{}, false
	}
	if numbered {
		if t.db, err = strconv.Atoi(db); err != nil || t.db < 0 {
			return topology{}, false
		}
	}
	return t, true
}

func parseUser(text string) (user, password string, ok bool) {
	user, password, _ = strings.Cut(text, ":")
	user, err1 := url.PathUnescape(user)
	password, err2 := url.PathUnescape(password)
	return user, password, err1 == nil && err2 == nil
}

// connect returns the client that a URL stands for, which has not dialled yet.
// No error repeats the URL: it may hold a password.
func connect(text string) (*client, error) {
	if rest, ok := strings.CutPrefix(text, sentinelScheme); ok {
		t, ok := parseTopology(rest, true)
		if !ok {
			return nil, malformed(sentinelScheme + "[user:password@]host:port[,host:port…]/MASTER[/DB]")
		}
		return newFailover(t), nil
	}
	if rest, ok := strings.CutPrefix(text, clusterScheme); ok {
		t, ok := parseTopology(rest, false)
		if !ok {
			return nil, malformed(clusterScheme + "[user:password@]host:port[,host:port…]")
		}
		return newCluster(t, nil), nil
	}
	o, err := ClientOptions(text)
	if err != nil {
		return nil, err
	}
	return newStandalone(o), nil
}

// ClientOptions returns how the client of a standalone Redis is set up. It is
// for a client beside the store's that is to be compared with it. Errors:
// *store.Unfit for what is no redis:// or rediss:// URL.
func ClientOptions(url string) (*redis.Options, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, malformed("redis://[user:password@]host:port[/db]")
	}
	configure(o)
	return o, nil
}

func malformed(form string) error {
	return &store.Unfit{Reason: "the store's URL is not of the form " + form}
}

// options returns the settings of configure for clients of several addresses.
func (t topology) options() *redis.UniversalOptions {
	var o redis.Options
	configure(&o)
	return &redis.UniversalOptions{
		Addrs: t.addrs, MasterName: t.master, DB: t.db, Username: t.user, Password: t.password,
		MaxRetries:            o.MaxRetries,
		DialTimeout:           o.DialTimeout,
		DialerRetries:         o.DialerRetries,
		ReadTimeout:           o.ReadTimeout,
		WriteTimeout:          o.WriteTimeout,
		PoolTimeout:           o.PoolTimeout,
		ContextTimeoutEnabled: o.ContextTimeoutEnabled,
		PoolSize:              o.PoolSize,
		MinIdleConns:          o.MinIdleConns,
		ConnMaxIdleTime:       o.ConnMaxIdleTime,
		PipelinePoolSize:      o.PipelinePoolSize,
		DisableIdentity:       o.DisableIdentity,

		MaintNotificationsConfig: o.MaintNotificationsConfig,
	}
}
