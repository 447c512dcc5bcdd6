package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/store"
)

// replicaLag is how long ago a replica may have reported to count as connected.
const replicaLag = 10 // seconds; it reports each second

// means is what a server, or every master of a Cluster, has to keep writes.
type means struct {
	everySec, fsync bool // it has an append-only file, written that often
	replicas        int  // connected to it
}

// Honours implements store.Health.
func (s *Store) Honours(ctx context.Context) ([]store.Durability, error) {
	ctx, cancel := context.WithTimeout(ctx, store.CallTimeout)
	defer cancel()
	m, err := s.means(ctx)
	if err != nil {
		s.client.doubt(ctx, err)
		return nil, readError(ctx, err)
	}
	return m.honours(s.cfg.Replicas), nil
}

func (m means) honours(replicas int) []store.Durability {
	honoured := []store.Durability{store.Memory}
	if m.everySec {
		honoured = append(honoured, store.EverySec)
	}
	if m.fsync {
		honoured = append(honoured, store.Fsync)
	}
	if m.replicas >= replicas {
		honoured = append(honoured, store.Replicated)
	}
	return honoured
}

// checkDurability refuses a Redis that cannot honour what is asked for. Its
// errors are go-redis's, a fault or Unfit.
func (s *Store) checkDurability(ctx context.Context) error {
	level := s.cfg.Durability
	if level == store.Memory {
		return nil
	}
	m, err := s.means(ctx)
	if err != nil {
		return err
	}
	switch {
	case slices.Contains(m.honours(s.cfg.Replicas), level):
		return nil
	case level == store.Replicated: // they may come
		return store.TooFewReplicas().
			Because(fmt.Errorf("%d connected, want %d", m.replicas, s.cfg.Replicas)).Retry(retryAfter)
	default:
		return &store.Unfit{Reason: fmt.Sprintf("Redis cannot honour --durability %s: that needs appendonly yes and appendfsync %s, and a user that may ask with CONFIG GET appendfsync", level, fsyncFor(level))}
	}
}

func fsyncFor(level store.Durability) string {
	if level == store.Fsync {
		return "always"
	}
	return "everysec or always"
}

// means returns what all masters have.
func (s *Store) means(ctx context.Context) (means, error) {
	var mu sync.Mutex
	var all *means
	err := s.client.masters(ctx, func(ctx context.Context, master *redis.Client) error {
		m, err := meansOf(ctx, master)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if all != nil {
			m = means{m.everySec && all.everySec, m.fsync && all.fsync, min(m.replicas, all.replicas)}
		}
		all = &m
		return nil
	})
	if err != nil || all == nil {
		return means{}, err
	}
	return *all, nil
}

// meansOf asks one server. Who is not told how often it writes its append-only
// file must not promise anything of it; who may not WAIT has no replicas.
func meansOf(ctx context.Context, master *redis.Client) (means, error) {
	pipe := master.Pipeline()
	info := pipe.Info(ctx, "persistence", "replication")
	fsync := pipe.ConfigGet(ctx, "appendfsync")
	wait := pipe.Do(ctx, "wait", 0, 1) // for nobody: is it allowed?
	_, _ = pipe.Exec(ctx)              // the commands keep their errors
	for _, cmd := range []redis.Cmder{info, fsync, wait} {
		err := cmd.Err()
		if err != nil && (cmd == redis.Cmder(info) || serverSaid(err) == "" || passing(serverSaid(err))) {
			return means{}, err
		}
	}
	var m means
	if infoField(info.Val(), "aof_enabled") == "1" {
		policy := fsync.Val()["appendfsync"]
		m.fsync = policy == "always"
		m.everySec = m.fsync || policy == "everysec"
	}
	if wait.Err() == nil {
		m.replicas = connectedReplicas(info.Val())
	}
	return m, nil
}

// connectedReplicas counts the lines
//
//	slave0:ip=127.0.0.1,port=6380,state=online,offset=1,lag=0
//
// of replicas that are online and have reported of late.
func connectedReplicas(info string) int {
	n := 0
	for line := range strings.Lines(info) {
		name, text, ok := strings.Cut(strings.TrimSpace(line), ":")
		if _, err := strconv.Atoi(strings.TrimPrefix(name, "slave")); !ok || !strings.HasPrefix(name, "slave") || err != nil {
			continue
		}
		facts := map[string]string{}
		for fact := range strings.SplitSeq(text, ",") {
			k, v, _ := strings.Cut(fact, "=")
			facts[k] = v
		}
		lag, err := strconv.Atoi(facts["lag"])
		if err == nil && facts["state"] == "online" && lag <= replicaLag {
			n++
		}
	}
	return n
}
