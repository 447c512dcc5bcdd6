package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// plan is what is to be measured.
type plan struct {
	bin            string // directory of the programs
	warmup, window time.Duration
	rounds         int
	conns          []int
	wanted         []mode
	blocks         []block
	image          string                           // of the containers, where control groups cannot be made
	note           func(format string, args ...any) // tells how far it is
}

// block is a part of the report.
type block struct {
	name    string
	pinning bool // it is measured in every mode, not only unpinned
	measure func(ctx context.Context, s *stage, p plan, m mode) (report, error)
}

// report is something to print. Legends are printed once, at the end.
type report interface {
	print(out io.Writer)
	legend() string
}

// modes are those of the plan that make sense for the block.
func (b block) modes(p plan) []mode {
	if b.pinning {
		return p.wanted
	}
	return []mode{unpinned}
}

// blocks are all there are. Scaling is a report of its own, unless asked for.
func blocks() []block {
	return []block{
		{"redis", true, func(ctx context.Context, s *stage, p plan, m mode) (report, error) { return onRedis(ctx, s, p, m) }},
		{"sqlite", true, func(ctx context.Context, s *stage, p plan, m mode) (report, error) { return onSQLite(ctx, s, p, m) }},
		{"state", false, func(ctx context.Context, s *stage, p plan, _ mode) (report, error) { return compareState(ctx, s, p) }},
		{"tensors", false, func(ctx context.Context, s *stage, p plan, _ mode) (report, error) { return compareTensors(ctx, s, p) }},
		{"watch", false, func(ctx context.Context, s *stage, p plan, _ mode) (report, error) { return crowdWatches(ctx, s, p) }},
		{"scale", false, func(ctx context.Context, s *stage, p plan, _ mode) (report, error) { return scale(ctx, s, p) }},
	}
}

// parsePlan reads the command line.
func parsePlan(args []string) (plan, error) {
	self, err := os.Executable()
	if err != nil {
		return plan{}, err
	}
	p := plan{bin: filepath.Dir(self), note: func(format string, args ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", args...) }}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.DurationVar(&p.window, "window", 1500*time.Millisecond, "how long each measurement lasts")
	flags.DurationVar(&p.warmup, "warmup", 300*time.Millisecond, "load before each measurement that does not count")
	flags.IntVar(&p.rounds, "rounds", 3, "how often each measurement is made")
	conns := flags.String("conns", "1,16,64", "numbers of connections")
	modes := flags.String("mode", "pinned,unpinned", "where processes run")
	parts := flags.String("block", "redis,sqlite,state,tensors,watch", "parts of the report, of redis, sqlite, state, tensors, watch and scale")
	flags.StringVar(&p.image, "image", "toolpit:dev", "container image for scale, where control groups cannot be made")
	if err := flags.Parse(args); err != nil {
		return plan{}, err
	}
	if p.window < 100*time.Millisecond || p.warmup < 0 || p.rounds < 1 || flags.NArg() > 0 {
		return plan{}, fmt.Errorf("it is not clear from %q what is to be measured", args)
	}
	if p.conns, err = list(*conns, parseConns); err != nil {
		return plan{}, err
	}
	if p.wanted, err = list(*modes, parseMode); err != nil {
		return plan{}, err
	}
	p.blocks, err = list(*parts, parseBlock)
	return p, err
}

// list reads what commas separate.
func list[T any](text string, parse func(string) (T, error)) ([]T, error) {
	var all []T
	for part := range strings.SplitSeq(text, ",") {
		one, err := parse(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func parseConns(text string) (int, error) {
	const most = 1024
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("-conns: %q is no number from 1 to %d", text, most)
	}
	return n, nil
}

func parseMode(text string) (mode, error) {
	if m := mode(text); m == pinned || m == unpinned {
		return m, nil
	}
	return "", fmt.Errorf("-mode: %q is neither %s nor %s", text, pinned, unpinned)
}

func parseBlock(text string) (block, error) {
	for _, b := range blocks() {
		if b.name == text {
			return b, nil
		}
	}
	return block{}, fmt.Errorf("-block: there is no %q", text)
}
