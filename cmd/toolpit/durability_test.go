package main_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"toolpit/internal/store/storetest/lateness"
	"toolpit/internal/store/storetest/redistest"
)

// unready waits until /readyz says 503 and what is given.
func (p *process) unready(t *testing.T, says string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		a, err := send(ctx, http.DefaultClient, http.MethodGet, p.url+"/readyz", "", "")
		if err == nil && a.status == http.StatusServiceUnavailable && strings.Contains(a.body, says) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("/readyz says %d %s, %v; want 503 and %q", a.status, a.body, err, says)
		}
	}
}

// What /readyz promises, a replica that hangs, and one that is gone.
func TestReplicatedIsPromisedAndKept(t *testing.T) {
	master := redistest.StartServer(t, "--repl-diskless-sync-delay", "0")
	p := serve(t, "--store", master.URL(), "--durability", "replicated")
	p.unready(t, `"durability":{"honours":["memory"],"level":"replicated"}`)
	p.unready(t, "Fewer replicas")
	replica := master.StartReplica()
	p.ready(t)
	if body := p.must(t, 200, "GET", "/readyz", "", "").body; !strings.Contains(body, `"durability":{"honours":["memory","replicated"],"level":"replicated"}`) {
		t.Errorf("/readyz says %s", body)
	}

	p.must(t, 201, "POST", "/sessions", "", `{"id":"kept"}`)
	late := lateness.Watch(t)
	replica.Stop()
	for range 2 { // the second is a replay, and no more confirmed than the first
		start := time.Now()
		a := p.must(t, 503, "POST", "/sessions/kept/execute", "k1", increment)
		if took := time.Since(start); took > outageAnswer(late()) || a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "DURABILITY_NOT_REACHED") {
			t.Errorf("with a replica that hangs: %s after %v", a.body, took)
		}
	}
	p.must(t, 200, "GET", "/sessions/kept", "", "") // a read waits for nobody
	replica.Cont()
	a := p.must(t, 200, "POST", "/sessions/kept/execute", "k1", increment)
	if a.header.Get("Idempotency-Replayed") != "true" || !strings.Contains(a.body, `"value":1`) {
		t.Errorf("the repeated increment answers %v %s, want the first one's answer", a.header, a.body)
	}
	if a := p.must(t, 200, "POST", "/sessions/kept/execute", "k2", increment); !strings.Contains(a.body, `"value":2`) {
		t.Errorf("the next increment answers %s", a.body)
	}

	replica.Kill()
	p.unready(t, `"honours":["memory"]`)
	if a := p.must(t, 503, "POST", "/sessions/kept/execute", "k3", increment); !strings.Contains(a.body, "DURABILITY_NOT_REACHED") {
		t.Errorf("without a replica: %s", a.body)
	}
	replica.Restart()
	p.ready(t)
	p.must(t, 200, "POST", "/sessions/kept/execute", "k3", increment)
}

// A promise that an operator takes away while the server runs.
func TestAPromiseThatEndsIsTakenBack(t *testing.T) {
	redis := redistest.StartServer(t, "--appendonly", "yes", "--appendfsync", "always")
	p := serve(t, "--store", redis.URL(), "--durability", "fsync")
	p.ready(t)
	set := func(policy string) {
		conn, err := net.DialTimeout("tcp", redis.Addr(), patience)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("CONFIG SET appendfsync " + policy + "\r\n")); err != nil {
			t.Fatal(err)
		}
		if reply, err := bufio.NewReader(conn).ReadString('\n'); err != nil || reply != "+OK\r\n" {
			t.Fatal(reply, err)
		}
	}
	if body := p.must(t, 200, "GET", "/readyz", "", "").body; !strings.Contains(body, `{"honours":["memory","everysec","fsync"],"level":"fsync"}`) {
		t.Errorf("/readyz says %s", body)
	}
	p.must(t, 201, "POST", "/sessions", "", `{"id":"kept"}`)
	set("everysec")
	p.unready(t, `{"honours":["memory","everysec"],"level":"fsync"}`)
	set("always")
	p.ready(t)
	p.must(t, 200, "POST", "/sessions/kept/execute", "", increment)
}
