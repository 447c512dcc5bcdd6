package scenario

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// watcher follows the session, on one replica after the other.
type watcher struct {
	fleet      Fleet
	client     *http.Client
	turn, step int             // the replica that is next, and which is after it
	follows    <-chan struct{} // closed when the first stream has begun, or none will
	began      func()

	lastID          string // from which it resumes
	heard           []told
	resumed, silent int // streams
}

// newWatcher makes a watcher that begins on the replica whose turn it is. Half
// of the watchers go round the other way, or all would gather on one replica:
// the next one to be killed.
func newWatcher(fleet Fleet, client *http.Client, turn int) *watcher {
	follows := make(chan struct{})
	w := &watcher{fleet: fleet, client: client, turn: turn % fleet.Size(), step: 1, follows: follows}
	w.began = sync.OnceFunc(func() { close(follows) })
	if turn%2 == 1 {
		w.step = fleet.Size() - 1
	}
	return w
}

// silence is how long nothing has to come until a stream counts as broken: what
// died with its network does not say so. It is less than that of a heartbeat,
// since there is always something to tell.
const silence = 5 * time.Second

// errBroken is the end of a stream that is to be resumed.
var errBroken = errors.New("the stream broke off")

// follow reads streams until the last change was told. Its error is what may
// not happen, or that ctx was done before.
func (w *watcher) follow(ctx context.Context) error {
	defer w.began()
	for n := 1; ; n++ {
		err := w.read(ctx, w.fleet.URL(w.turn))
		if !errors.Is(err, errBroken) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("it was told only %d changes in time: %w", len(w.heard), err)
		}
		w.turn = (w.turn + w.step) % w.fleet.Size()
		if n%w.fleet.Size() == 0 {
			pause(ctx) // nobody may be there
		}
	}
}

// read reads one stream until the last change was told, or its error.
func (w *watcher) read(ctx context.Context, url string) error {
	if url == "" {
		return fmt.Errorf("%w: nobody knows where the replica is", errBroken)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer quiet.Stop()
	body, err := w.open(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it has no end to wait for
	w.began()
	stream := newEventStream(body, w.lastID)
	for {
		m, err := stream.next()
		w.lastID = stream.lastID
		if errors.Is(err, bufio.ErrTooLong) {
			return err
		}
		if err != nil {
			if errors.Is(context.Cause(ctx), errSilent) {
				w.silent++
			}
			return fmt.Errorf("%w: %w", errBroken, err)
		}
		quiet.Reset(silence)
		e, err := newTold(m)
		if err != nil {
			return err
		}
		w.heard = append(w.heard, e)
		if e.name == lastChanged {
			return nil
		}
	}
}

// errSilent is why a stream is given up.
var errSilent = errors.New("nothing came for a long time")

// open begins a stream as browsers do: they repeat the address, and say from
// where to go on.
func (w *watcher) open(ctx context.Context, url string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/sessions/"+session+"/watch?after=0", http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if w.lastID != "" {
		req.Header.Set("Last-Event-ID", w.lastID)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBroken, err)
	}
	if resp.StatusCode == http.StatusOK {
		if w.lastID != "" {
			w.resumed++
		}
		return resp.Body, nil
	}
	defer func() { _ = resp.Body.Close() }()                // of no use
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // the status says enough
	err = fmt.Errorf("answered %d %s", resp.StatusCode, text)
	if resp.StatusCode >= http.StatusInternalServerError {
		err = fmt.Errorf("%w: %w", errBroken, err)
	}
	return nil, err
}
