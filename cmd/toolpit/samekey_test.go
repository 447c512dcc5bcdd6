package main_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"toolpit/internal/store/storetest/redistest"
)

// own matches what may differ between the answers to one key.
var own = regexp.MustCompile(`"execution_time_ms":[^,]*,"replica_id":"[^"]*"}\s*$`)

// A thousand requests under one key, sent to two replicas at once, are one
// request, also when one of the replicas dies over it.
func TestAThousandTimesTheSameKey(t *testing.T) {
	const requests = 1000
	for _, tc := range []struct {
		name, path, body, other string
		kill                    bool
	}{
		{"a tool that writes", "/sessions/same/execute", increment, `{"tool":"increment_counter","arguments":{"by":2}}`, false},
		{"a tool that writes, one replica killed", "/sessions/same/execute", increment, `{"tool":"get_counter"}`, true},
		// What it answers is another thing on each replica and at each instant.
		{"a tool that only answers", "/sessions/same/execute", `{"tool":"ping"}`, increment, false},
		{"a tool that only answers, one replica killed", "/sessions/same/execute", `{"tool":"ping"}`, increment, true},
		{"a tool outside sessions", "/execute", `{"tool":"ping"}`, `{"tool":"echo"}`, false},
		{"a creation, one replica killed", "/sessions", `{"labels":{"a":"b"}}`, `{}`, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			store := redistest.Start(t)
			f := &fleet{members: []*process{serve(t, "--store", store), serve(t, "--store", store)}}
			for _, p := range f.members {
				p.ready(t)
			}
			f.members[0].must(t, 201, "POST", "/sessions", "", `{"id":"same"}`)

			var answered atomic.Int64
			answers := make([]answer, requests)
			var clients, ready sync.WaitGroup
			ready.Add(requests)
			transport := &http.Transport{MaxIdleConnsPerHost: requests}
			defer transport.CloseIdleConnections()
			client := &http.Client{Timeout: patience, Transport: transport}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			start := time.Now()
			for i := range requests {
				clients.Go(func() {
					ready.Done()
					ready.Wait()
					for try := 0; ctx.Err() == nil; try++ {
						a, err := send(ctx, client, "POST", f.url(i+try)+tc.path, "the-key", tc.body)
						if err == nil && a.status < 500 {
							answers[i] = a
							answered.Add(1)
							return
						}
					}
				})
			}
			if tc.kill {
				after(t, &answered, 1)
				f.members[0].kill()
				f.replace(0, f.members[1])
			}
			clients.Wait()

			firsts := 0
			want := own.ReplaceAllString(answers[0].body, "")
			for i, a := range answers {
				if a.status != answers[0].status || a.status != http.StatusOK && a.status != http.StatusCreated {
					t.Fatalf("request %d was answered %d %s", i, a.status, a.body)
				}
				if got := own.ReplaceAllString(a.body, ""); got != want {
					t.Fatalf("one request was answered\n%s\nand another\n%s", want, got)
				}
				if a.header.Get("Idempotency-Replayed") == "" {
					firsts++
				}
			}
			t.Logf("%d requests answered in %v, %d as the first; the body is %s", requests, time.Since(start).Round(time.Millisecond), firsts, answers[0].body)
			if firsts > 1 || firsts == 0 && !tc.kill {
				t.Errorf("%d answers say that they are the first", firsts)
			}
			for _, p := range f.members {
				if a := p.must(t, 422, "POST", tc.path, "the-key", tc.other); code(t, a) != "IDEMPOTENCY_KEY_REUSED" {
					t.Errorf("another request under the key was answered %s", a.body)
				}
			}
			p := f.members[1]
			sessions := 1
			switch {
			case tc.path == "/sessions":
				sessions++
			case tc.path != "/execute":
				if body := p.must(t, 200, "GET", "/sessions/same", "", "").body; !strings.Contains(body, `"command_count":1,`) {
					t.Errorf("the session is %s, want one command", body)
				}
			}
			if tc.body == increment {
				if n := value(t, p.must(t, 200, "POST", "/sessions/same/execute", "", `{"tool":"get_counter"}`)); n != 1 {
					t.Errorf("the counter is %d, want 1", n)
				}
			}
			if list := p.must(t, 200, "GET", "/sessions", "", "").body; strings.Count(list, `"ttl_seconds"`) != sessions {
				t.Errorf("the list is %s, want %d", list, sessions)
			}
		})
	}
}
