package main

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// piece is how many bytes a key holds, and mostPieces how many keys a transfer
// may have.
const (
	piece      = 1 << 20
	mostPieces = 1 << 10
)

// transfers moves keys of a piece each, raw:N and so many from there on, as the
// path says: GET reads them one ahead, PUT writes them one behind.
func transfers(client *redis.Client) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pieces, err := strconv.Atoi(r.PathValue("pieces"))
		from, wrong := strconv.Atoi(r.PathValue("from"))
		switch {
		case err != nil || wrong != nil || pieces < 1 || pieces > mostPieces:
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodPut:
			if err := takeIn(r.Context(), client, r.Body, from, pieces); err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.WriteHeader(http.StatusCreated)
		default:
			w.Header().Set("Content-Length", strconv.Itoa(pieces*piece))
			if err := giveOut(r.Context(), client, w, from, pieces); err != nil {
				panic(http.ErrAbortHandler)
			}
		}
	})
}

func rawKey(i int) string { return "raw:" + strconv.Itoa(i) }

// moved is a buffer that was filled, or emptied.
type moved struct {
	bytes []byte
	err   error
}

func giveOut(ctx context.Context, client *redis.Client, w io.Writer, from, pieces int) error {
	ctx, cancel := context.WithCancel(ctx)
	read, free := make(chan moved), make(chan []byte, 2)
	for range cap(free) {
		free <- make([]byte, piece+2) // so much does the client read at once
	}
	go func() {
		defer close(read)
		for i := range pieces {
			select {
			case buffer := <-free:
				n, err := client.GetToBuffer(ctx, rawKey(from+i), buffer).Result()
				if err == nil && n != piece {
					err = io.ErrUnexpectedEOF
				}
				select {
				case read <- moved{buffer, err}:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	defer func() {
		cancel()
		for range read { // until it has ended
		}
	}()
	for m := range read {
		if m.err != nil {
			return m.err
		}
		if _, err := w.Write(m.bytes[:piece]); err != nil {
			return err
		}
		free <- m.bytes
	}
	return ctx.Err()
}

func takeIn(ctx context.Context, client *redis.Client, body io.Reader, from, pieces int) error {
	written := make(chan moved, 1)
	written <- moved{bytes: make([]byte, piece)}
	buffer := make([]byte, piece)
	for i := range pieces {
		_, err := io.ReadFull(body, buffer)
		before := <-written
		if err != nil || before.err != nil {
			return firstOf(before.err, err)
		}
		full := buffer
		buffer = before.bytes
		go func() { written <- moved{full, client.Set(ctx, rawKey(from+i), full, 0).Err()} }()
	}
	return (<-written).err
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
