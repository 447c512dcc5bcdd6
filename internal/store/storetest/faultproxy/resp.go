package faultproxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// errProtocol reports bytes that are not RESP. The proxy cannot carry on, as it
// no longer knows which reply belongs to which command.
var errProtocol = errors.New("not RESP")

// The limits are those of Redis. They keep a garbled length from being mistaken
// for a frame of which the rest never arrives.
const (
	maxBulk     = 512 << 20
	maxElements = 1 << 20
)

// pushKind is the first byte of RESP3 frames that answer no command.
const pushKind = '>'

// readRequest reads commands, at least one and then for as long as there is
// more at hand, so that it never stops within a command. It returns their bytes,
// and their names in lower case.
func readRequest(r *bufio.Reader) (raw []byte, names []string, err error) {
	for {
		var name string
		raw, name, err = readCommand(r, raw)
		if err != nil {
			return nil, nil, err
		}
		// The server ignores empty commands, and does not answer them.
		if name != "" {
			names = append(names, name)
		}
		if r.Buffered() == 0 {
			return raw, names, nil
		}
	}
}

// readCommand reads one command, appends its bytes to raw and returns its name
// in lower case.
func readCommand(r *bufio.Reader, raw []byte) (_ []byte, name string, err error) {
	raw, line, err := readLine(r, raw)
	if err != nil {
		return raw, "", err
	}
	if !strings.HasPrefix(line, "*") {
		// An inline command, as typed into telnet.
		if fields := strings.Fields(line); len(fields) > 0 {
			name = strings.ToLower(fields[0])
		}
		return raw, name, nil
	}
	n, err := parseLen(line, maxElements)
	if err != nil {
		return raw, "", err
	}
	for i := range n {
		raw, line, err = readLine(r, raw)
		if err != nil {
			return raw, "", unexpected(err)
		}
		if !strings.HasPrefix(line, "$") {
			return raw, "", fmt.Errorf("%w: argument starts with %.20q", errProtocol, line)
		}
		size, err := parseLen(line, maxBulk)
		if err != nil {
			return raw, "", err
		}
		start := len(raw)
		if raw, err = readBulk(r, raw, size); err != nil {
			return raw, "", err
		}
		if i == 0 {
			name = strings.ToLower(string(raw[start : start+max(size, 0)]))
		}
	}
	return raw, name, nil
}

// readReply reads one frame sent by the server and appends its bytes to raw.
// The kind is the type byte of the frame, past any attributes.
func readReply(r *bufio.Reader, raw []byte) (_ []byte, kind byte, err error) {
	raw, line, err := readLine(r, raw)
	if err != nil {
		return raw, 0, err
	}
	if line == "" {
		return raw, 0, fmt.Errorf("%w: empty line", errProtocol)
	}
	kind = line[0]
	elements := 0
	switch kind {
	case '+', '-', ':', '_', ',', '#', '(':
	case '$', '!', '=':
		size, err := parseLen(line, maxBulk)
		if err != nil {
			return raw, 0, err
		}
		raw, err = readBulk(r, raw, size)
		return raw, kind, err
	case '*', '~', pushKind:
		elements, err = parseLen(line, maxElements)
	case '%':
		elements, err = parseLen(line, maxElements)
		elements *= 2
	case '|':
		// Attributes are followed by the value that they belong to.
		elements, err = parseLen(line, maxElements)
		elements = elements*2 + 1
	default:
		err = fmt.Errorf("%w: reply starts with %.20q", errProtocol, line)
	}
	if err != nil {
		return raw, 0, err
	}
	last := kind
	for range elements {
		if raw, last, err = readReply(r, raw); err != nil {
			return raw, 0, unexpected(err)
		}
	}
	if kind == '|' {
		kind = last
	}
	return raw, kind, nil
}

// readLine reads up to the end of a line, appends it to raw, and returns it
// without its end as well.
func readLine(r *bufio.Reader, raw []byte) (_ []byte, line string, err error) {
	b, err := r.ReadBytes('\n')
	raw = append(raw, b...)
	if err != nil {
		if len(b) > 0 {
			err = unexpected(err)
		}
		return raw, "", err
	}
	return raw, strings.TrimRight(string(b), "\r\n"), nil
}

// readBulk reads a string of the given size and its line end, and appends both
// to raw. A negative size stands for null, of which nothing follows.
func readBulk(r *bufio.Reader, raw []byte, size int) ([]byte, error) {
	if size < 0 {
		return raw, nil
	}
	start := len(raw)
	raw = append(raw, make([]byte, size+len("\r\n"))...)
	for rest := raw[start:]; len(rest) > 0; {
		// In pieces that go through the buffer of r. Past it, a read would end
		// where the string does, and hide that more of the batch is at hand.
		n, err := io.ReadFull(r, rest[:min(len(rest), r.Size()-1)])
		if err != nil {
			return raw, unexpected(err)
		}
		rest = rest[n:]
	}
	if !strings.HasSuffix(string(raw[len(raw)-2:]), "\r\n") {
		return raw, fmt.Errorf("%w: string longer than announced", errProtocol)
	}
	return raw, nil
}

// parseLen returns the length that follows the type byte of line: -1 for null,
// else from 0 to limit.
func parseLen(line string, limit int) (int, error) {
	n, err := strconv.Atoi(line[1:])
	if err != nil || n < -1 || n > limit {
		return 0, fmt.Errorf("%w: bad length %.20q", errProtocol, line)
	}
	return n, nil
}

// unexpected tells an end within a frame from one between two.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
