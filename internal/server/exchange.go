package server

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/telemetry"
)

// exchange is one request and its answer, as far as the edge has come with
// them. It is in the request's context and is the ResponseWriter as well: one
// value that every layer adds to, and of which the log line is made at the end.
type exchange struct {
	http.ResponseWriter
	status int // of the answer; 0 while it has not begun
	bytes  int64

	id      string
	ids     [1]string // the X-Request-Id header
	timing  [1]string // the Server-Timing header
	start   time.Time
	request *http.Request
	guest   *guest // its connection
	body    []byte // what was read of it, for the fingerprint
	owner   string

	tool      string
	execution string
	replayed  bool // the answer was given before, under the same Idempotency-Key

	span  *telemetry.Span // nil when nothing is traced
	fault *fault.Error    // what the answer says went wrong
	stack []byte          // where a panic came from
}

type exchangeKey struct{}

func newExchange(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{ResponseWriter: w, request: r, guest: guestOf(r.Context()), start: time.Now()}
	x.guest.rest() // its head is there
	if ids := r.Header["X-Request-Id"]; len(ids) == 1 && spelled(ids[0], "._-") {
		x.id = ids[0]
	} else {
		x.id = newRequestID()
	}
	x.ids[0] = x.id
	return x
}

// newRequestID returns 80 random bits as text. They tell requests apart and open
// nothing, so nobody has to ask the kernel for them.
func newRequestID() string {
	const (
		prefix  = "req_"
		letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	)
	var id [len(prefix) + 16]byte
	copy(id[:], prefix)
	bits := rand.Uint64()
	for i := len(prefix); i < len(id); i++ {
		if i == len(prefix)+8 {
			bits = rand.Uint64()
		}
		id[i] = letters[bits%32]
		bits /= 32
	}
	return string(id[:])
}

// enter puts the exchange into its request's context.
func (x *exchange) enter() {
	x.request = x.request.WithContext(context.WithValue(x.request.Context(), exchangeKey{}, x))
}

// exchangeOf returns the exchange that a context belongs to. Every request
// but those that front answers itself enters it.
func exchangeOf(ctx context.Context) *exchange {
	return ctx.Value(exchangeKey{}).(*exchange)
}

// WriteHeader begins the answer.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && status >= http.StatusOK {
		x.begin(status)
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the answer. A large one goes in pieces, and each piece
// gets pieceTime: what is bounded is how slow a reader may be, not how much
// there is to read.
func (x *exchange) Write(p []byte) (n int, err error) {
	if x.status == 0 {
		x.begin(http.StatusOK)
	}
	for {
		piece := p[n:min(n+pieceSize, len(p))]
		if n > 0 {
			x.writeWithin(pieceTime)
		}
		written, err := x.send(piece)
		n += written
		x.bytes += int64(written)
		if err != nil || n == len(p) {
			return n, err
		}
	}
}

// send writes one piece, during which the client may keep us waiting.
func (x *exchange) send(piece []byte) (int, error) {
	if len(piece) >= worthIt {
		x.guest.wait(time.Now())
		defer x.guest.rest()
	}
	return x.ResponseWriter.Write(piece)
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// What a client must manage, or else loses its connection. They bound for how
// long one can be held by being slow, which is less than ten seconds.
const (
	bodyTime  = 6 * time.Second // for a request to come; see HTTPServer
	bodyRate  = 32 << 10        // bytes a second of a body, which earn it more time
	writeTime = 5 * time.Second // to take the beginning of an answer, or an event
	pieceSize = 256 << 10       // of a large answer: smaller ones cost more than what is in them
	pieceTime = pieceSize / bodyRate * time.Second
)

// The methods below ignore the error: a writer without deadlines is a
// test's recorder.

// begin notes that the answer begins, and how long it may take to be sent. Not
// earlier: the time that a call may take is no time for a slow reader.
func (x *exchange) begin(status int) {
	x.status = status
	x.writeWithin(writeTime)
}

// expects prepares for the 100 that net/http will write when the body is read.
// A deadline stays on a connection that is kept alive, and the one that the
// answer before left there may have passed.
func (x *exchange) expects() {
	if _, ok := x.request.Header["Expect"]; ok {
		x.writeWithin(bodyTime)
	}
}

func (x *exchange) writeWithin(d time.Duration) {
	_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(x.start.Add(x.age() + d))
}

// age is the time since the request's head was there. It costs half of what
// asking for the time does.
func (x *exchange) age() time.Duration { return time.Since(x.start) }

// hasRead gives a body more time for what has come of it: what is bounded is how
// slow a sender may be.
func (x *exchange) hasRead(n int) { x.readWithin(x.start, n) }

// readWithin gives a body bodyTime from then on, and more for n bytes of it.
func (x *exchange) readWithin(since time.Time, n int) {
	earned := time.Duration(n) * time.Second / bodyRate
	_ = http.NewResponseController(x.ResponseWriter).SetReadDeadline(since.Add(bodyTime + earned))
}

// hasBody lifts the limit of the time that a request may take to come. Left in
// place, it would cancel an execution that takes longer: the server reads on in
// the background to notice a disconnect.
func (x *exchange) hasBody() {
	_ = http.NewResponseController(x.ResponseWriter).SetReadDeadline(time.Time{})
}
