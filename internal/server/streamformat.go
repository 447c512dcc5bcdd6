package server

import (
	"bytes"
	"strings"
)

// streamFormat is how the events of a stream are written.
type streamFormat int

const (
	// sse is text/event-stream, as browsers read it.
	sse streamFormat = iota
	// ndjson has an object on each line: {"id":1,"event":"…","data":…}. The id is
	// a string when it is more than a number.
	ndjson
)

func (f streamFormat) contentType() string {
	if f == ndjson {
		return "application/x-ndjson"
	}
	return "text/event-stream"
}

// appendOpening appends what a stream begins with. A browser whose connection
// breaks comes back after a second.
func (f streamFormat) appendOpening(b []byte) []byte {
	if f == ndjson {
		return b
	}
	return append(b, "retry: 1000\n\n"...)
}

// appendHeartbeat appends what says nothing: a comment, or, where there are
// none, an event of that name.
func (f streamFormat) appendHeartbeat(b []byte) []byte {
	if f == ndjson {
		return append(b, `{"event":"heartbeat"}`+"\n"...)
	}
	return append(b, ": heartbeat\n\n"...)
}

// append appends an event. Whatever line breaks its parts contain, no line of
// it is read as another field or event.
func (f streamFormat) append(b []byte, e event) []byte {
	if len(e.data) == 0 && e.kind != "" {
		e.data = []byte("null")
	}
	if f == ndjson {
		return appendObject(b, e)
	}
	if e.id > 0 {
		b = append(b, "id: "...)
		b = e.position().append(b)
		b = append(b, '\n')
	}
	if e.kind != "" {
		b = append(b, "event: "...)
		b = append(b, strings.NewReplacer("\r", " ", "\n", " ").Replace(e.kind)...)
		b = append(b, '\n')
		b = appendData(b, e.data)
	}
	return append(b, '\n')
}

// appendData gives each line of a JSON text a field of its own; the reader puts
// them together again.
func appendData(b, data []byte) []byte {
	for {
		n := bytes.IndexAny(data, "\r\n")
		b = append(b, "data: "...)
		if n < 0 {
			return append(append(b, data...), '\n')
		}
		b = append(append(b, data[:n]...), '\n')
		if bytes.HasPrefix(data[n:], []byte("\r\n")) {
			n++
		}
		data = data[n+1:]
	}
}

// appendObject appends an event as one line. Breaks can only be between the
// tokens of its data, where a blank does as well.
func appendObject(b []byte, e event) []byte {
	b = append(b, '{')
	if e.id > 0 {
		b = append(b, `"id":`...)
		if p := e.position(); p.log == "" {
			b = p.append(b)
		} else {
			b = appendText(b, string(p.append(nil)))
		}
	}
	if e.kind != "" {
		if e.id > 0 {
			b = append(b, ',')
		}
		b = append(b, `"event":`...)
		b = appendText(b, e.kind)
		b = append(b, `,"data":`...)
		start := len(b)
		b = append(b, e.data...)
		for i, c := range b[start:] {
			if c == '\n' || c == '\r' {
				b[start+i] = ' '
			}
		}
	}
	return append(b, "}\n"...)
}
