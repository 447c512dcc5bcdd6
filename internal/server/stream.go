package server

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
)

// event is one message of a stream.
type event struct {
	id    int64          // its number in the log that it comes from; 0: it is in none
	log   string         // the log's name, when the number is not enough, see position
	kind  string         // "": nothing is told but the id, see next
	data  jsontext.Value // one JSON text
	final bool           // nothing comes after it
}

func (e event) position() position { return position{e.id, e.log} }

// next waits for what comes after a position and returns at least one event, in
// order, or an error. It is only called when the reader has taken what was
// returned before, so a slow one costs a source nothing; how much it returns at
// once is what a stream holds in memory.
//
// The context ends at every heartbeat as well. The source then returns, with
// what it has or with any error, and is called again with the same position:
// whatever it took in and did not return must still be there.
//
// A source that has looked at numbers none of which concerns this reader
// returns an event of the last of them that has no kind. It moves the reader's
// position, from which the reader resumes.
type next func(ctx context.Context, after int64) ([]event, error)

// stream is an answer that goes on for as long as there are events. A route
// returns it as its response once nothing can be refused any more: what goes
// wrong later is told in the stream, by an event that is the same problem.
type stream struct {
	exchange *exchange
	format   streamFormat
	after    int64  // the number to go on from
	log      string // what the ids name besides; "": nothing, see position
	next     next
	// stop ends the stream without a final event, since it goes on elsewhere:
	// the replica drains. nil is for streams that are nowhere else.
	stop context.Context
	// delivered is told of events that have gone out to the caller. nil is for
	// streams that nobody counts.
	delivered func(events []event)
}

const (
	// heartbeat is how long a stream stays silent. Proxies close connections
	// that are silent for longer, and a caller that has gone is found out.
	heartbeat = 15 * time.Second
	// streamBuffer is how much is gathered before it is sent. A reader gets
	// writeTime to take it.
	streamBuffer = 32 << 10
)

// send answers with the stream, until its final event, a problem, the end of
// the caller's patience or stop. It never fails: the generated code would write
// a second answer into the first.
func (s *stream) send(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", s.format.contentType())
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would gather events
	w.WriteHeader(http.StatusOK)
	if s.exchange.request.Method == http.MethodHead {
		return nil
	}
	out := &outlet{w: w, control: http.NewResponseController(w)}
	out.buf = s.format.appendOpening(out.buf)
	out.flush()
	s.run(out)
	if errors.Is(out.err, os.ErrDeadlineExceeded) {
		s.exchange.fault = fault.New(fault.Cancelled, "The caller stopped reading.").Because(out.err)
	}
	return nil
}

// run sends what the source gives.
func (s *stream) run(out *outlet) {
	ctx, cancel := context.WithCancel(s.exchange.request.Context())
	defer cancel()
	if s.stop != nil {
		defer context.AfterFunc(s.stop, cancel)()
	}
	for out.err == nil {
		events, silent, err := s.await(ctx)
		final := s.tell(out, events)
		switch {
		case final:
		case ctx.Err() != nil || s.stop != nil && s.stop.Err() != nil: // the caller has gone, or the replica stops
			final = true
		case silent && len(events) == 0:
			out.buf = s.format.appendHeartbeat(out.buf)
		case err != nil && !silent:
			out.buf = s.format.append(out.buf, s.problem(err))
			final = true
		}
		out.flush()
		if out.err == nil && s.delivered != nil {
			s.delivered(events)
		}
		if final {
			return
		}
	}
}

// await calls the source. silent tells that it was time for a heartbeat.
func (s *stream) await(ctx context.Context) (events []event, silent bool, err error) {
	wait, done := context.WithTimeout(ctx, heartbeat)
	defer done()
	events, err = s.next(wait, s.after)
	if err == nil && len(events) == 0 {
		err = errors.New("a stream's source returned nothing")
	}
	return events, err != nil && wait.Err() != nil, err
}

// tell writes events and moves the position. final tells that one of them was.
func (s *stream) tell(out *outlet, events []event) (final bool) {
	for _, e := range events {
		e.log = s.log
		out.buf = s.format.append(out.buf, e)
		if len(out.buf) >= streamBuffer {
			out.write()
		}
		s.after = max(s.after, e.id)
		if e.final {
			return true
		}
	}
	return false
}

// problem makes the final event of an error.
func (s *stream) problem(err error) event {
	p := s.exchange.problem(s.exchange.request, err)
	data, err := json.Marshal(p, jsontext.AllowInvalidUTF8(true)) // a path may hold any bytes
	if err != nil {
		s.exchange.fault = fault.New(fault.Internal, "").Because(err)
		data = nil
	}
	return event{kind: "problem", data: data, final: true}
}

// outlet is the way to the caller. After an error it leads nowhere.
type outlet struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     []byte // what is to be sent
	err     error
}

// extend gives what is written next its time. Writers without deadlines are
// tests' recorders.
func (o *outlet) extend() { _ = o.control.SetWriteDeadline(time.Now().Add(writeTime)) }

// write sends what there is.
func (o *outlet) write() {
	if o.err == nil && len(o.buf) > 0 {
		o.extend()
		_, o.err = o.w.Write(o.buf)
	}
	if o.buf = o.buf[:0]; cap(o.buf) > 2*streamBuffer {
		o.buf = nil // one large event is no reason to hold its room for hours
	}
}

// flush sends what there is, through to the caller. When there is nothing, it
// still leaves time for the end of the body.
func (o *outlet) flush() {
	o.write()
	if o.err == nil {
		o.extend()
		o.err = o.control.Flush()
	}
}
