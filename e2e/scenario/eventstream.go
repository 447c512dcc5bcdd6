package scenario

import (
	"bufio"
	"io"
	"strings"
)

// message is what a stream of server-sent events tells at once.
type message struct{ id, kind, data string }

// eventStream reads server-sent events as browsers do. Of a message that breaks
// off before its empty line nothing has come, not even its id.
type eventStream struct {
	lines  *bufio.Scanner
	lastID string // from which to resume
}

// newEventStream reads a stream that goes on after the event lastID, "" for none.
func newEventStream(r io.Reader, lastID string) *eventStream {
	const longest = 1 << 20 // line
	s := &eventStream{bufio.NewScanner(r), lastID}
	s.lines.Buffer(nil, longest)
	return s
}

// next returns the next message that has data; one without only moves lastID.
// io.EOF is the orderly end of the stream.
func (s *eventStream) next() (message, error) {
	m, data := message{id: s.lastID}, []string(nil)
	for s.lines.Scan() {
		line := s.lines.Text()
		if line == "" {
			s.lastID = m.id
			if data != nil {
				m.data = strings.Join(data, "\n")
				return m, nil
			}
			m = message{id: s.lastID}
			continue
		}
		field, value, _ := strings.Cut(line, ":") // a comment is a field without name
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			m.id = value
		case "event":
			m.kind = value
		case "data":
			data = append(data, value)
		}
	}
	if err := s.lines.Err(); err != nil {
		return message{}, err
	}
	return message{}, io.EOF
}
