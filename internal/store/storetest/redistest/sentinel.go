package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	masterName = "toolpit"
	sentinels  = 3
	replicas   = 2
	// downAfter is how long a master is silent before a sentinel thinks it dead.
	downAfter = time.Second
)

// Sentinel is a Redis with replicas, watched by three sentinels that promote a
// replica when the master dies. It belongs to one test. Its methods may fail the
// test and so belong on the test's own goroutine, except URL.
type Sentinel struct {
	t         testing.TB
	servers   []*Server // those with data; the first began as the master
	fronts    []*front  // before each of servers; nil: none
	sentinels []*Server
}

// StartSentinel runs a master, two replicas and three sentinels with
// down-after-milliseconds 1000 for the test, and returns once they know of each
// other and could agree on a failover. The args are added to the command line of
// the servers that hold data. All are ended, and their output logged, as by
// [StartServer].
func StartSentinel(t testing.TB, args ...string) *Sentinel {
	t.Helper()
	return startSentinels(t, func() *front { return nil }, args)
}

// StartLaggingSentinel is [StartSentinel] with replicas that are told everything
// later by lag. What a master that is killed had not told them is lost, as it is
// with a machine that fails.
func StartLaggingSentinel(t testing.TB, lag time.Duration, args ...string) *Sentinel {
	t.Helper()
	return startSentinels(t, func() *front { return startFront(t, lag) }, args)
}

func startSentinels(t testing.TB, newFront func() *front, args []string) *Sentinel {
	t.Helper()
	s := &Sentinel{t: t}
	// A replica is not made to wait for others that may want a copy too.
	args = append([]string{"--repl-diskless-sync-delay", "0"}, args...)
	var port string // of the master
	for i := range 1 + replicas {
		own, f := args, newFront()
		if f != nil {
			own = append(f.announced(), own...)
		}
		if i > 0 {
			own = append([]string{"--replicaof", "127.0.0.1", port}, own...)
		}
		server := StartServer(t, own...)
		if f != nil {
			f.target.Store(server)
		}
		if i == 0 {
			port = portOf(server, f)
		}
		s.servers, s.fronts = append(s.servers, server), append(s.fronts, f)
	}
	s.await("the replicas do not connect", s.replicated)
	for range sentinels {
		s.sentinels = append(s.sentinels, s.startSentinel(port))
	}
	s.await("the sentinels do not find each other", s.watched)
	return s
}

// URL returns the URL, of the form redis+sentinel://host:port,host:port/name/0.
func (s *Sentinel) URL() string {
	addrs := make([]string, len(s.sentinels))
	for i, sentinel := range s.sentinels {
		addrs[i] = sentinel.Addr()
	}
	return "redis+sentinel://" + strings.Join(addrs, ",") + "/" + masterName + "/0"
}

// Sentinels returns the sentinels.
func (s *Sentinel) Sentinels() []*Server { return append([]*Server(nil), s.sentinels...) }

// Replicas returns the servers that began as replicas.
func (s *Sentinel) Replicas() []*Server { return append([]*Server(nil), s.servers[1:]...) }

// Master returns the server that a majority of the sentinels calls the master.
func (s *Sentinel) Master() *Server {
	s.t.Helper()
	var master *Server
	s.await("the sentinels do not agree", func(ctx context.Context) error {
		votes := map[string]int{}
		for _, sentinel := range s.sentinels {
			reply, err := command(ctx, sentinel.Addr(), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName)
			if addr := texts(reply); err == nil && len(addr) == 2 {
				votes[net.JoinHostPort(addr[0], addr[1])]++
			}
		}
		for i, server := range s.servers {
			if votes[net.JoinHostPort("127.0.0.1", portOf(server, s.fronts[i]))] > sentinels/2 {
				master = server
				return nil
			}
		}
		return fmt.Errorf("they say %v", votes)
	})
	return master
}

// Sync waits until every replica has what the first master wrote. It is for
// before the first failover.
func (s *Sentinel) Sync() {
	s.t.Helper()
	s.await("the replicas do not catch up", s.replicated)
}

