package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/bench/load"
)

const (
	watcherCount = 1000
	watchEvery   = 50 * time.Millisecond // 20 writes a second
	watchTime    = 10 * time.Second
	watchLate    = 10 * time.Second // how long the last event may take
)

// watchReport is what many watchers of one session saw.
type watchReport struct {
	watchers, writes            int
	lost, duplicated, outOfTurn int64
	lag                         load.Histogram
}

// watchers measures how an increment reaches those who watch its session.
type watchers struct {
	toolpit *httpServer
	session string
	writes  int
	sent    []atomic.Int64 // when the write of a number was sent, since begun
	begun   time.Time
}

// crowdWatches has many watch one session that one caller changes.
func crowdWatches(ctx context.Context, s *stage, p plan) (report, error) {
	redis, err := s.startRedis(ctx, "")
	if err != nil {
		return nil, err
	}
	toolpit, err := s.startToolpit(ctx, toolpitCommand(p.bin, redis.url()))
	if err != nil {
		return nil, err
	}
	writes := int(watchTime / watchEvery)
	w := &watchers{toolpit: toolpit, session: "watched", writes: writes, sent: make([]atomic.Int64, writes+1), begun: time.Now()}
	if err := toolpit.create(ctx, w.session); err != nil {
		return nil, err
	}
	return w.measure(ctx, p)
}

func (w *watchers) measure(ctx context.Context, p plan) (report, error) {
	found := watchReport{watchers: watcherCount, writes: w.writes}
	ctx, cancel := context.WithTimeout(ctx, startTime+watchTime+watchLate)
	defer cancel()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var mu sync.Mutex
	var ready sync.WaitGroup
	ready.Add(watcherCount)
	group, ctx := errgroup.WithContext(ctx)
	for range watcherCount {
		group.Go(func() error {
			seen := watcher{last: 0, seen: make([]bool, w.writes+1)}
			err := w.watch(ctx, client, &seen, sync.OnceFunc(ready.Done))
			mu.Lock()
			defer mu.Unlock()
			seen.report(&found)
			return err
		})
	}
	group.Go(func() error {
		ready.Wait()
		p.note("watch: %d watchers are there", watcherCount)
		return w.write(ctx)
	})
	err := group.Wait()
	if ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
		err = nil // what has not come by now is lost
	}
	return found, err
}

// write increments the session's counter at the rate. A write has the number
// that its change has in the session's log: nobody else changes it.
func (w *watchers) write(ctx context.Context) error {
	i := newIncrementer(w.toolpit, w.session)
	defer i.close()
	begun := time.Now()
	for n := 1; n <= w.writes; n++ {
		time.Sleep(time.Until(begun.Add(time.Duration(n) * watchEvery)))
		w.sent[n].Store(int64(time.Since(w.begun)))
		if err := i.call(ctx); err != nil {
			return err
		}
	}
	return nil
}

// watcher is what one of them has seen.
type watcher struct {
	last                  int
	seen                  []bool
	duplicated, outOfTurn int64
	lags                  []time.Duration
}

// take notes an event of that number.
func (s *watcher) take(n int, lag time.Duration) error {
	if n < 1 || n >= len(s.seen) {
		return fmt.Errorf("an event has the number %d, and there were fewer writes", n)
	}
	switch {
	case s.seen[n]:
		s.duplicated++
	case n < s.last:
		s.outOfTurn++
	}
	s.seen[n], s.last = true, max(s.last, n)
	s.lags = append(s.lags, lag)
	return nil
}

// report adds what was seen to a report.
func (s *watcher) report(r *watchReport) {
	for _, seen := range s.seen[1:] {
		if !seen {
			r.lost++
		}
	}
	r.duplicated += s.duplicated
	r.outOfTurn += s.outOfTurn
	for _, lag := range s.lags {
		r.lag.Add(lag)
	}
}

// watch watches until it has the event of the last write.
func (w *watchers) watch(ctx context.Context, client *http.Client, seen *watcher, ready func()) error {
	defer ready() // nobody waits for one that failed
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.toolpit.addr+"/sessions/"+w.session+"/watch", http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return fmt.Errorf("a watch is answered with %s: %s", resp.Status, text)
	}
	ready()
	in := bufio.NewScanner(resp.Body)
	for in.Scan() {
		text, ok := bytes.CutPrefix(in.Bytes(), []byte("id:"))
		if !ok {
			continue
		}
		number, _, _ := bytes.Cut(text, []byte("-")) // what follows names the session
		n, err := strconv.Atoi(string(bytes.TrimSpace(number)))
		if err != nil {
			return err
		}
		var lag time.Duration
		if n > 0 && n < len(w.sent) {
			lag = time.Since(w.begun) - time.Duration(w.sent[n].Load())
		}
		if err := seen.take(n, lag); err != nil || n == w.writes {
			return err
		}
	}
	return errors.Join(in.Err(), ctx.Err())
}

// print prints what came of it.
func (r watchReport) print(out io.Writer) {
	fmt.Fprintf(out, "\n%d watchers of one session, %d writes at %d a second (unpinned)\n", r.watchers, r.writes, time.Second/watchEvery)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "events\tlost\tduplicated\tout of order\tlag p50 ms\tp99 ms\tlongest ms\t")
	fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%s\t%s\t%s\t\n", r.lag.Count(), r.lost, r.duplicated, r.outOfTurn,
		ms(float64(r.lag.Percentile(50))), ms(float64(r.lag.Percentile(99))), ms(float64(r.lag.Max())))
	_ = w.Flush() // to a terminal
}

// legend explains the columns.
func (r watchReport) legend() string {
	return `
The lag is from before a write was sent until a watcher had the id of its event; the thousand readers are goroutines of the
benchmark on the same cores. A watcher leaves when it has the last event.
`
}
