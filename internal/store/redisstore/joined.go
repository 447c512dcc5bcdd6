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

// joined are the orders that go as one command: one, or several that run the
// same script on the same keys.
type joined struct {
	orders []*order
	cmd    *redis.StringSliceCmd
}

// join puts a batch together, in the order in which it came.
func join(batch []*order) []joined {
	all := make([]joined, 0, len(batch))
	if len(batch) == 1 {
		return append(all, joined{orders: batch})
	}
	places, sizes := map[group]int{}, map[group]int{}
	for _, o := range batch {
		if o.group == (group{}) {
			all = append(all, joined{orders: []*order{o}})
			continue
		}
		place, ok := places[o.group]
		if !ok || len(all[place].orders) == joinedLen || sizes[o.group]+o.size > joinedBytes {
			place = len(all)
			all = append(all, joined{})
			places[o.group], sizes[o.group] = place, 0
		}
		all[place].orders = append(all[place].orders, o)
		sizes[o.group] += o.size
	}
	return all
}

// command returns the command that stands for all of them.
func (j *joined) command(ctx context.Context) *redis.StringSliceCmd {
	line := j.orders[0].line
	if len(j.orders) > 1 {
		n := len(line)
		for _, o := range j.orders[1:] {
			n += len(o.line) - o.head
		}
		line = append(make([]any, 0, n), line...)
		for _, o := range j.orders[1:] {
			line = append(line, o.line[o.head:]...)
		}
	}
	j.cmd = redis.NewStringSliceCmd(ctx, line...)
	return j.cmd
}

// settle notes what became of each; err is of the batch.
func (j joined) settle(err error, c confirmation) {
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
