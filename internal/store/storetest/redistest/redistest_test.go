package redistest_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"toolpit/internal/store/storetest/redistest"
)

// envHelper turns the test binary into the one that TestDiesWithParent kills.
const envHelper = "REDISTEST_HELPER"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStart(t *testing.T) {
	t.Parallel()
	client := dial(t, redistest.Start(t, "--appendonly", "yes", "--maxmemory", "64mb"))

	got, err := client.ConfigGet(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"appendonly":       "yes", // overridden
		"bind":             "127.0.0.1",
		"maxmemory":        "67108864",
		"maxmemory-policy": "noeviction",
		"save":             "",
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s = %q, want %q", key, got[key], value)
		}
	}
	if n, err := client.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("DBSIZE = %d, %v; want an empty server", n, err)
	}
}

func TestStartMany(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 8 {
		url := redistest.Start(t)
		if seen[url] {
			t.Fatalf("%s given out twice", url)
		}
		seen[url] = true
		if err := dial(t, url).Set(t.Context(), "url", url, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for url := range seen {
		if got, err := dial(t, url).Get(t.Context(), "url").Result(); err != nil || got != url {
			t.Errorf("%s: url = %q, %v", url, got, err)
		}
	}
}

func TestCleanupEndsServer(t *testing.T) {
	t.Parallel()
	var pid int
	t.Run("owner", func(t *testing.T) { pid = redistest.StartServer(t).Pid() })
	if pid == 0 {
		t.SkipNow() // as the subtest has been
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("kill(%d, 0) = %v, want %v", pid, err, syscall.ESRCH)
	}
}

func TestKillRestart(t *testing.T) {
	t.Parallel()
	s := redistest.StartServer(t)
	url, pid := s.URL(), s.Pid()
	client := dial(t, url)
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}

	s.Kill()
	s.Kill() // no harm in it
	wantRefused(t, s.Addr())
	if got := s.Pid(); got != 0 {
		t.Errorf("Pid after Kill = %d, want 0", got)
	}

	s.Restart()
	if got := s.URL(); got != url {
		t.Errorf("URL after Restart = %s, want %s", got, url)
	}
	if got := s.Pid(); got == 0 || got == pid {
		t.Errorf("Pid after Restart = %d, want a new one", got)
	}
	if err := client.Get(t.Context(), "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("GET after Restart: %v, want %v", err, redis.Nil)
	}

	pid = s.Pid()
	s.Restart() // of a running server
	if got := s.Pid(); got == 0 || got == pid {
		t.Errorf("Pid after second Restart = %d, want a new one", got)
	}
}

func TestRestartKeepsDir(t *testing.T) {
	t.Parallel()
	s := redistest.StartServer(t, "--appendonly", "yes", "--appendfsync", "always")
	client := dial(t, s.URL())
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	if got, err := client.Get(t.Context(), "k").Result(); err != nil || got != "v" {
		t.Errorf("GET after Restart = %q, %v; want what was stored before", got, err)
	}
}

func TestStopCont(t *testing.T) {
	t.Parallel()
	s := redistest.StartServer(t)
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	s.Stop()
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	setReadDeadline(t, conn, 50*time.Millisecond)
	if n, err := conn.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read from a stopped server: %q, %v", buf[:n], err)
	}

	s.Cont()
	setReadDeadline(t, conn, 10*time.Second)
	if n, err := conn.Read(buf); err != nil || string(buf[:n]) != "+PONG\r\n" {
		t.Fatalf("read after Cont: %q, %v", buf[:n], err)
	}
	s.Stop() // cleanup has to cope with it
}

func TestReservePort(t *testing.T) {
	t.Parallel()
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(redistest.ReservePort(t)))
	for range 3 {
		wantRefused(t, addr)
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		listener.Close()
		awaitForks()
	}
}

func TestShared(t *testing.T) {
	t.Setenv("TOOLPIT_TEST_REDIS", "")
	if err := dial(t, redistest.Shared(t)).Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
	const url = "redis://redis.invalid:1/2"
	t.Setenv("TOOLPIT_TEST_REDIS", url)
	t.Setenv("PATH", t.TempDir())
	if got := redistest.Shared(t); got != url {
		t.Errorf("Shared = %s, want %s", got, url)
	}
}

