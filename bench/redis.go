package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// redisServer is a redis-server without persistence, of which nobody else
// knows.
type redisServer struct {
	*process
	port int
}

// startRedis starts one.
func (s *stage) startRedis(ctx context.Context, cores string) (*redisServer, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	const attempts = 5 // somebody may take the port first
	var last error
	for range attempts {
		port, err := freePort(ctx)
		if err != nil {
			return nil, err
		}
		p, err := s.start(command{
			name: "redis-server", path: "redis-server", cores: cores,
			args: []string{
				"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", s.dir,
				"--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction",
			},
		})
		if err != nil {
			return nil, err
		}
		r := &redisServer{process: p, port: port}
		if last = p.settle(ctx, r.ours); last == nil {
			return r, nil
		}
		p.stop()
	}
	return nil, last
}

// ours tells whether it is this server that answers at the port.
func (r *redisServer) ours(ctx context.Context) error {
	pid, err := r.info(ctx, "server", "process_id")
	if err == nil && pid != strconv.Itoa(r.pid()) {
		err = errors.New("another server has the port")
	}
	return err
}

func (r *redisServer) url() string { return fmt.Sprintf("redis://127.0.0.1:%d/0", r.port) }

func (r *redisServer) cli(ctx context.Context, args ...string) (string, error) {
	return output(ctx, "redis-cli", append([]string{"-p", strconv.Itoa(r.port)}, args...)...)
}

// info returns a field of a section of INFO.
func (r *redisServer) info(ctx context.Context, section, field string) (string, error) {
	text, err := r.cli(ctx, "INFO", section)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("INFO %s has no %s", section, field)
}

// expect fails unless a field of a hash is want.
func (r *redisServer) expect(ctx context.Context, key, field string, want int) error {
	n, err := r.cli(ctx, "HGET", key, field)
	if err == nil && n != strconv.Itoa(want) {
		err = fmt.Errorf("%d increments were answered, and then the counter is %q", want, n)
	}
	return err
}

// freed waits until Redis has given back the memory of what was deleted, which
// it does in the background.
func (r *redisServer) freed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return r.settle(ctx, func(ctx context.Context) error {
		n, err := r.info(ctx, "memory", "lazyfree_pending_objects")
		if err == nil && n != "0" {
			err = fmt.Errorf("%s objects are still to be freed", n)
		}
		return err
	})
}

// freePort returns a port of 127.0.0.1 that nobody listens on.
func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}
