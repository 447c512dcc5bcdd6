package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// startTimeout bounds the time from launch to the first PONG. It is far more
	// than a server needs, so that only a broken one ever meets it.
	startTimeout = 10 * time.Second
	// startAttempts bounds the ports tried. More than one matters only where
	// ports cannot be reserved, see reservePort.
	startAttempts = 5
)

// Server is a redis-server process that belongs to one test. Its methods may be
// called from any goroutine, except Restart, Stop, Cont, Configure and Info,
// which may fail the test and so belong on the test's own.
type Server struct {
	t      testing.TB
	path   string // of the executable
	dir    string
	config string // a file, "" for none
	args   []string

	// Fixed once StartServer has returned.
	port    int
	release func()

	mu   sync.Mutex
	proc *process // nil while there is none
}

// StartServer runs a fresh redis-server for the test, and returns once it
// answers. It is ended when the test is, and what it printed is logged if the
// test failed.
//
// The args are added to the server's command line, where they win over the
// defaults (no persistence, no eviction, bound to 127.0.0.1). They must not
// choose the port, and must leave the server reachable on 127.0.0.1 without TLS
// or password.
func StartServer(t testing.TB, args ...string) *Server {
	t.Helper()
	return startServer(t, t.TempDir(), "", args...)
}

// startServer is StartServer in a directory, with a configuration file unless
// that is "".
func startServer(t testing.TB, dir, config string, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, path: lookPath(t), dir: dir, config: config, args: args, release: func() {}}
	t.Cleanup(s.cleanup)

	var err error
	for range startAttempts {
		if s.port, s.release, err = reservePort(); err != nil {
			t.Fatalf("redistest: reserve a port: %v", err)
		}
		if err = s.start(); !errors.Is(err, errExited) {
			break
		}
		s.release()
		s.release = func() {}
	}
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	return s
}

// URL returns the server's URL, of the form redis://127.0.0.1:port/0. It stays
// the same over Kill and Restart.
func (s *Server) URL() string { return "redis://" + s.Addr() + "/0" }

// Addr returns the server's host:port. It stays the same over Kill and Restart.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Pid returns the server's process id, or 0 after Kill.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return 0
	}
	return s.proc.cmd.Process.Pid
}

// Kill ends the server with SIGKILL, as a crash would, and waits until it is
// gone: dials are refused once Kill has returned. It does nothing if there is
// no server to end.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
}

// Restart starts the server again, on the same port, in the same directory and
// with the same arguments, after ending it with Kill if need be. What it had
// stored is gone, unless the arguments made it persist.
func (s *Server) Restart() {
	s.t.Helper()
	if err := s.TryRestart(); err != nil {
		s.t.Fatalf("redistest: restart: %v", err)
	}
}

// TryRestart is Restart for goroutines that are not the test's own.
func (s *Server) TryRestart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
	return s.start()
}

// Stop suspends the server with SIGSTOP: the kernel still accepts connections
// and bytes in its name, but nothing is answered until Cont. Commands sent
// meanwhile are executed then, even if their senders have given up.
func (s *Server) Stop() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
}

// Cont resumes a server suspended by Stop.
func (s *Server) Cont() {
	s.t.Helper()
	s.signal(syscall.SIGCONT)
}

// Configure sets a parameter of the running server, as CONFIG SET does. Restart
// forgets it.
func (s *Server) Configure(name, value string) {
	s.t.Helper()
	s.command("CONFIG", "SET", name, value)
}

// Info returns a field of what INFO says of a section, "" if there is none.
func (s *Server) Info(section, name string) string {
	s.t.Helper()
	text, _ := s.command("INFO", section).(string)
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (s *Server) command(args ...string) any {
	s.t.Helper()
	reply, err := command(context.WithoutCancel(s.t.Context()), s.Addr(), args...)
	if err != nil {
		s.t.Fatalf("redistest: %v", err)
	}
	return reply
}

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		s.t.Fatalf("redistest: %v: the server is not running", sig)
	}
	if err := s.proc.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("redistest: %v: %v", sig, err)
	}
}

// start launches the server and waits until it answers. The caller holds s.mu,
// or is the only one to know of s.
func (s *Server) start() error {
	// The test's context has ended when cleanup functions run, and Restart may
	// be called from one.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), startTimeout)
	defer cancel()

	out, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	// The child has its own descriptor. A file rather than a pipe, so that
	// nothing has to read along for the server not to block.
	defer func() { _ = out.Close() }()

	var args []string
	if s.config != "" {
		args = append(args, s.config) // redis-server wants it first
	}
	args = append(args,
		"--port", strconv.Itoa(s.port),
		"--bind", "127.0.0.1",
		"--save", "",
		"--appendonly", "no",
		"--maxmemory-policy", "noeviction",
	)
	args = append(args, s.args...)
	proc, err := launch(s.path, s.dir, out, args)
	if err != nil {
		return err
	}
	if err := proc.ready(ctx, s.Addr()); err != nil {
		proc.kill()
		return err
	}
	s.proc = proc
	return nil
}

// kill is Kill for a caller that holds s.mu.
func (s *Server) kill() {
	if s.proc != nil {
		s.proc.kill()
		s.proc = nil
	}
}

func (s *Server) cleanup() {
	s.Kill()
	s.release()
	if !s.t.Failed() {
		return
	}
	out, err := os.ReadFile(s.logPath())
	if err != nil {
		s.t.Logf("redistest: output of redis-server: %v", err)
		return
	}
	s.t.Logf("redistest: output of redis-server at %s:\n%s", s.Addr(), out)
}

func (s *Server) logPath() string { return filepath.Join(s.dir, "redis-server.log") }
