package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"time"
)

// options are what the command line says.
type options struct {
	broken  int
	callers int
	seed    uint64
	program string
	url     string
}

func main() {
	var o options
	flag.IntVar(&o.broken, "n", 10_000, "how many broken calls; half as many by the book come on top")
	flag.IntVar(&o.callers, "callers", 4, "how many call at the same time; with 1 a seed repeats everything")
	flag.Uint64Var(&o.seed, "seed", 0, "repeats the calls of an earlier run; 0 draws a new one")
	flag.StringVar(&o.program, "program", "bin/toolpit", "the program to start and call")
	flag.StringVar(&o.url, "url", "", "call the server there instead; sessions are left behind")
	flag.Parse()
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o, os.Stdout)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "apifuzz:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, w io.Writer) (err error) {
	fmt.Fprintf(w, "apifuzz -seed %d -n %d -callers %d\n", o.seed, o.broken, o.callers)
	t := &target{url: o.url}
	if t.url == "" {
		if t, err = startTarget(ctx, o.program); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, t.stop()) }()
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: o.callers}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	if err := t.ready(ctx, client); err != nil {
		return err
	}
	document, err := get(ctx, client, t.url+"/openapi.json")
	if err != nil {
		return err
	}
	c, err := newContract(ctx, document.body)
	if err != nil {
		return err
	}
	total := newTally()
	// The first tenth fills the server's pools and caches, and is not measured.
	if err := o.call(ctx, client, t.url, c, total, o.broken/10, 0); err != nil {
		return err
	}
	leaks, err := o.watched(ctx, client, t.url, c, total, w)
	if err != nil {
		return err
	}
	if err := newCaller((rounds+1)*o.callers, o.seed, t.url, client, c, total).cover(ctx); err != nil {
		return err
	}
	total.coverage(c)
	total.print(w, c)
	for _, leak := range leaks {
		total.fault("%s", leak)
	}
	bad, err := t.outcry()
	for _, line := range bad {
		total.fault("the server's log says: %s", line)
	}
	fmt.Fprintf(w, "lines of panics and errors in the log: %d\n", len(bad))
	return errors.Join(err, total.verdict(w))
}

// rounds is how often what has grown is looked at.
const rounds = 3

// watched makes the calls and returns what speaks for a leak. Metrics that a
// rare answer begins, and buffers that a large one leaves in a pool, let the
// heap grow as well, but not with the next ten thousand calls again: what has
// grown is called as often once more, and only what grows each time has leaked.
func (o options) watched(ctx context.Context, client *http.Client, url string, c *contract, t *tally, w io.Writer) (leaks []string, err error) {
	before, err := measure(ctx, client, url)
	if err != nil {
		return nil, err
	}
	for round := range rounds {
		start := time.Now()
		if err := o.call(ctx, client, url, c, t, o.broken-o.broken/10, (round+1)*o.callers); err != nil {
			return nil, err
		}
		took := time.Since(start)
		after, err := remainder(ctx, client, url, before)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(w, "heap: %.2f MiB, then %.2f MiB (%+.1f %%); goroutines: %.0f, then %.0f; %.1f s\n",
			before.heap/(1<<20), after.heap/(1<<20), 100*before.growth(after), before.goroutines, after.goroutines, took.Seconds())
		if leaks = before.leaks(after); leaks == nil {
			break
		}
		before = after
	}
	return leaks, nil
}

// call lets the callers make so many broken calls together.
func (o options) call(ctx context.Context, client *http.Client, url string, c *contract, t *tally, broken, first int) error {
	errs := make([]error, o.callers)
	var wg sync.WaitGroup
	for i := range o.callers {
		wg.Go(func() {
			share := broken / o.callers
			if i < broken%o.callers {
				share++
			}
			errs[i] = newCaller(first+i, o.seed, url, client, c, t).run(ctx, share)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// verdict prints the first complaints and says how many there are.
func (t *tally) verdict(w io.Writer) error {
	if len(t.complaints) == 0 {
		fmt.Fprintln(w, "complaints: 0")
		return nil
	}
	for i, c := range t.complaints {
		if i == mostComplaints {
			break
		}
		fmt.Fprintf(w, "\ncomplaint %d: %s\n", i+1, c)
	}
	return fmt.Errorf("%d complaints", len(t.complaints))
}
