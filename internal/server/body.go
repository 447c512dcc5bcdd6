package server

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"toolpit/internal/fault"
)

// presence says whether a body may be missing.
type presence bool

const (
	required presence = true
	optional presence = false // none is read as {}
)

// readBody reads the JSON text of a request, without looking into it. What it
// allocates goes by what was really sent, whatever the request announced. Errors: BodyTooLarge, UnsupportedMediaType, InvalidRequest.
func readBody(x *exchange, limit int64, p presence) ([]byte, error) {
	r := x.request
	if err := identityEncoding(r.Header); err != nil {
		return nil, err
	}
	if r.ContentLength > limit {
		return nil, tooLarge(x, limit)
	}
	typed := isJSON(r.Header)
	if r.ContentLength != 0 && !typed && (p == required || r.Header.Get("Content-Type") != "") {
		return nil, unsupported("Send the body as application/json.")
	}
	body, err := x.readBody(limit)
	switch {
	case err != nil:
		return nil, unreadable(x, limit, err)
	case len(body) == 0 && p == required:
		return nil, fault.New(fault.InvalidRequest, "The body is empty; send a JSON object.")
	case len(body) == 0:
		return []byte("{}"), nil
	case !typed:
		return nil, unsupported("Send the body as application/json.")
	}
	x.hasBody()
	x.body = body
	return body, nil
}

// ignoredBody reads a body that nobody looks into, for the fingerprint. Errors:
// BodyTooLarge, InvalidRequest.
func ignoredBody(x *exchange, limit int64) error {
	if x.request.ContentLength == 0 {
		return nil
	}
	if x.request.ContentLength > limit {
		return tooLarge(x, limit)
	}
	body, err := x.readBody(limit)
	if err != nil {
		return unreadable(x, limit, err)
	}
	x.hasBody()
	x.body = body
	return nil
}

// readBody reads the bytes of a body, during which the client may keep us
// waiting.
func (x *exchange) readBody(limit int64) ([]byte, error) {
	r := x.request
	if r.ContentLength != 0 {
		x.guest.wait(x.start) // when its head was there
		defer x.guest.rest()
	}
	if r.ContentLength >= 0 { // net/http gives no more than what was announced, which is within the limit
		return readAll(r.Body, r.ContentLength, limit, x.hasRead)
	}
	return readAll(http.MaxBytesReader(x, r.Body, limit), -1, limit, x.hasRead)
}

// readAll is io.ReadAll for a body of announced length (-1: not announced). It
// never trusts the announcement with more than four times what has arrived, and
// in steps of four allocates little more than the body's size in all. Before it
// waits for more it tells progress how much has come.
func readAll(r io.Reader, announced, limit int64, progress func(n int)) ([]byte, error) {
	const first = 4 << 10
	if announced < 0 {
		announced = limit + 1 // where the reader ends
	}
	b := make([]byte, 0, min(announced, first))
	for {
		if len(b) == cap(b) {
			if int64(len(b)) == announced {
				return b, nil // net/http gives no more than what was announced
			}
			b = append(make([]byte, 0, min(announced, 4*int64(cap(b)))), b...)
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		progress(len(b))
	}
}

// unreadable says why a body did not arrive.
func unreadable(x *exchange, limit int64, err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(x, limit)
	}
	x.Header().Set("Connection", "close") // where the next request begins is unknown
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fault.Newf(fault.InvalidRequest, "The body came too slowly; it has %.0f seconds, and one more for every %d bytes.", bodyTime.Seconds(), bodyRate)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) && x.request.Context().Err() != nil {
		return fault.New(fault.Cancelled, "The caller went away.").Because(err)
	}
	return fault.New(fault.InvalidRequest, "The body did not arrive completely.").Because(err)
}

// tooLarge closes the connection as well: reading the rest would be the cost
// that the limit is there to save.
func tooLarge(x *exchange, limit int64) error {
	x.Header().Set("Connection", "close")
	return &fault.Error{
		Code:   fault.BodyTooLarge,
		Detail: fmt.Sprintf("A JSON body has at most %d bytes.", limit),
		Facts:  fault.Facts{LimitBytes: limit},
	}
}

func unsupported(detail string) error { return fault.New(fault.UnsupportedMediaType, detail) }

// identityEncoding refuses compressed bodies: a small one could become a huge
// one.
func identityEncoding(h http.Header) error {
	for _, line := range h["Content-Encoding"] {
		for encoding := range strings.SplitSeq(line, ",") {
			if e := strings.TrimSpace(encoding); e != "" && !strings.EqualFold(e, "identity") {
				return unsupported("Send the body without a Content-Encoding.")
			}
		}
	}
	return nil
}

// isJSON tells whether the body is announced as JSON in UTF-8.
func isJSON(h http.Header) bool {
	values := h["Content-Type"]
	if len(values) != 1 {
		return false
	}
	if values[0] == "application/json" {
		return true
	}
	media, parameters, err := mime.ParseMediaType(values[0])
	if err != nil || media != "application/json" {
		return false
	}
	for name, value := range parameters {
		if name == "charset" && !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	return true
}
