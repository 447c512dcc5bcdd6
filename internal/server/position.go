package server

import (
	"strconv"
	"strings"
)

// position is a place in a log: after the entry of that number. As a text it is
// the id of that event.
type position struct {
	seq int64
	log string // which log the number is of; "" when nobody says so
}

// append appends the id.
func (p position) append(b []byte) []byte {
	b = strconv.AppendInt(b, p.seq, 10)
	if p.log != "" {
		b = append(append(b, '-'), p.log...)
	}
	return b
}

// isLogName tells whether a text may be behind a number in an id.
func isLogName(text string) bool {
	if len(text) < 8 || len(text) > 32 {
		return false
	}
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// readPosition reads after which event of a log a reader wants to go on: from the
// header Last-Event-ID, which browsers send by themselves when they come back,
// or from the parameter after; nil was not given. With neither it is 0, the
// beginning. Errors: InvalidRequest.
//
// A browser that comes back repeats the address that it was opened with, so the
// header may be ahead of the parameter, or of a log that came later; behind it,
// the two contradict each other.
func readPosition(lastEventID, after *string) (position, error) {
	header, err := eventID("Last-Event-ID", lastEventID)
	if err != nil {
		return position{}, err
	}
	parameter, err := eventID("after", after)
	if err != nil {
		return position{}, err
	}
	if lastEventID == nil {
		return parameter, nil
	}
	if header.seq < parameter.seq && (header.log == "" || header.log == parameter.log) {
		return position{}, refuseParameter("after", "is beyond Last-Event-ID; one of them is enough")
	}
	return header, nil
}

func eventID(name string, text *string) (position, error) {
	if text == nil {
		return position{}, nil
	}
	number, log, named := strings.Cut(*text, "-")
	if named && !isLogName(log) {
		return position{}, refuseParameter(name, eventIDRule)
	}
	for _, c := range []byte(number) {
		if c < '0' || c > '9' {
			return position{}, refuseParameter(name, eventIDRule)
		}
	}
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return position{}, refuseParameter(name, eventIDRule)
	}
	return position{seq, log}, nil
}

const eventIDRule = "is the id of an event, or its number alone, 0 or more"
