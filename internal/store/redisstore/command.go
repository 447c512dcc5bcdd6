package redisstore

import "toolpit/internal/store"

// command is one run of a script.
type command struct {
	script   *script
	text     bool // the script's text is sent, since the server does not know it
	args     []string
	replicas int // that must confirm what it writes

	// keys are those of a script that runs alone, else nil.
	keys []string
	// unit is of a command that applies a unit: its arguments may go behind those
	// of others with the same target, in one run, which answers each with one
	// string. Keys and what comes before args follow from it.
	unit unitTarget
}

// unitTarget is where units go that can go together. minute is that of their
// minted tokens, 0 for keyed ones.
type unitTarget struct {
	store  *Store // nil: it is no unit
	ref    store.Ref
	minute int64
}

const (
	firstKey = 3 // where a script's first key stands in its line
	shared   = 2 // arguments that units have in common: settings and limits
)

// allKeys returns the script's keys. Those of one command are in one slot.
func (c command) allKeys() []string {
	if c.unit.store == nil {
		return c.keys
	}
	return sessionKeys(c.unit.ref, c.unit.minute)
}

// line returns what is sent for the command and others that go with it. It has
// pointers, since putting a string into an interface costs an allocation.
func (c command) line(others []*order) []any {
	keys := c.allKeys()
	n := firstKey + len(keys) + shared + len(c.args)
	for _, o := range others {
		n += len(o.args)
	}
	line := make([]any, 0, n)
	if c.text {
		line = append(line, "eval", c.script.text, len(keys))
	} else {
		line = append(line, "evalsha", c.script.Hash(), len(keys))
	}
	line = appendAll(line, keys)
	if s := c.unit.store; s != nil {
		line = append(line, s.settings(), s.limits())
	}
	line = appendAll(line, c.args)
	for _, o := range others {
		line = appendAll(line, o.args)
	}
	return line
}

func appendAll(line []any, texts []string) []any {
	for i := range texts {
		line = append(line, &texts[i])
	}
	return line
}

// size returns about what its arguments take on the wire.
func (c command) size() int {
	const overhead = 8
	size := len(c.args) * overhead
	for _, a := range c.args {
		size += len(a)
	}
	return size
}
