package load

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Job says what is sent, how often and for how long.
type Job struct {
	Targets []string // addresses, host:port with an IPv4 host; connections are spread over them
	Path    string   // of the POST
	Body    string   // JSON
	Keyed   bool     // each request gets an Idempotency-Key that was never used before
	Conns   int      // connections, at most MaxConns
	Warmup  time.Duration
	Window  time.Duration // what is measured, after the warm-up
	// Watch names groups of processes, by their ids, whose CPU time is measured.
	Watch map[string][]int
}

// MaxConns bounds Job.Conns.
const MaxConns = 4096

// Report is what a Job came to, in the window if not said otherwise.
type Report struct {
	Requests int           // answered
	Elapsed  time.Duration // how long the window really was
	P50, P99 time.Duration // from the request's first byte out to its answer's last byte in
	Max      time.Duration
	Usage

	Answered int // 200, from the first request on, those of the warm-up and after the window included
	Failures int // other answers
	Failure  string
}

func (j Job) check() error {
	if len(j.Targets) == 0 || j.Conns < 1 || j.Conns > MaxConns || j.Window <= 0 || j.Warmup < 0 {
		return errors.New("load: a job needs targets, 1 to 4096 connections and a window")
	}
	return nil
}

// keyDigits is how many hexadecimal digits of a key count requests.
const keyDigits = 12

// request returns what goes to a target and where in it the key's counter is;
// 0 when there is none.
func (j Job) request(target string) (text []byte, counter int) {
	var b strings.Builder
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: toolpit-bench\r\nContent-Type: application/json\r\n", j.Path, target)
	if j.Keyed {
		fmt.Fprintf(&b, "Idempotency-Key: %s-", rand.Text()[:16])
		counter = b.Len()
		fmt.Fprintf(&b, "%0*d\r\n", keyDigits, 0)
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(j.Body), j.Body)
	return []byte(b.String()), counter
}

// stamp writes a number in hexadecimal over digits.
func stamp(digits []byte, n uint64) {
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = "0123456789abcdef"[n&15]
		n >>= 4
	}
}