func TestNoServer(t *testing.T) {
	const (
		unset = "SKIPPED: no redis-server on PATH and TOOLPIT_TEST_REDIS is unset"
		set   = "SKIPPED: no redis-server on PATH and TOOLPIT_TEST_REDIS cannot stand in for a server of the test's own"
	)
	t.Setenv("PATH", t.TempDir())
	for _, tc := range []struct {
		url, require string
		want         []string
	}{
		{"", "", []string{"skip: " + unset}},
		{"", "browser,redistribution", []string{"skip: " + unset}},
		{"", "redis", []string{"fatal: " + unset}},
		{"", "browser, redis", []string{"fatal: " + unset}},
		{"redis://redis.invalid:1/2", "", []string{"skip: " + set}},
		{"redis://redis.invalid:1/2", "redis", []string{"fatal: " + set}},
	} {
		t.Run(fmt.Sprintf("url=%s,require=%s", tc.url, tc.require), func(t *testing.T) {
			t.Setenv("TOOLPIT_TEST_REDIS", tc.url)
			t.Setenv("TOOLPIT_TEST_REQUIRE", tc.require)
			for _, start := range []func(t testing.TB){
				func(t testing.TB) { redistest.Start(t) },
				func(t testing.TB) { redistest.StartCluster(t) },
				func(t testing.TB) { redistest.StartSentinel(t) },
			} {
				if diff := cmp.Diff(tc.want, record(t, start)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestBadArgs(t *testing.T) {
	t.Parallel()
	needServer(t)
	got := record(t, func(t testing.TB) { redistest.Start(t, "--no-such-option", "1") })
	if len(got) != 2 {
		t.Fatalf("got %q, want a failure and the output", got)
	}
	if want := "fatal: redistest: redis-server exited at start: exit status 1"; got[0] != want {
		t.Errorf("got %q, want %q", got[0], want)
	}
	if !strings.HasPrefix(got[1], "log: ") || !strings.Contains(got[1], "no-such-option") {
		t.Errorf("got %q, want the server's output", got[1])
	}
}

// TestDiesWithParent kills a test binary that has a server running.
func TestDiesWithParent(t *testing.T) {
	if os.Getenv(envHelper) != "" {
		fmt.Println("addr=" + redistest.StartServer(t).Addr())
		select {} // until killed
	}
	t.Parallel()
	needServer(t)
	helper := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDiesWithParent$", "-test.v")
	helper.Env = append(os.Environ(), envHelper+"=1")
	stdout, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	var addr string
	for addr == "" {
		var word string
		if _, err := fmt.Fscan(stdout, &word); err != nil {
			t.Fatalf("helper: %v", err)
		}
		addr, _ = strings.CutPrefix(word, "addr=")
		if addr == word {
			addr = ""
		}
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = helper.Wait()
	// The kernel closes the connection when the server is gone.
	setReadDeadline(t, conn, 10*time.Second)
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read from the orphaned server: %d, %v", n, err)
	}
}

// recorder is a testing.TB that records how it ends instead of ending the test.
type recorder struct {
	testing.TB
	failed   bool
	events   []string
	cleanups []func()
}

func (r *recorder) Helper()           {}
func (r *recorder) Failed() bool      { return r.failed }
func (r *recorder) Cleanup(fn func()) { r.cleanups = append(r.cleanups, fn) }

func (r *recorder) Logf(format string, args ...any) {
	r.events = append(r.events, "log: "+fmt.Sprintf(format, args...))
}

func (r *recorder) Skip(args ...any) {
	r.events = append(r.events, "skip: "+fmt.Sprint(args...))
	panic(r)
}

func (r *recorder) Fatal(args ...any) {
	r.failed = true
	r.events = append(r.events, "fatal: "+fmt.Sprint(args...))
	panic(r)
}

func (r *recorder) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// record runs fn, and the cleanup functions it registers, and returns what it
// told its testing.TB.
func record(t *testing.T, fn func(testing.TB)) []string {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		fn(r)
	}()
	for len(r.cleanups) > 0 {
		last := len(r.cleanups) - 1
		cleanup := r.cleanups[last]
		r.cleanups = r.cleanups[:last]
		cleanup()
	}
	return r.events
}

// needServer skips or fails the test as Start does, if it cannot start a server.
func needServer(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		redistest.Start(t)
	}
}

func dial(t *testing.T, url string) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opts)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// awaitForks waits for children that the other tests are forking: they have a
// listener just closed until they run their programs.
func awaitForks() {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
}

func wantRefused(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err == nil {
		conn.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial %s: %v, want %v", addr, err, syscall.ECONNREFUSED)
	}
}

func setReadDeadline(t *testing.T, conn net.Conn, d time.Duration) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}