// Detach keeps the replicas from what the master writes from now on, so that a
// failover loses it. The replica that is not promoted stays behind for good.
func (s *Sentinel) Detach() {
	s.t.Helper()
	master := s.Master()
	for _, server := range s.servers {
		if server != master {
			server.Configure("masteruser", "nobody") // the master does not know
			server.Configure("masterauth", "nothing")
		}
	}
	master.command("CLIENT", "KILL", "TYPE", "replica")
}

// KillMaster kills the master, as a crash would, and returns it: the sentinels
// notice in a second and promote a replica. Restarted, it becomes a replica.
func (s *Sentinel) KillMaster() *Server {
	s.t.Helper()
	master := s.Master()
	for i, server := range s.servers {
		if f := s.fronts[i]; server == master && f != nil {
			f.sever() // or the front would still deliver for as long as it takes to notice
		}
	}
	master.Kill()
	return master
}

// AwaitMaster waits until a server other than the old one is the master, and
// says so itself.
func (s *Sentinel) AwaitMaster(old *Server) *Server {
	s.t.Helper()
	var master *Server
	s.await("no replica is promoted", func(ctx context.Context) error {
		if master = s.Master(); master == old {
			return errors.New("the old one still counts as the master")
		}
		info, err := replication(ctx, master)
		if err == nil && info["role"] != "master" {
			err = fmt.Errorf("%s is a %s", master.Addr(), info["role"])
		}
		return err
	})
	return master
}

// startSentinel runs a sentinel for the master at port.
func (s *Sentinel) startSentinel(port string) *Server {
	s.t.Helper()
	dir := s.t.TempDir()
	// It writes down there what it learns, and wants the file to exist.
	config := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		s.t.Fatalf("redistest: %v", err)
	}
	sentinel := startServer(s.t, s.t.TempDir(), config, "--sentinel")
	ctx, cancel := s.bounded()
	defer cancel()
	for _, args := range [][]string{
		// How often sentinels talk. The defaults make for seconds of waiting.
		{"SENTINEL", "DEBUG", "INFO-PERIOD", "500", "PUBLISH-PERIOD", "200"},
		{"SENTINEL", "MONITOR", masterName, "127.0.0.1", port, strconv.Itoa(sentinels/2 + 1)},
		{"SENTINEL", "SET", masterName, "down-after-milliseconds", strconv.FormatInt(downAfter.Milliseconds(), 10)},
		{"SENTINEL", "SET", masterName, "failover-timeout", "5000"},
	} {
		if _, err := command(ctx, sentinel.Addr(), args...); err != nil {
			s.t.Fatalf("redistest: %v", err)
		}
	}
	return sentinel
}

// replicated reports whether every replica follows the first server.
func (s *Sentinel) replicated(ctx context.Context) error {
	for _, replica := range s.servers[1:] {
		if err := follows(ctx, s.servers[0], replica); err != nil {
			return err
		}
	}
	return nil
}

// watched reports whether every sentinel knows enough to promote a replica.
func (s *Sentinel) watched(ctx context.Context) error {
	for _, sentinel := range s.sentinels {
		reply, err := command(ctx, sentinel.Addr(), "SENTINEL", "CKQUORUM", masterName)
		if err != nil {
			return err
		}
		if text, _ := reply.(string); !strings.HasPrefix(text, fmt.Sprintf("OK %d usable", sentinels)) {
			return fmt.Errorf("CKQUORUM: %v", reply)
		}
		known, err := command(ctx, sentinel.Addr(), "SENTINEL", "REPLICAS", masterName)
		if err != nil {
			return err
		}
		list, _ := known.([]any)
		if len(list) != replicas {
			return fmt.Errorf("%d replicas known", len(list))
		}
	}
	return nil
}

// replication returns what the server says of replication.
func replication(ctx context.Context, server *Server) (map[string]string, error) {
	reply, err := command(ctx, server.Addr(), "INFO", "replication")
	if err != nil {
		return nil, err
	}
	text, _ := reply.(string)
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info, nil
}

// await waits for look to report no error.
func (s *Sentinel) await(otherwise string, look func(ctx context.Context) error) {
	s.t.Helper()
	ctx, cancel := s.bounded()
	defer cancel()
	if err := settle(ctx, look); err != nil {
		s.t.Fatalf("redistest: %s: %v", otherwise, err)
	}
}

// bounded returns a context that outlives the test's, which has ended when
// cleanup functions run.
func (s *Sentinel) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(s.t.Context()), formTimeout)
}
