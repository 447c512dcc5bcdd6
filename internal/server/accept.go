package server

import (
	"net/http"
	"strconv"
	"strings"

	"toolpit/internal/fault"
)

// acceptsJSON refuses a request whose Accept header excludes application/json.
// Of several ranges that fit, the most specific one decides, as RFC 9110 says.
// Errors: NotAcceptable.
func acceptsJSON(h http.Header) error {
	lines := h["Accept"]
	if len(lines) == 0 || (len(lines) == 1 && (lines[0] == "*/*" || lines[0] == "application/json")) {
		return nil
	}
	best, accepted, asked := 0, false, false
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			media, parameters, _ := strings.Cut(element, ";")
			media = strings.ToLower(strings.TrimSpace(media))
			asked = asked || media != ""
			if s := specificity(media); s > best {
				best, accepted = s, wanted(parameters)
			}
		}
	}
	if accepted || !asked { // an empty header asks for nothing
		return nil
	}
	return fault.New(fault.NotAcceptable, "This route answers with application/json.")
}

// specificity ranks a media range by how closely it fits application/json; 0
// does not fit.
func specificity(media string) int {
	switch media {
	case "application/json":
		return 3
	case "application/*":
		return 2
	case "*/*":
		return 1
	default:
		return 0
	}
}

// wanted tells whether the parameters of a media range leave it a weight.
func wanted(parameters string) bool {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return err != nil || q > 0
		}
	}
	return true
}
