package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 1 && args[0] == generateCommand {
		return generate(ctx, os.Stdin, os.Stdout)
	}
	p, err := parsePlan(args)
	if err != nil {
		return err
	}
	return measure(ctx, p, os.Stdout)
}

// measure makes the report.
func measure(ctx context.Context, p plan, out io.Writer) error {
	if err := describeMachine(ctx, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d rounds, windows of %v after a warm-up of %v.\n", p.rounds, p.window, p.warmup)
	var legends []string
	for _, b := range p.blocks {
		for _, m := range b.modes(p) {
			r, err := measureOne(ctx, b, p, m)
			if err != nil {
				return err
			}
			r.print(out)
			if !slices.Contains(legends, r.legend()) {
				legends = append(legends, r.legend())
			}
		}
	}
	fmt.Fprint(out, strings.Join(legends, ""))
	return nil
}

// measureOne measures one block in one mode, with processes of its own.
func measureOne(ctx context.Context, b block, p plan, m mode) (report, error) {
	s, err := newStage()
	if err != nil {
		return nil, err
	}
	r, err := b.measure(ctx, s, p, m)
	return r, errors.Join(err, s.close())
}
