package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/store"
)

// confirmTime is how long replicas may take to confirm what a batch wrote.
// Redis looks at the clock ten times a second, so a wait may take 100 ms more.
// With the batch's own time that fits into the client's ReadTimeout, and three
// times into store.CallTimeout: a creation in a Cluster waits for the slot of the
// index once and for its own twice.
const confirmTime = 200 * time.Millisecond

// errUnconfirmed is of a command that was executed, of which too few replicas
// know.
var errUnconfirmed = errors.New("too few replicas confirmed a write")

// confirmation is the WAIT at the end of a batch: it covers all that was written
// on its connection before.
type confirmation struct {
	replicas int
	wait     *redis.Cmd
}

// confirm adds a WAIT to a batch if any of its commands needs one.
func confirm(ctx context.Context, pipe redis.Pipeliner, batch []*order) confirmation {
	var c confirmation
	for _, o := range batch {
		c.replicas = max(c.replicas, o.replicas)
	}
	if c.replicas > 0 {
		// Not Pipeliner.Wait: it gives the batch another timeout.
		c.wait = redis.NewCmd(ctx, "wait", c.replicas, confirmTime.Milliseconds())
		_ = pipe.Process(ctx, c.wait)
	}
	return c
}

// check tells whether as many replicas as it needs know of a command that was
// executed.
func (c confirmation) check(o *order) error {
	if o.replicas == 0 || !wrote(o.reply) {
		return nil
	}
	have, err := c.wait.Int()
	if err != nil {
		return fmt.Errorf("%w: WAIT: %s", errUnconfirmed, err.Error()) // no answer to the command itself
	}
	if have < o.replicas {
		return fmt.Errorf("%w: %d of %d", errUnconfirmed, have, o.replicas)
	}
	return nil
}

// wrote tells whether a script with this reply may have written something: not
// when it refused, or found nothing. One that found its token has: see
// lua/cold.lua.
func wrote(reply []string) bool {
	return len(reply) > 0 && !strings.HasPrefix(reply[0], "E") && !strings.HasPrefix(reply[0], "N")
}

// confirmed returns how many replicas must confirm a write.
func (s *Store) confirmed(w store.Write) int {
	if s.cfg.Durability == store.Replicated || w.Durability == store.Replicated {
		return s.cfg.Replicas
	}
	return 0
}
