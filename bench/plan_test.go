package main

import (
	"slices"
	"testing"
)

func TestParsePlan(t *testing.T) {
	p, err := parsePlan([]string{"-conns", "64, 1", "-mode", "pinned", "-block", "state,redis", "-rounds", "5", "-window", "2s"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.conns, []int{64, 1}) || p.rounds != 5 || p.window.Seconds() != 2 || len(p.blocks) != 2 {
		t.Errorf("%+v", p)
	}
	// Where processes run matters to one of the two only.
	if state, redis := p.blocks[0].modes(p), p.blocks[1].modes(p); !slices.Equal(state, []mode{unpinned}) || !slices.Equal(redis, []mode{pinned}) {
		t.Errorf("state is measured %v, redis %v", state, redis)
	}
	for _, args := range [][]string{
		{"-conns", "0"}, {"-conns", "1,,2"}, {"-conns", "x"}, {"-mode", "both"}, {"-block", "disk"}, {"-rounds", "0"}, {"-window", "1ms"}, {"more"},
	} {
		if p, err := parsePlan(args); err == nil {
			t.Errorf("%q: %+v", args, p)
		}
	}
}
