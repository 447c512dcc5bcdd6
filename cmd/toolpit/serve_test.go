package main_test

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"toolpit/internal/store/storetest/lateness"
	"toolpit/internal/store/storetest/redistest"
)

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "keys")
	if err := os.WriteFile(bad, []byte("alice:nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	misspelt := filepath.Join(dir, "toolpit.json")
	if err := os.WriteFile(misspelt, []byte(`{"max_variabels":7}`), 0o600); err != nil {
		t.Fatal(err)
	}
	unitless := filepath.Join(dir, "unitless.json")
	if err := os.WriteFile(unitless, []byte(`{"tombstone_ttl":3600}`), 0o600); err != nil {
		t.Fatal(err)
	}
	db := "sqlite:" + filepath.Join(dir, "x.db")
	used, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	for _, tc := range []struct {
		name string
		args []string
		want int
		says string
	}{
		{"version", []string{"version"}, 0, ""},
		{"unknown flag", []string{"serve", "--nonsense"}, 78, "--nonsense"},
		{"unknown store", []string{"serve", "--store", "mysql://u:secret@h"}, 78, "sqlite:"},
		{"ill-formed Redis URL", []string{"serve", "--store", "redis://u:secret@h:p:q"}, 78, "redis://"},
		{"ill-formed URL of sentinels", []string{"serve", "--store", "redis+sentinel://u:secret@h:1"}, 78, "/MASTER"},
		{"ill-formed URL of a Cluster", []string{"serve", "--store", "redis+cluster://u:secret@h:1/0"}, 78, "redis+cluster://"},
		{"reachable without keys", []string{"serve", "--store", db, "--listen", "0.0.0.0:0"}, 78, "--insecure"},
		{"ill-formed key file", []string{"serve", "--store", db, "--api-keys", bad}, 78, "line 1"},
		{"missing key file", []string{"serve", "--store", db, "--api-keys", bad + "x"}, 78, "api-keys"},
		{"folder that cannot be made", []string{"serve", "--store", "sqlite:" + bad + "/x/y.db"}, 78, ""},
		{"misspelt key in the config file", []string{"serve", "--store", db, "--config", misspelt}, 78, "max_variabels"},
		{"duration without a unit in the config file", []string{"serve", "--store", db, "--config", unitless}, 78, "tombstone_ttl"},
		{"evicting Redis", []string{"serve", "--listen", "127.0.0.1:0", "--store", "EVICTING"}, 78, "noeviction"},
		{"Redis with another password", []string{"serve", "--listen", "127.0.0.1:0", "--store", "LOCKED"}, 78, "password"},
		{"SQLite that is to be replicated", []string{"serve", "--store", db, "--durability", "replicated"}, 78, "--durability"},
		{"Redis without a log that is to be synced", []string{"serve", "--listen", "127.0.0.1:0", "--store", "PLAIN", "--durability", "fsync"}, 78, "appendfsync"},
		{"unknown durability", []string{"serve", "--store", db, "--durability", "eternal"}, 78, "--durability"},
		{"address in use", []string{"serve", "--listen", used.Addr().String(), "--store", db}, 1, "listen"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for i, a := range tc.args {
				switch a {
				case "EVICTING":
					tc.args[i] = redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
				case "PLAIN":
					tc.args[i] = redistest.StartServer(t).URL()
				case "LOCKED":
					tc.args[i] = strings.Replace(redistest.Start(t), "redis://", "redis://nobody:secret@", 1)
				}
			}
			cmd := command(t, tc.args...)
			var out bytes.Buffer
			cmd.Stderr = &out
			err := cmd.Run()
			exit, _ := errors.AsType[*exec.ExitError](err)
			code := 0
			if exit != nil {
				code = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if code != tc.want || !strings.Contains(out.String(), tc.says) || strings.Contains(out.String(), "secret") {
				t.Errorf("exit %d, stderr:\n%swant exit %d, %q and no password", code, out.String(), tc.want, tc.says)
			}
		})
	}
}

func TestHelpExplainsEveryFlag(t *testing.T) {
	out, err := command(t, "serve", "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"--listen", "--store", "--api-keys", "--insecure", "TOOLPIT_STORE", "--drain-delay", "--tombstone-ttl", "--idempotency-ttl",
		"--max-tensor-bytes", "TOOLPIT_TENSOR_MEMORY", "--max-history-versions", "--max-history-bytes", "--max-envelope-bytes", "--max-watchers",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("help does not speak of %s", want)
		}
	}
}

func TestFlagsComeFromEnvironmentAndFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "toolpit.json")
	if err := os.WriteFile(file, []byte(`{"replica_id":"from-file","drain_delay":"10ms"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := serve(t, "--store", "sqlite:"+filepath.Join(dir, "a.db"), "--config", file)
	if body := p.must(t, 200, "GET", "/livez", "", "").body; !strings.Contains(body, "from-file") {
		t.Errorf("/livez says %s, want the replica's name from the file", body)
	}
}

func TestDrainFinishesWhatIsUnderWay(t *testing.T) {
	p := serve(t, "--store", "sqlite:"+filepath.Join(t.TempDir(), "a.db"), "--drain-delay", "500ms")
	p.ready(t)
	// A large expression budget is not needed: the stats tool samples the CPU
	// for a moment, which is long enough to be under way.
	type outcome struct {
		a   answer
		err error
	}
	stop := make(chan struct{})
	results := make(chan []outcome, 1)
	go func() {
		var all []outcome
		client := &http.Client{Timeout: patience}
		defer client.CloseIdleConnections()
		for {
			select {
			case <-stop:
				results <- all
				return
			default:
			}
			a, err := send(t.Context(), client, http.MethodPost, p.url+"/execute", "", `{"tool":"get_stats"}`)
			all = append(all, outcome{a, err})
			if err != nil {
				results <- all
				return
			}
		}
	}()
	// While it drains, /readyz says 503 and everything else is served.
	sawDraining := make(chan bool, 1)
	go func() {
		client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
		seen := false
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			a, err := send(t.Context(), client, http.MethodGet, p.url+"/readyz", "", "")
			if err != nil {
				break // the listener is closed
			}
			seen = seen || a.status == http.StatusServiceUnavailable && strings.Contains(a.body, "draining")
		}
		sawDraining <- seen
	}()
	code := p.terminate(t)
	close(stop)
	all := <-results
	for i, o := range all {
		last := i == len(all)-1
		if o.err != nil && last {
			continue // the first request after the listener was closed
		}
		if o.err != nil || o.a.status != http.StatusOK {
			t.Errorf("request %d of %d: %d %s %v", i, len(all), o.a.status, o.a.body, o.err)
		}
	}
	if code != 0 || len(all) < 2 {
		t.Errorf("exit code %d after %d requests, want 0", code, len(all))
	}
	if !<-sawDraining {
		t.Error("/readyz never said that the replica is draining")
	}
}

func TestAStoreThatIsNotThereYetIsWaitedFor(t *testing.T) {
	server := redistest.StartServer(t)
	server.Kill()
	p := serve(t, "--store", server.URL())
	p.must(t, 200, "GET", "/livez", "", "")
	if body := p.must(t, 503, "GET", "/readyz", "", "").body; !strings.Contains(body, "store") {
		t.Errorf("/readyz says %s, want it to name the store", body)
	}
	a := p.must(t, 503, "POST", "/sessions", "", `{}`)
	if a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "STORE_UNAVAILABLE") {
		t.Errorf("without a store: %v %s", a.header, a.body)
	}
	server.Restart()
	p.ready(t)
	p.must(t, 201, "POST", "/sessions", "", `{}`)
}

func TestAHungStoreIsAnsweredInTime(t *testing.T) {
	server := redistest.StartServer(t)
	p := serve(t, "--store", server.URL())
	p.ready(t)
	p.must(t, 201, "POST", "/sessions", "", `{"id":"hung"}`)
	late := lateness.Watch(t)
	server.Stop()
	for _, tc := range []struct{ method, path, body, code string }{
		{"GET", "/sessions/hung", "", "STORE_UNAVAILABLE"},
		{"POST", "/sessions/hung/execute", increment, "OUTCOME_UNKNOWN"},
	} {
		start := time.Now()
		a := p.must(t, 503, tc.method, tc.path, "k1", tc.body)
		if took := time.Since(start); took > outageAnswer(late()) || a.header.Get("Retry-After") == "" || !strings.Contains(a.body, tc.code) {
			t.Errorf("%s %s: %s after %v, want %s and Retry-After within %v", tc.method, tc.path, a.body, took, tc.code, outageAnswer(late()))
		}
	}
	server.Cont()
	// The same key finds out what became of it.
	a := p.must(t, 200, "POST", "/sessions/hung/execute", "k1", increment)
	if !strings.Contains(a.body, `"value":1`) {
		t.Errorf("the repeated increment answers %s, want one effect", a.body)
	}
}
