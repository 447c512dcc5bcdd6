package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"toolpit/bench/load"
)

// increments measures increment_counter on one replica.
type increments struct {
	plan
	gen     generator
	redis   *redisServer // nil when state is in SQLite
	toolpit *httpServer
	made    int // sessions so far
}

// measure increments the counter of a session of its own.
func (i *increments) measure(ctx context.Context, conns int, keyed bool) (sample, error) {
	i.made++
	session := fmt.Sprintf("bench-%d", i.made)
	if err := i.toolpit.create(ctx, session); err != nil {
		return sample{}, err
	}
	s, err := i.load(ctx, i.toolpit, load.Job{Path: executePath(session), Keyed: keyed, Conns: conns}, func(answered int) error {
		return i.toolpit.expect(ctx, session, answered)
	})
	if err != nil {
		return sample{}, err
	}
	// Neither its records nor its log lines are to weigh on the next.
	if err := errors.Join(i.toolpit.remove(ctx, session), i.toolpit.forgetLog()); err != nil {
		return sample{}, err
	}
	if i.redis == nil {
		return s, nil
	}
	return s, i.redis.freed(ctx)
}

// load has the generator send increments to a server, and checks what came of
// those that were answered.
func (i *increments) load(ctx context.Context, server *httpServer, job load.Job, check func(answered int) error) (sample, error) {
	job.Targets = []string{server.addr}
	job.Body = execution("increment_counter")
	job.Warmup, job.Window = i.warmup, i.window
	job.Watch = map[string][]int{watchServer: {server.pid()}}
	if i.redis != nil {
		job.Watch[watchRedis] = []int{i.redis.pid()}
	}
	report, err := i.gen.run(ctx, job)
	if err != nil {
		return sample{}, err
	}
	return newSample(report), check(report.Answered)
}

func (i *increments) entrants() []entrant {
	return []entrant{
		{"toolpit", func(ctx context.Context, conns int) (sample, error) { return i.measure(ctx, conns, false) }},
		{"toolpit, keyed", func(ctx context.Context, conns int) (sample, error) { return i.measure(ctx, conns, true) }},
	}
}

// onRedis measures Toolpit beside the floor and redis-benchmark.
func onRedis(ctx context.Context, s *stage, p plan, m mode) (table, error) {
	cores := m.cores()
	redis, err := s.startRedis(ctx, cores.others)
	if err != nil {
		return table{}, err
	}
	toolpit, err := s.startToolpit(ctx, cores.confine(toolpitCommand(p.bin, redis.url())))
	if err != nil {
		return table{}, err
	}
	floor, sha, err := s.startFloor(ctx, cores.confine(floorCommand(p.bin, redis.url())))
	if err != nil {
		return table{}, err
	}
	i := &increments{plan: p, gen: generator{cores.others}, redis: redis, toolpit: toolpit}
	var floored int // how far the floor has counted
	entrants := append([]entrant{{"floor", func(ctx context.Context, conns int) (sample, error) {
		const path = "/floor"
		return i.load(ctx, floor, load.Job{Path: path, Conns: conns}, func(answered int) error {
			floored += answered
			return redis.expect(ctx, "floor:"+path, "counter", floored)
		})
	}}}, i.entrants()...)
	entrants = append(entrants, entrant{"redis-benchmark", func(ctx context.Context, conns int) (sample, error) {
		return redisBenchmark(ctx, redis, cores.server, sha, conns, p.window)
	}})
	return newTable(ctx, p, "Redis", m, entrants)
}

// onSQLite measures Toolpit with its state in a file.
func onSQLite(ctx context.Context, s *stage, p plan, m mode) (table, error) {
	cores := m.cores()
	toolpit, err := s.startToolpit(ctx, cores.confine(toolpitCommand(p.bin, "sqlite:"+filepath.Join(s.dir, "bench.db"))))
	if err != nil {
		return table{}, err
	}
	i := &increments{plan: p, gen: generator{cores.others}, toolpit: toolpit}
	return newTable(ctx, p, "SQLite", m, i.entrants())
}
