package load

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestParseAnswer(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	for name, tr := range map[string]struct {
		text         string
		status, size int
		fails        bool
	}{
		"nothing":            {"", 0, 0, false},
		"a part of the head": {ok[:40], 0, 0, false},
		"the head":           {ok[:len(ok)-2], 200, len(ok), false},
		"whole":              {ok, 200, len(ok), false},
		"and more":           {ok + "HTTP", 200, len(ok), false},
		"lower case":         {"HTTP/1.1 503 \r\ncontent-length:0\r\n\r\n", 503, 35, false},
		"no content":         {"HTTP/1.1 204 No Content\r\n\r\n", 204, 27, false},
		"chunked":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 0, true},
		"another protocol":   {"+PONG\r\n\r\n", 0, 0, true},
		"an old one":         {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 0, true},
		"interim":            {"HTTP/1.1 100 Continue\r\n\r\n", 0, 0, true},
		"no status":          {"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", 0, 0, true},
		"a negative length":  {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, 0, true},
		"too long":           {"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n", 0, 0, true},
		"a boundless number": {"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\n", 0, 0, true},
		"an endless head":    {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxAnswer), 0, 0, true},
	} {
		status, size, err := parseAnswer([]byte(tr.text))
		if status != tr.status || size != tr.size || (err != nil) != tr.fails {
			t.Errorf("%s: %d, %d, %v; want %d, %d, failure %t", name, status, size, err, tr.status, tr.size, tr.fails)
		}
	}
}

// What is accepted has the status and the length that net/http reads, if it
// reads it at all, and what has only begun to arrive is not taken for something
// else.
func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
	f.Add([]byte("HTTP/1.1 204 No Content\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 404 Not Found\r\nDate: x\r\ncontent-length: 03\r\n\r\nabc"))
	f.Fuzz(func(t *testing.T, text []byte) {
		status, size, err := parseAnswer(text)
		if err != nil || size == 0 {
			if status != 0 || size != 0 {
				t.Fatalf("%d, %d beside %v", status, size, err)
			}
			return
		}
		if status < 200 || status > 599 || size > maxAnswer {
			t.Fatalf("status %d, size %d", status, size)
		}
		head := bytes.Index(text, crlf2) + len(crlf2)
		for n := range head {
			if status, size, err := parseAnswer(text[:n]); status != 0 || size != 0 || err != nil {
				t.Fatalf("the first %d bytes: %d, %d, %v", n, status, size, err)
			}
		}
		// net/http refuses heads that parseAnswer does not look at.
		whole := append(bytes.Clone(text[:head]), make([]byte, size-head)...)
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(whole)), nil)
		if err != nil || len(resp.TransferEncoding) > 0 || len(resp.Header["Content-Length"]) > 1 {
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status || len(body) != size-head {
			t.Errorf("net/http reads status %d and %d bytes, %v; parseAnswer %d and %d", resp.StatusCode, len(body), err, status, size-head)
		}
	})
}
