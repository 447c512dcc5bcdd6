package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Watchers has watchers on all replicas follow one session, each resuming on
// the next replica whenever its stream breaks off, while a writer changes
// variables and one replica after the other is killed and replaced. Each
// watcher must be told each change exactly once and in order.
type Watchers struct {
	Fleet    Fleet
	Watchers int
	Changes  int
	Pace     time.Duration // between two changes, unless the first takes longer
	Within   time.Duration // all has to be written and told
	Every    time.Duration // between two kills
	Least    int           // kills without which nothing is shown
	Resumed  int           // streams that were resumed, likewise
}

const (
	// changing is how many variables are changed in turn.
	changing = 5
	// lastChanged is the variable of the last change: whoever is told of it must
	// have been told everything.
	lastChanged = "last"
)

// Run starts the fleet, runs the scenario and fails the test unless every
// watcher was told what was written.
func (s Watchers) Run(t *testing.T) {
	t.Helper()
	begin(t, s.Fleet)
	client := newClient(s.Watchers, 0) // streams go on; their watchers bound them
	defer client.CloseIdleConnections()
	watchers := make([]*watcher, s.Watchers)
	for i := range watchers {
		watchers[i] = newWatcher(s.Fleet, client, i)
	}
	var written []change
	kills, took := Kills{Fleet: s.Fleet, Every: s.Every, Least: s.Least}.during(t, func() { written = s.work(t, watchers) })

	var events, resumed, silent int
	var late []time.Duration
	for i, w := range watchers {
		events, resumed, silent = events+len(w.heard), resumed+w.resumed, silent+w.silent
		late = append(late, lateness(written, w.heard)...)
		for _, complaint := range auditTold(written, w.heard) {
			t.Errorf("watcher %d: %s", i, complaint)
		}
	}
	repeats := 0
	for _, c := range written {
		repeats += c.tries - 1
	}
	t.Logf("%d replicas, %d watchers, %s: %d kills; %d changes, %d tries repeated; %d events, %d streams resumed, %d fell silent; told after the acknowledgement %s",
		s.Fleet.Size(), s.Watchers, took.Round(10*time.Millisecond), kills, len(written), repeats, events, resumed, silent, newLatency(late))
	if len(written) != s.Changes {
		t.Errorf("%d changes were acknowledged, want %d", len(written), s.Changes)
	}
	if resumed < s.Resumed {
		t.Errorf("%d resumed streams show little, want %d", resumed, s.Resumed)
	}
}

// work runs the writer and the watchers to their end.
func (s Watchers) work(t *testing.T, watchers []*watcher) []change {
	ctx, cancel := context.WithTimeout(t.Context(), s.Within)
	defer cancel()
	var all sync.WaitGroup
	for i, w := range watchers {
		all.Go(func() {
			if err := w.follow(ctx); err != nil {
				t.Errorf("watcher %d: %v", i, err)
			}
		})
	}
	for _, w := range watchers {
		<-w.follows // or has ended
	}
	written, err := s.write(ctx)
	if err != nil {
		t.Errorf("writing: %v", err)
		cancel() // there will be no last change
	}
	all.Wait()
	return written
}

// change is what the writer was answered.
type change struct {
	name           string
	version, value int64
	tries          int
	at             time.Time // when it was answered
}

// write makes the changes, each under a key of its own and repeated on the next
// replica until it is acknowledged.
func (s Watchers) write(ctx context.Context) (written []change, err error) {
	client := newClient(1, tryTime)
	defer client.CloseIdleConnections()
	tick := time.NewTicker(s.Pace)
	defer tick.Stop()
	for i := range s.Changes {
		c := change{name: fmt.Sprintf("v%d", i%changing), value: int64(i)}
		if i == s.Changes-1 {
			c.name = lastChanged
		}
		if err := c.make(ctx, s.Fleet, client, i); err != nil {
			return written, fmt.Errorf("change %d: %w", i, err)
		}
		written = append(written, c)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return written, nil
}

// make sees the change through, beginning with the replica whose turn it is.
func (c *change) make(ctx context.Context, fleet Fleet, client *http.Client, turn int) (err error) {
	c.tries, err = persist(ctx, fleet, turn, func(ctx context.Context, url string) (int, error) {
		r, err := send(ctx, client, http.MethodPut, url+"/sessions/"+session+"/variables/"+c.name,
			fmt.Sprintf("change-%d", c.value), fmt.Sprintf(`{"value":%d}`, c.value))
		if err != nil {
			return 0, err
		}
		c.at = time.Now()
		c.version, err = r.version()
		return r.status, err
	})
	return err
}

// version reads the reply to a write that has to succeed.
func (r reply) version() (int64, error) {
	if r.status != http.StatusOK && r.status != http.StatusCreated {
		return 0, fmt.Errorf("answered %d %s", r.status, r.body)
	}
	var variable struct {
		Version int64 `json:"version"`
	}
	if err := json.Unmarshal([]byte(r.body), &variable); err != nil {
		return 0, fmt.Errorf("answered %s: %w", r.body, err)
	}
	return variable.Version, nil
}
