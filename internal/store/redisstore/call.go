package redisstore

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/deadline"
	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// attempts is how often a script is sent: once, and once more when the first
// reply was lost. Tokens make the second time harmless. Being sent away from a
// slot on the move does not count.
const attempts = 2

const (
	retryPause   = 5 * time.Millisecond
	maxDoublings = 4           // of retryPause, while a slot moves
	retryAfter   = time.Second // what a client is told when the store does not answer
)

// mutate runs a script that changes something. An error whose effect may have
// happened is OutcomeUnknown; one whose effect has happened, and may be lost, is
// DurabilityNotReached.
func (s *Store) mutate(ctx context.Context, w store.Write, script *script, keys, args []string) ([]string, error) {
	return s.send(ctx, command{script: script, keys: keys, args: args, replicas: s.confirmed(w)}, true)
}

// query runs a script that a caller may repeat at will.
func (s *Store) query(ctx context.Context, script *script, keys, args []string) ([]string, error) {
	return s.send(ctx, command{script: script, keys: keys, args: args}, false)
}

// send sends a command, and once more when its reply was lost.
func (s *Store) send(ctx context.Context, cmd command, mutates bool) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limited := deadline.Within(ctx, store.CallTimeout)
	defer limited.Release()
	ctx = limited

	var last error
	sent, failed := false, 0
	for moving := 0; ; {
		reply, maybe, err := s.client.send(ctx, cmd)
		if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
			cmd.text = true
			reply, maybe, err = s.client.send(ctx, cmd)
		}
		if err == nil {
			return reply, nil
		}
		last = err
		sent = sent || maybe
		if !errors.Is(err, errUnconfirmed) {
			s.client.doubt(ctx, err)
		}
		rest := retryPause
		if onTheMove(serverSaid(err)) {
			rest <<= min(moving, maxDoublings)
			moving++
		} else if failed++; failed == attempts || !worthRepeating(err) || errors.Is(err, errUnconfirmed) && !mutates {
			break
		}
		if !pause(ctx, rest) {
			break
		}
		s.opts.Observer.Retry()
	}
	if errors.Is(last, errUnconfirmed) {
		return nil, store.NotConfirmed().Because(last).Retry(retryAfter)
	}
	if sent && mutates {
		return nil, fault.New(fault.OutcomeUnknown, "The store did not answer in time; the effect may have happened. Repeat the request with the same Idempotency-Key to find out.").
			Because(last).Retry(retryAfter)
	}
	return nil, readError(ctx, last)
}

// onTheMove tells whether a server's answer speaks of a slot that moves.
func onTheMove(answer string) bool {
	for _, p := range []string{"TRYAGAIN", "MOVED ", "ASK "} {
		if strings.HasPrefix(answer, p) {
			return true
		}
	}
	return false
}

func pause(ctx context.Context, rest time.Duration) bool {
	t := time.NewTimer(rest)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// maybeSent tells whether the server may have applied a command that failed
// with err. Only errors from before the first byte was written say no, and
// answers of the server itself, since every refusal comes before the first
// write.
func maybeSent(err error) bool {
	if serverSaid(err) != "" {
		return false
	}
	op, network := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted), errors.Is(err, redis.ErrClosed):
		return false
	case network && op.Op == "dial":
		return false
	default:
		return true
	}
}

// serverSaid returns what the server itself answered, "" when err came about on
// this side of the connection.
func serverSaid(err error) string {
	if answer, ok := errors.AsType[redis.Error](err); ok {
		return answer.Error()
	}
	return ""
}

// worthRepeating tells whether another attempt may succeed.
func worthRepeating(err error) bool {
	if answer := serverSaid(err); answer != "" {
		return passing(answer)
	}
	return !errors.Is(err, redis.ErrClosed) && !errors.Is(err, context.Canceled)
}

// denied tells whether the server lets this client do nothing at all.
func denied(err error) bool {
	answer := serverSaid(err)
	for _, p := range []string{"NOAUTH", "WRONGPASS", "NOPERM", "ERR invalid password", "ERR DB index", "ERR AUTH", "ERR Client sent AUTH"} {
		if strings.HasPrefix(answer, p) {
			return true
		}
	}
	return false
}

// passing tells whether a server's answer speaks of a state that passes, such
// as a restart, a failover or slots on the move.
func passing(answer string) bool {
	for _, p := range []string{"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED ", "ASK ", "BUSY", "MISCONF", "NOREPLICAS", "UNKILLABLE", "ERR max number of clients"} {
		if strings.HasPrefix(answer, p) {
			return true
		}
	}
	return false
}

// readError turns what go-redis returned for a command without effect, or
// whose effect certainly did not happen, into a fault.
func readError(ctx context.Context, err error) error {
	answer := serverSaid(err)
	switch {
	case errors.Is(err, context.Canceled) && errors.Is(ctx.Err(), context.Canceled):
		return context.Canceled
	case redis.IsOOMError(err):
		return fault.New(fault.StoreFull, "The store has no memory left.").Because(err).Retry(retryAfter)
	case answer != "" && !passing(answer) && !denied(err):
		return fault.New(fault.Internal, "The store refused a command.").Because(err)
	default:
		return fault.New(fault.StoreUnavailable, "The store does not answer.").Because(err).Retry(retryAfter)
	}
}
