package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	mebi  = 1 << 20
	piece = mebi // what is written and read at once, and what a raw key holds
)

// transfer moves bytes over a connection of its own, with as little as can be
// done for it. It is for one goroutine.
type transfer struct {
	conn  net.Conn
	in    *bufio.Reader
	bytes []byte // one piece
	made  uint64 // pieces so far: no two that are sent are the same
	keys  int    // that setAll has written and dropAll has not removed
}

// transferTime is how long a transfer may take.
const transferTime = time.Minute

func newTransfer(ctx context.Context, addr string) (*transfer, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &transfer{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), bytes: make([]byte, piece)}, nil
}

func (t *transfer) close() error { return t.conn.Close() }

// next is a piece of elements: small floats, and one that tells it from others.
func (t *transfer) next() []byte {
	t.made++
	for i := range 6 { // of 8 bytes: what is left is a finite float
		t.bytes[i] = byte(t.made >> (8 * i))
	}
	return t.bytes
}

// send writes parts with one system call where that is possible.
func (t *transfer) send(parts ...[]byte) error {
	all := net.Buffers(parts)
	_, err := all.WriteTo(t.conn)
	return err
}

func rawKey(i int) string { return "raw:" + strconv.Itoa(i) }

// redisCommand is a command without its last argument, of which it has the
// length only.
func redisCommand(last int, args ...string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(args)+1)
	for _, a := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
	}
	return fmt.Appendf(b, "$%d\r\n", last)
}

// setAll writes new keys of one piece each: like a new tensor they take memory
// that Redis did not use before.
func (t *transfer) setAll(pieces int) error { return t.set(t.keys, pieces) }

// setAgain writes what setAll wrote first once more, in its place.
func (t *transfer) setAgain(pieces int) error { return t.set(0, pieces) }

// set writes keys from that number on. While Redis takes one the next is on its
// way.
func (t *transfer) set(from, pieces int) error {
	if err := t.conn.SetDeadline(time.Now().Add(transferTime)); err != nil {
		return err
	}
	for i := range pieces {
		key := rawKey(from + i)
		t.keys = max(t.keys, from+i+1)
		if err := t.send(redisCommand(piece, "SET", key), t.next(), []byte("\r\n")); err != nil {
			return err
		}
		if i > 0 {
			if _, err := t.reply("+OK"); err != nil {
				return err
			}
		}
	}
	_, err := t.reply("+OK")
	return err
}

// reply reads a line that has to begin so.
func (t *transfer) reply(prefix string) (string, error) {
	line, err := t.in.ReadString('\n')
	if err == nil && !strings.HasPrefix(line, prefix) {
		err = fmt.Errorf("redis answers %q", line)
	}
	return strings.TrimSpace(line), err
}

// getAll reads what setAll wrote first, with one key asked for ahead.
func (t *transfer) getAll(pieces int) error {
	if err := t.conn.SetDeadline(time.Now().Add(transferTime)); err != nil {
		return err
	}
	ask := func(i int) error {
		key := rawKey(i)
		return t.send(redisCommand(len(key), "GET"), []byte(key+"\r\n"))
	}
	if err := ask(0); err != nil {
		return err
	}
	for i := range pieces {
		if i+1 < pieces {
			if err := ask(i + 1); err != nil {
				return err
			}
		}
		if _, err := t.reply("$" + strconv.Itoa(piece)); err != nil {
			return err
		}
		if _, err := io.ReadFull(t.in, t.bytes); err != nil {
			return err
		}
		if _, err := t.in.Discard(len("\r\n")); err != nil {
			return err
		}
	}
	return nil
}

// dropAll removes what setAll wrote.
func (t *transfer) dropAll() error {
	for ; t.keys > 0; t.keys-- {
		key := rawKey(t.keys - 1)
		if err := t.send(redisCommand(len(key), "UNLINK"), []byte(key+"\r\n")); err != nil {
			return err
		}
		if _, err := t.reply(":"); err != nil {
			return err
		}
	}
	return nil
}

// tensorPath is where a session's tensor is, and floorPath where the floor has
// so many raw keys from one on.
func tensorPath(session string) string { return "/sessions/" + session + "/tensors/t" }

func floorPath(from, pieces int) string { return fmt.Sprintf("/raw/%d/%d", from, pieces) }

// rowBytes is the size of a row of the tensors here: 1,024 of f64.
const rowBytes = 8 << 10

// putTensor writes a tensor of so many pieces, or raw keys of the floor.
func (t *transfer) putTensor(path string, pieces int) error {
	if err := t.conn.SetDeadline(time.Now().Add(transferTime)); err != nil {
		return err
	}
	head := fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/octet-stream\r\n"+
		"X-Tensor-Dtype: f64\r\nX-Tensor-Shape: %d,%d\r\nContent-Length: %d\r\n\r\n",
		path, pieces*piece/rowBytes, rowBytes/8, pieces*piece)
	if err := t.send([]byte(head)); err != nil {
		return err
	}
	for range pieces {
		if err := t.send(t.next()); err != nil {
			return err
		}
	}
	_, err := t.answer(-1)
	return err
}

// getTensor reads a tensor, a slice of it, or raw keys of the floor, of so many
// bytes.
func (t *transfer) getTensor(path string, size int64) error {
	if err := t.conn.SetDeadline(time.Now().Add(transferTime)); err != nil {
		return err
	}
	head := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: bench\r\nAccept: application/octet-stream\r\n\r\n", path)
	if err := t.send([]byte(head)); err != nil {
		return err
	}
	n, err := t.answer(size)
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes came, want %d", n, size)
	}
	return err
}

// answer reads an answer to its end and returns its size; want is -1 when it
// does not matter.
func (t *transfer) answer(want int64) (n int64, err error) {
	resp, err := http.ReadResponse(t.in, nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK && (want >= 0 || resp.StatusCode != http.StatusCreated) {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return 0, fmt.Errorf("%s: %s", resp.Status, text)
	}
	for {
		m, err := io.ReadFull(resp.Body, t.bytes)
		n += int64(m)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}
