package server

import (
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	accessPause = 50 * time.Millisecond // a line is on its way for that long at most
	accessBytes = 64 << 10              // that many are written at once
)

// AccessLog writes the lines of requests that went well, many at once: a write
// for each would be a tenth of a cheap request's cost. Its lines look like those of
// the slog handler of the same format; lines that somebody waits for, warnings
// and errors, are not its matter. It may be used by any number of goroutines.
type AccessLog struct {
	out  io.Writer
	json bool

	mu    sync.Mutex
	lines []byte
}

// NewAccessLog returns a log that writes to out, as JSON or as text.
func NewAccessLog(out io.Writer, json bool) *AccessLog { return &AccessLog{out: out, json: json} }

// Run writes what has come, again and again until ctx is done, and once more
// then.
func (a *AccessLog) Run(ctx context.Context) {
	tick := time.NewTicker(accessPause)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.flush(0)
		case <-ctx.Done():
			a.flush(0)
			return
		}
	}
}

// flush writes what has come if it is more than so many bytes. Nobody could be
// told of an error.
func (a *AccessLog) flush(over int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.lines) > over {
		_, _ = a.out.Write(a.lines)
		a.lines = a.lines[:0]
	}
}

// add appends the line of a request.
func (a *AccessLog) add(x *exchange, took time.Duration) {
	a.mu.Lock()
	a.lines = a.line(a.lines, x, took)
	full := len(a.lines) > accessBytes
	a.mu.Unlock()
	if full {
		a.flush(accessBytes)
	}
}

func (a *AccessLog) line(b []byte, x *exchange, took time.Duration) []byte {
	end := x.start.Add(took)
	l := line{b, a.json}
	if a.json {
		l.b = append(l.b, `{"time":"`...)
		l.b = end.AppendFormat(l.b, time.RFC3339Nano)
		l.b = append(l.b, `","level":"INFO","msg":"request"`...)
	} else {
		l.b = append(l.b, "time="...)
		l.b = end.AppendFormat(l.b, "2006-01-02T15:04:05.000Z07:00")
		l.b = append(l.b, " level=INFO msg=request"...)
	}
	l.text("method", x.request.Method)
	l.text("route", x.request.Pattern)
	l.text("path", x.request.URL.Path)
	l.number("status", int64(x.status))
	l.number("bytes", x.bytes)
	l.name("duration_ms")
	l.b = appendShortMilliseconds(l.b, took)
	l.text("request_id", x.id)
	l.text("remote", remoteHost(x.request.RemoteAddr))
	for _, a := range [...]struct{ name, value string }{
		{"owner", x.owner}, {"tool", x.tool}, {"execution_id", x.execution},
	} {
		if a.value != "" {
			l.text(a.name, a.value)
		}
	}
	if x.replayed {
		l.name("replayed")
		l.b = append(l.b, "true"...)
	}
	if x.span.Recorded() {
		l.text("trace_id", x.span.TraceID())
	}
	if x.fault != nil {
		l.text("code", string(x.fault.Code))
	}
	if a.json {
		l.b = append(l.b, '}')
	}
	return append(l.b, '\n')
}

// remoteHost returns an address without its port.
func remoteHost(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// line is one line while it is made.
type line struct {
	b    []byte
	json bool
}

func (l *line) name(name string) {
	if l.json {
		l.b = append(l.b, ',', '"')
		l.b = append(l.b, name...)
		l.b = append(l.b, '"', ':')
		return
	}
	l.b = append(l.b, ' ')
	l.b = append(l.b, name...)
	l.b = append(l.b, '=')
}

func (l *line) number(name string, n int64) {
	l.name(name)
	l.b = strconv.AppendInt(l.b, n, 10)
}

func (l *line) text(name, value string) {
	l.name(name)
	switch {
	case l.json:
		l.b = appendText(l.b, value)
	case value == "" || strings.ContainsFunc(value, needsQuotes):
		l.b = strconv.AppendQuote(l.b, value)
	default:
		l.b = append(l.b, value...)
	}
}

// needsQuotes tells whether a text with this character stands in quotes.
func needsQuotes(r rune) bool { return r <= ' ' || r == '"' || r == '=' || r > '~' }
