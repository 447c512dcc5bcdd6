package server

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-chi/chi/v5"

	"toolpit/internal/store"
	"toolpit/internal/telemetry"
)

// TestDeadlinesOfTheConnection looks at what the connection is told: the limit
// on the body must be gone before a tool runs, for the server reads on in the
// background, and a deadline there would cancel the tool.
func TestDeadlinesOfTheConnection(t *testing.T) {
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest(http.MethodPost, "/execute", strings.NewReader(`{"tool":"echo"}`))
	r.Header.Set("Content-Type", "application/json")
	x := newExchange(w, r)
	w.read = time.Now().Add(bodyTime) // as the server does
	if _, err := readBody(x, 1000, required); err != nil {
		t.Fatal(err)
	}
	if !w.read.IsZero() {
		t.Errorf("a deadline for reading is left behind: %v", w.read)
	}
	if !w.write.IsZero() {
		t.Errorf("before there is an answer it has a deadline: %v", w.write)
	}
	for name, begin := range map[string]func(*exchange){
		"WriteHeader": func(x *exchange) { x.WriteHeader(http.StatusOK) },
		"Write":       func(x *exchange) { _, _ = x.Write([]byte("x")) },
	} {
		x, w.write = newExchange(w, r), time.Time{}
		begin(x)
		if until := time.Until(w.write); until < writeTime-time.Second || until > writeTime {
			t.Errorf("%s: the answer gets %v", name, until)
		}
	}
}

// TestSlowIsMeasuredByTheByte moves much data: each piece of it earns time.
func TestSlowIsMeasuredByTheByte(t *testing.T) {
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	body := strings.Repeat(" ", 2*bodyRate) + "{}"
	r := httptest.NewRequest(http.MethodPost, "/execute", iotest.HalfReader(strings.NewReader(body)))
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = -1
	x := newExchange(w, r)
	var seen []time.Duration
	_, err := readAll(r.Body, -1, 1<<20, func(n int) {
		x.hasRead(n)
		seen = append(seen, w.read.Sub(x.start))
	})
	if err != nil {
		t.Fatal(err)
	}
	if first, last := seen[0], seen[len(seen)-1]; first < bodyTime || first > bodyTime+time.Second || last < bodyTime+2*time.Second {
		t.Errorf("the body gets from %v to %v", first, last)
	}
	if n, err := x.Write(make([]byte, 10*pieceSize+1)); n != 10*pieceSize+1 || err != nil || w.Body.Len() != n || x.bytes != int64(n) {
		t.Errorf("wrote %d: %v", n, err)
	}
	if w.extended != 11 {
		t.Errorf("eleven pieces got %d deadlines", w.extended)
	}
}

// TestDeadlineOfTheWordToGoOn has a deadline that an earlier answer left on the
// connection; the 100 that the body waits for could not be sent.
func TestDeadlineOfTheWordToGoOn(t *testing.T) {
	for _, path := range []string{"/execute", "/sessions/demo/execute"} {
		w := &deadlines{ResponseRecorder: httptest.NewRecorder(), write: time.Now().Add(-time.Second)}
		r := httptest.NewRequest(http.MethodPost, path, nil)
		r.Header.Set("Expect", "100-continue")
		var begun time.Time
		r.Body = io.NopCloser(readerFunc(func([]byte) (int, error) {
			begun = w.write
			return 0, io.EOF
		}))
		r.ContentLength = 10
		r.Header.Set("Content-Type", "application/json")
		s := &service{limits: Limits{}.WithDefaults(), gate: func() error { return nil }, log: slog.New(slog.DiscardHandler), origins: http.NewCrossOriginProtection()}
		s.series, _ = newSeries(telemetry.NewMetrics("test"), chi.NewRouter(), nil)
		s.front(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = readBody(exchangeOf(r.Context()), 1000, required)
		})).ServeHTTP(w, r)
		if until := time.Until(begun); until < bodyTime-time.Second || until > bodyTime {
			t.Errorf("%s: while the body is read, writing is allowed for %v", path, until)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// deadlines remembers what it was told last.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write time.Time
	extended    int // how often write was told
}

func (d *deadlines) SetReadDeadline(t time.Time) error  { d.read = t; return nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = t; d.extended++; return nil }

// TestNobodySavesTimeUp reads a body of many chunks as a stream: however much has
// come, a client that stops has no more time than one chunk earns.
func TestNobodySavesTimeUp(t *testing.T) {
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	const size = 20 * store.ChunkSize
	r := httptest.NewRequest(http.MethodPut, "/", io.LimitReader(readerFunc(func(p []byte) (int, error) {
		return min(len(p), 100_000), nil
	}), size))
	b := &bodyStream{exchange: newExchange(w, r), limit: size}
	buffer, most := make([]byte, store.ChunkSize), time.Duration(0)
	for {
		_, err := b.Read(buffer)
		if err != nil {
			if b.total != size || !w.read.IsZero() {
				t.Errorf("%v after %d bytes, the deadline is %v", err, b.total, w.read)
			}
			break
		}
		most = max(most, time.Until(w.read))
	}
	if limit := bodyTime + 2*time.Duration(store.ChunkSize/bodyRate)*time.Second; most > limit || most < bodyTime+20*time.Second {
		t.Errorf("a client had up to %v, want at most %v", most, limit)
	}
}
