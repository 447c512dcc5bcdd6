package load

import (
	"bytes"
	"errors"
	"fmt"
)

// maxAnswer bounds an answer, head and body.
const maxAnswer = 64 << 10

var (
	crlf2         = []byte("\r\n\r\n")
	contentLength = []byte("content-length")
)

// errNoLength is an answer whose end nobody can see.
var errNoLength = errors.New("load: an answer without Content-Length")

// parseAnswer reads the status and the size of the HTTP/1.1 answer that text
// begins with. The size is 0 until the whole head is there. Errors: text is no
// answer, or one that is too long or of unknown length.
func parseAnswer(text []byte) (status, size int, err error) {
	head := bytes.Index(text, crlf2)
	if head < 0 {
		if len(text) >= maxAnswer {
			return 0, 0, errors.New("load: the head of an answer does not end")
		}
		return 0, 0, nil
	}
	if bytes.Count(text[:head], crlf2[1:2]) != bytes.Count(text[:head], crlf2[:2]) {
		return 0, 0, errors.New("load: a line of the head ends without CR") // net/http would end it there all the same
	}
	const version = "HTTP/1.1 "
	line, fields, _ := bytes.Cut(text[:head], crlf2[:2])
	if len(line) < len(version)+3 || string(line[:len(version)]) != version {
		return 0, 0, fmt.Errorf("load: %.40q is no status line", line)
	}
	status, ok := decimal(line[len(version) : len(version)+3])
	if !ok || status < 200 || status > 599 {
		return 0, 0, fmt.Errorf("load: %.40q is no status of an answer", line)
	}
	if status == 204 || status == 304 {
		return status, head + len(crlf2), nil
	}
	for len(fields) > 0 {
		var field []byte
		field, fields, _ = bytes.Cut(fields, crlf2[:2])
		name, value, _ := bytes.Cut(field, []byte(":"))
		if len(name) != len(contentLength) || !bytes.EqualFold(name, contentLength) {
			continue
		}
		length, ok := decimal(bytes.TrimSpace(value))
		if !ok || length > maxAnswer-head-len(crlf2) {
			return 0, 0, fmt.Errorf("load: an answer of length %.20q", value)
		}
		return status, head + len(crlf2) + length, nil
	}
	return 0, 0, errNoLength
}

// decimal reads a number of at most 9 digits.
func decimal(text []byte) (n int, ok bool) {
	if len(text) == 0 || len(text) > 9 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
