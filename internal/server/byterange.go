package server

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"toolpit/internal/fault"
)

// byteRange is a part of a body, from its first byte up to and without end.
type byteRange struct{ start, end int64 }

// rangeOf returns the part of a body of that size and entity tag that a request
// asks for; ok is false when it asks for all of it. One part is served at a time.
// A unit that is not bytes, a range that ends before it begins, and a Range whose
// If-Range does not hold ask for nothing, as RFC 9110 says. Errors: RangeNotSatisfiable.
func rangeOf(h http.Header, size int64, etag string) (part byteRange, ok bool, err error) {
	values := h["Range"]
	if len(values) == 0 {
		return byteRange{}, false, nil
	}
	if conditions := h["If-Range"]; len(conditions) > 0 && (len(conditions) > 1 || strings.TrimSpace(conditions[0]) != etag) {
		return byteRange{}, false, nil // a date, too: nothing here has one
	}
	unit, text, found := strings.Cut(values[0], "=")
	switch {
	case len(values) > 1 || strings.Contains(text, ","):
		return byteRange{}, false, refuseRange("One range is served at a time.")
	case found && !strings.EqualFold(strings.TrimSpace(unit), "bytes"):
		return byteRange{}, false, nil
	}
	first, last, isRange := strings.Cut(strings.Trim(text, " \t"), "-")
	start, startOK := offsetIn(first)
	end, endOK := offsetIn(last)
	switch {
	case !found || !isRange || !startOK && first != "" || !endOK && last != "" || !startOK && !endOK:
		return byteRange{}, false, refuseRange("The Range header has the form bytes=FIRST-LAST, bytes=FIRST- or bytes=-COUNT.")
	case startOK && endOK && end < start:
		return byteRange{}, false, nil
	case !startOK: // so many at the end
		part = byteRange{max(0, size-end), size}
	case !endOK:
		part = byteRange{start, size}
	default:
		part = byteRange{start, min(size, min(end, math.MaxInt64-1)+1)}
	}
	if part.start >= part.end {
		return byteRange{}, false, refuseRange(fmt.Sprintf("The body has %d bytes, and none of them is in the range.", size))
	}
	return part, true, nil
}

// offsetIn reads a decimal number; one beyond 64 bits is as good as the
// greatest.
func offsetIn(text string) (n int64, ok bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		n = math.MaxInt64
	}
	return n, true
}

func refuseRange(detail string) *fault.Error {
	return fault.Invalid(fault.RangeNotSatisfiable, detail, []fault.Violation{
		{Pointer: "Range", Code: fault.RangeNotSatisfiable, Detail: detail},
	})
}
