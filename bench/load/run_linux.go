package load

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// conn is one connection. It always has a request under way, but at the end.
type conn struct {
	fd      int
	request []byte
	counter int // where the key's counter is in request; 0 without one
	answer  []byte
	have    int // bytes of the answer so far
	sent    time.Duration
}

// run is one Job under way. Times are durations since its start.
type run struct {
	job      Job
	epoll    int
	conns    []*conn
	start    time.Time
	from, to time.Duration // the window
	busy     int           // connections with a request under way
	requests uint64        // sent so far
	latency  Histogram
	report   Report
}

// grace is how long answers may take to come in after the window.
const grace = 10 * time.Second

// Run does a job. It uses the calling goroutine only. Errors: a job that makes
// no sense, a server that cannot be reached, closes a connection or answers
// what is not HTTP, a watched process that is gone. Answers other than 200 are
// no errors, but Report.Failures.
func Run(ctx context.Context, job Job) (Report, error) {
	if err := job.check(); err != nil {
		return Report{}, err
	}
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return Report{}, os.NewSyscallError("epoll_create1", err)
	}
	r := &run{job: job, epoll: epoll}
	defer r.close()
	for i := range job.Conns {
		if err := r.dial(job.Targets[i%len(job.Targets)]); err != nil {
			return Report{}, err
		}
	}
	r.start = time.Now()
	r.from, r.to = job.Warmup, job.Warmup+job.Window
	if err := r.loop(ctx); err != nil {
		return Report{}, err
	}
	r.report.P50, r.report.P99, r.report.Max = r.latency.Percentile(50), r.latency.Percentile(99), r.latency.Max()
	r.report.Requests = int(r.latency.Count()) //nolint:gosec // requests of a few seconds
	return r.report, nil
}

func (r *run) close() {
	for _, c := range r.conns {
		_ = syscall.Close(c.fd)
	}
	_ = syscall.Close(r.epoll)
}

// dial adds a connection.
func (r *run) dial(target string) error {
	addr, err := netip.ParseAddrPort(target)
	if err != nil || !addr.Addr().Is4() {
		return fmt.Errorf("load: %q is no IPv4 address with a port", target)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	c := &conn{fd: fd, answer: make([]byte, maxAnswer)}
	c.request, c.counter = r.job.request(target)
	r.conns = append(r.conns, c)
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(addr.Port())}); err != nil {
		return fmt.Errorf("load: connecting to %s: %w", target, err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(len(r.conns) - 1)} //nolint:gosec // at most MaxConns
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(r.epoll, syscall.EPOLL_CTL_ADD, fd, &event))
}

// loop sends, receives and measures until nothing is under way any more.
func (r *run) loop(ctx context.Context) error {
	for _, c := range r.conns {
		if err := r.send(c, time.Since(r.start)); err != nil {
			return err
		}
	}
	var before Usage
	begun, ended := time.Duration(0), time.Duration(0)
	events := make([]syscall.EpollEvent, len(r.conns))
	for r.busy > 0 {
		const look = 100 // ms, so that the ends of windows and of ctx are noticed
		n, err := syscall.EpollWait(r.epoll, events, look)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("epoll_wait", err)
		}
		now := time.Since(r.start)
		if begun == 0 && now >= r.from {
			if before, err = readUsage(r.job.Watch); err != nil {
				return err
			}
			begun = time.Since(r.start)
		}
		if ended == 0 && now >= r.to {
			ended = now
			if err := r.count(before, ended-begun); err != nil {
				return err
			}
		}
		if now > r.to+grace {
			return fmt.Errorf("load: %d requests were not answered within %v", r.busy, grace)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, event := range events[:max(n, 0)] {
			if err := r.receive(r.conns[event.Fd], begun > 0 && ended == 0); err != nil {
				return err
			}
		}
	}
	if ended == 0 { // the last answer was the end of the window
		return r.count(before, time.Since(r.start)-begun)
	}
	return nil
}

// count notes how long the window was and what was used in it.
func (r *run) count(before Usage, elapsed time.Duration) error {
	after, err := readUsage(r.job.Watch)
	r.report.Elapsed, r.report.Usage = elapsed, after.since(before)
	return err
}

// send sends the next request.
func (r *run) send(c *conn, now time.Duration) error {
	if c.counter > 0 {
		stamp(c.request[c.counter:c.counter+keyDigits], r.requests)
	}
	r.requests++
	c.sent, c.have = now, 0
	// One request fits into the socket's buffer, which is empty.
	n, err := syscall.Write(c.fd, c.request)
	if err != nil {
		return os.NewSyscallError("write", err)
	}
	if n < len(c.request) {
		return fmt.Errorf("load: only %d of %d bytes of a request were sent", n, len(c.request))
	}
	r.busy++
	return nil
}

// receive reads what has come; when it is a whole answer, the next request
// follows.
func (r *run) receive(c *conn, inWindow bool) error {
	n, err := syscall.Read(c.fd, c.answer[c.have:])
	switch {
	case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR):
		return nil
	case err != nil:
		return os.NewSyscallError("read", err)
	case n == 0:
		return fmt.Errorf("load: the server closed a connection after %.200q", c.answer[:c.have])
	}
	c.have += n
	status, size, err := parseAnswer(c.answer[:c.have])
	if err != nil {
		return err
	}
	if size == 0 || c.have < size {
		return nil
	}
	if c.have > size {
		return errors.New("load: more than one answer to one request")
	}
	now := time.Since(r.start)
	r.busy--
	if status == 200 {
		r.report.Answered++
	} else {
		if r.report.Failures++; r.report.Failure == "" {
			r.report.Failure = string(c.answer[:min(c.have, 1000)])
		}
	}
	if inWindow {
		r.latency.Add(now - c.sent)
	}
	if now >= r.to {
		return nil
	}
	return r.send(c, now)
}
