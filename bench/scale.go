package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"toolpit/bench/load"
)

// share is what a replica gets of a core, when it is to be found out what
// several do together: four of them leave a second core to Redis and the load.
const share = 0.25

// replicas are the numbers that are compared.
var replicas = [...]int{1, 2, 4}

// scaling measures several replicas on one Redis.
type scaling struct {
	plan
	hierarchy hierarchy
	redis     *redisServer
	servers   []*httpServer
	pids      []int
	made      int // sessions so far
}

// scale measures 1, 2 and 4 replicas by turns. All of them run all the time:
// one that is asked nothing costs next to nothing.
func scale(ctx context.Context, s *stage, p plan) (r report, err error) {
	h, err := findHierarchy()
	if err != nil {
		return nil, err
	}
	q, err := findQuota(ctx, h, share, p.image)
	if err != nil {
		return nil, err
	}
	defer func() {
		// The groups can go once what is in them has ended.
		s.stop()
		err = errors.Join(err, q.release(context.WithoutCancel(ctx)))
	}()
	c := scaling{plan: p, hierarchy: h}
	if c.redis, err = s.startRedis(ctx, ""); err != nil {
		return nil, err
	}
	for i := range replicas[len(replicas)-1] {
		limited, err := q.wrap(i, toolpitCommand(p.bin, c.redis.url()))
		if err != nil {
			return nil, err
		}
		server, err := s.startToolpit(ctx, limited)
		if err != nil {
			return nil, err
		}
		pid, err := q.pid(ctx, i, server.process)
		if err != nil {
			return nil, err
		}
		c.servers, c.pids = append(c.servers, server), append(c.pids, pid)
	}
	var entrants []entrant
	for _, n := range replicas {
		entrants = append(entrants, entrant{strconv.Itoa(n), func(ctx context.Context, conns int) (sample, error) {
			return c.measure(ctx, n, conns)
		}})
	}
	results, err := takeTurns(ctx, p, "scale", entrants)
	return scaleReport{p.conns, q.String(), results}, err
}

// measure has n replicas increment one counter, each at so many connections.
func (c *scaling) measure(ctx context.Context, n, conns int) (sample, error) {
	c.made++
	session := fmt.Sprintf("scale-%d", c.made)
	if err := c.servers[0].create(ctx, session); err != nil {
		return sample{}, err
	}
	job := load.Job{
		Path: executePath(session), Body: execution("increment_counter"), Conns: n * conns, Warmup: c.warmup, Window: c.window,
		Watch: map[string][]int{watchServer: c.pids[:n], watchRedis: {c.redis.pid()}},
	}
	for _, server := range c.servers[:n] {
		job.Targets = append(job.Targets, server.addr)
	}
	before, err := c.quotas(n)
	if err != nil {
		return sample{}, err
	}
	report, err := generator{}.run(ctx, job)
	if err != nil {
		return sample{}, err
	}
	after, err := c.quotas(n)
	if err != nil {
		return sample{}, err
	}
	s := newSample(report)
	quotas := after.since(before)
	s.throttled = float64(quotas.throttled) / float64(max(quotas.periods, 1))
	last := c.servers[n-1] // any replica knows what all have done
	err = errors.Join(last.expect(ctx, session, report.Answered), last.remove(ctx, session))
	for _, server := range c.servers {
		err = errors.Join(err, server.forgetLog())
	}
	return s, errors.Join(err, c.redis.freed(ctx))
}

// quotas returns how the quotas of the first n replicas have held them up.
func (c *scaling) quotas(n int) (throttling, error) {
	var all throttling
	for _, pid := range c.pids[:n] {
		t, err := c.hierarchy.throttling(pid)
		if err != nil {
			return throttling{}, err
		}
		all = all.plus(t)
	}
	return all, nil
}
