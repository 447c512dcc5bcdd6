package server

import (
	"net/http"
	"strings"

	"toolpit/internal/fault"
)

// acceptsJSON refuses a request whose Accept header excludes application/json.
// Errors: NotAcceptable.
func acceptsJSON(h http.Header) error {
	lines := h["Accept"]
	if len(lines) == 0 || (len(lines) == 1 && (lines[0] == "*/*" || lines[0] == "application/json")) {
		return nil
	}
	if liking(lines, "application/json") > 0 {
		return nil
	}
	return fault.New(fault.NotAcceptable, "This route answers with application/json.")
}

// acceptedStream returns the form of a stream that a request likes best, server-sent
// events unless it prefers something else. Errors: NotAcceptable.
func acceptedStream(h http.Header) (streamFormat, error) {
	lines := h["Accept"]
	events, objects := liking(lines, sse.contentType()), liking(lines, ndjson.contentType())
	switch {
	case events <= 0 && objects <= 0:
		return 0, fault.New(fault.NotAcceptable, "This route answers with text/event-stream or application/x-ndjson.")
	case objects > events:
		return ndjson, nil
	default:
		return sse, nil
	}
}

// liking returns how much the lines of an Accept header want a media type, 0 for
// not at all. Of several ranges that fit, the most specific one decides, as RFC
// 9110 says; an empty header asks for nothing and likes all.
func liking(lines []string, media string) (q float64) {
	closest, asked := 0, false
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			accepted, parameters, _ := strings.Cut(element, ";")
			accepted = strings.ToLower(strings.TrimSpace(accepted))
			asked = asked || accepted != ""
			if s := specificity(accepted, media); s > closest {
				closest, q = s, weightOf(parameters)
			}
		}
	}
	if !asked {
		return 1
	}
	return q
}

// specificity ranks a media range by how closely it fits a media type; 0 does
// not fit.
func specificity(accepted, media string) int {
	group, _, _ := strings.Cut(media, "/")
	switch accepted {
	case media:
		return 3
	case group + "/*":
		return 2
	case "*/*":
		return 1
	default:
		return 0
	}
}
