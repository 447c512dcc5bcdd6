package faultproxy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/store/storetest/faultproxy"
	"toolpit/internal/store/storetest/redistest"
)

// TestRedis has a real client lose the reply of a real server.
func TestRedis(t *testing.T) {
	t.Parallel()
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", protocol), func(t *testing.T) { testRedis(t, protocol) })
	}
}

func testRedis(t *testing.T, protocol int) {
	eachFault(t, func(t *testing.T, f faultproxy.Fault) {
		server := redistest.StartServer(t)
		p := faultproxy.Start(t, server.Addr())
		direct := newClient(t, server.Addr(), protocol, patience)
		timeout := patience
		if f == faultproxy.Swallow {
			// To be waited for, but still ample for what is answered.
			timeout = time.Second
		}
		client := newClient(t, p.Addr(), protocol, timeout)
		count := func(key string) int {
			t.Helper()
			n, err := direct.Get(t.Context(), key).Int()
			if err != nil && !errors.Is(err, redis.Nil) {
				t.Fatal(err)
			}
			return n
		}
		applied := 0
		if f.Applied() {
			applied = 1
		}

		// On a connection yet to be made, handshake included, with a script yet
		// to be loaded.
		incr := redis.NewScript("return redis.call('INCR', KEYS[1])")
		struck := p.Arm(f)
		err := incr.Run(t.Context(), client, []string{"a"}).Err()
		wantLost(t, f, protocol, err)
		await(t, struck, "the fault to strike")
		if got := count("a"); got != applied {
			t.Errorf("a = %d, want %d", got, applied)
		}

		// The client recovers.
		if n, err := incr.Run(t.Context(), client, []string{"a"}).Int(); err != nil || n != applied+1 {
			t.Errorf("second run = %d, %v; want %d", n, err, applied+1)
		}

		// In a batch larger than either buffer.
		large := strings.Repeat("x", 300<<10)
		struck = p.Arm(f)
		_, err = client.Pipelined(t.Context(), func(pipe redis.Pipeliner) error {
			pipe.Set(t.Context(), "large", large, 0)
			pipe.Get(t.Context(), "large")
			incr.EvalSha(t.Context(), pipe, []string{"b"})
			pipe.Get(t.Context(), "large")
			return nil
		})
		wantLost(t, f, protocol, err)
		await(t, struck, "the fault to strike")
		if got := count("b"); got != applied {
			t.Errorf("b = %d, want %d", got, applied)
		}
		if got := direct.Exists(t.Context(), "large").Val(); got != int64(applied) {
			t.Errorf("EXISTS large = %d, want %d: part of the batch was applied", got, applied)
		}
		if got := p.Fired(); got != 2 {
			t.Errorf("Fired = %d, want 2", got)
		}
	})
}

// wantLost checks that err is how go-redis reports the fault.
func wantLost(t *testing.T, f faultproxy.Fault, protocol int, err error) {
	t.Helper()
	var timeout net.Error
	var ok bool
	switch {
	case f == faultproxy.Reset && protocol == 2:
		ok = errors.Is(err, syscall.ECONNRESET)
	case f == faultproxy.Reset:
		// go-redis ignores the error, looking for pushes ahead of the reply, and
		// finds the end of file that follows when it goes on to read that.
		ok = errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
	case f == faultproxy.Swallow:
		ok = errors.As(err, &timeout) && timeout.Timeout()
	default:
		ok = errors.Is(err, io.EOF)
	}
	if !ok {
		t.Errorf("lost reply reported as: %v", err)
	}
}

// newClient returns a client that does not retry.
func newClient(t *testing.T, addr string, protocol int, timeout time.Duration) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Addr:                  addr,
		Protocol:              protocol,
		MaxRetries:            -1,
		ReadTimeout:           timeout,
		WriteTimeout:          patience,
		ContextTimeoutEnabled: true,
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}
