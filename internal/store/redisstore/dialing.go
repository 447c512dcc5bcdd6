package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// dialPause is for how long nobody dials again after it failed.
const dialPause = retryPause

// dialing makes every failure to connect one of dialling. Without it a sentinel
// that does not answer would look like a server that took a command and did not
// answer it.
//
// It hands out a failure as a connection on which nothing can be sent. A pool
// that is told of as many failures as it has room for connections would try once
// a second from then on, and so make every outage longer by up to a second.
type dialing struct{ last atomic.Pointer[failure] }

// failure is a dial that failed.
type failure struct {
	err error
	at  time.Time
}

// DialHook implements redis.Hook.
func (d *dialing) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if last := d.last.Load(); last != nil && time.Since(last.at) < dialPause {
			return undialled{last.err}, nil
		}
		conn, err := next(ctx, network, addr)
		if err == nil {
			return conn, nil
		}
		// Not wrapped: what a sentinel answered is not the server's answer.
		cause := errors.New(err.Error())
		switch {
		case ctx.Err() != nil:
			cause = ctx.Err()
		case errors.Is(err, redis.Nil):
			cause = errors.New("the sentinels know no master of that name")
		}
		// Wrapped once: go-redis unwraps what befell a new connection.
		err = fmt.Errorf("no connection: %w", &net.OpError{Op: "dial", Net: network, Err: cause})
		if ctx.Err() == nil {
			d.last.Store(&failure{err, time.Now()})
		}
		return undialled{err}, nil
	}
}

// ProcessHook implements redis.Hook.
func (*dialing) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (*dialing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// undialled is what there is instead of a connection.
type undialled struct{ err error }

var _ net.Conn = undialled{}

// Read fails.
func (u undialled) Read([]byte) (int, error) { return 0, u.err }

// Write fails.
func (u undialled) Write([]byte) (int, error) { return 0, u.err }

// Close does nothing.
func (undialled) Close() error { return nil }

// LocalAddr returns an address that is none.
func (undialled) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr returns an address that is none.
func (undialled) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// SetDeadline does nothing.
func (undialled) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (undialled) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (undialled) SetWriteDeadline(time.Time) error { return nil }
