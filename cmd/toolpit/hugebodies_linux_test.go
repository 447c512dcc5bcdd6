package main_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// upload sends a head and then a body, as much of it as the server takes. It
// returns the answer, how long that took, and how much was sent before.
func (p *process) upload(t *testing.T, head string, body io.Reader) (answer, time.Duration, int64) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	sent := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(conn, body) // ends when the server has had enough
		sent <- n
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	took := time.Since(start)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{res.StatusCode, res.Header, string(text)}
	if !res.Close {
		t.Errorf("the connection stays open after %d", res.StatusCode)
	}
	_ = conn.Close()
	return a, took, <-sent
}

// chunks is an endless body in chunks of 64 KiB.
type chunks struct{ rest []byte }

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		c.rest = fmt.Appendf(nil, "10000\r\n%s\r\n", bytes.Repeat([]byte(" "), 64<<10))
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// blanks is an endless body without a frame.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte(" "), len(p))), nil }

// bomb is a gigabyte of blanks, packed into a megabyte.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, blanks{}, 1<<30); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHugeBodies offers a gigabyte in every way there is.
func TestHugeBodies(t *testing.T) {
	const (
		soon   = 100 * time.Millisecond
		growth = 16 << 20
		rounds = 3
	)
	p := serve(t, "--store", "sqlite:"+t.TempDir()+"/huge.db")
	p.ready(t)
	p.must(t, 201, "POST", "/sessions", "", `{"id":"huge"}`)
	packed := bomb(t)
	const head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n"
	for _, path := range []string{"/execute", "/sessions", "/sessions/huge/execute", "/sessions/huge/touch"} {
		for _, way := range []struct {
			name, header, code string
			status             int
			most               int64 // bytes sent until the answer came and some time after
			body               func() io.Reader
		}{
			{"announced", "Content-Length: 1073741824\r\n", "BODY_TOO_LARGE", 413, 32 << 20, func() io.Reader { return blanks{} }},
			{"in chunks", "Transfer-Encoding: chunked\r\n", "BODY_TOO_LARGE", 413, 32 << 20, func() io.Reader { return &chunks{} }},
			{"packed", fmt.Sprintf("Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: %d\r\n", len(packed)), "UNSUPPORTED_MEDIA_TYPE", 415, 8 << 20, func() io.Reader { return bytes.NewReader(packed) }},
		} {
			if path == "/sessions/huge/touch" && way.name == "packed" {
				continue // is nowhere unpacked, and takes no body that could be
			}
			t.Run(way.name+" to "+path, func(t *testing.T) {
				before := p.rss(t)
				most := p.watchRSS(t)
				best := patience
				var sent int64
				for range rounds { // others use the machine, too
					a, took, n := p.upload(t, fmt.Sprintf(head, path, way.header), way.body())
					if a.status != way.status || !strings.Contains(a.body, way.code) {
						t.Fatalf("%d %s", a.status, a.body)
					}
					best, sent = min(best, took), max(sent, n)
				}
				grown := most() - before
				t.Logf("refused after %s and %s, RSS %s more", best.Round(10*time.Microsecond), mebibytes(sent), mebibytes(grown))
				if best > soon {
					t.Errorf("refused after %s, want at most %s", best, soon)
				}
				if grown > growth {
					t.Errorf("RSS grows by %s, want at most %s", mebibytes(grown), mebibytes(growth))
				}
				if sent > way.most {
					t.Errorf("%s were taken", mebibytes(sent))
				}
			})
		}
	}
}
