package redisstore

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// So many commands, of so many bytes, become one at most: Redis does nothing
// else meanwhile.
const (
	joinedLen   = 64
	joinedBytes = 128 << 10
)

// joined are the orders that go as one command: one, or the units of several for
// one session.
type joined struct {
	orders []*order
	size   int // of their arguments
	cmd    *redis.StringSliceCmd
}

// join puts a batch together, in the order in which it came.
func join(batch []*order) []joined {
	all := make([]joined, 0, len(batch))
	if len(batch) == 1 {
		return append(all, joined{orders: batch})
	}
	places := make(map[unitTarget]int, len(batch))
	for i, o := range batch {
		joins := o.unit.store != nil && !o.text
		if joins {
			if place, ok := places[o.unit]; ok && len(all[place].orders) < joinedLen && all[place].size+o.size() <= joinedBytes {
				all[place].orders = append(all[place].orders, o)
				all[place].size += o.size()
				continue
			}
			places[o.unit] = len(all)
		}
		all = append(all, joined{orders: batch[i : i+1 : i+1], size: o.size()})
	}
	return all
}

// command returns the command that stands for all of them.
func (j *joined) command(ctx context.Context) *redis.StringSliceCmd {
	j.cmd = redis.NewStringSliceCmd(ctx, j.orders[0].line(j.orders[1:])...)
	return j.cmd
}

// settle notes what became of each; err is of the batch.
func (j *joined) settle(err error, c confirmation) {
	reply, failure := j.cmd.Val(), j.cmd.Err()
	switch {
	case failure != nil:
	case reply == nil:
		failure = err // go-redis keeps from the commands that the server refused their new connection
	case len(j.orders) > 1 && len(reply) != len(j.orders):
		failure = fmt.Errorf("%d answers to %d commands", len(reply), len(j.orders))
	}
	for i, o := range j.orders {
		if failure != nil {
			o.err = failure
			continue
		}
		if o.reply = reply; len(j.orders) > 1 {
			o.reply = reply[i : i+1]
		}
		o.err = c.check(o)
	}
}
