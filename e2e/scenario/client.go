package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	// session is the one whose counter all clients increment.
	session = "e2e"
	// patience bounds what is waited for beside the load.
	patience = 60 * time.Second
)

// reply is a response, read whole.
type reply struct {
	status   int
	replayed bool
	body     string
}

// send makes one request, once: without GetBody net/http does not repeat it by
// itself, so that every failure is seen.
func send(ctx context.Context, client *http.Client, method, url, key, body string) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.GetBody = nil
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }() // read whole, or of no use
	text, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header.Get("Idempotency-Replayed") == "true", string(text)}, err
}

// outcome is what execute answers to increment_counter and get_counter.
type outcome struct {
	Replica string `json:"replica_id"`
	Result  struct {
		Value int64 `json:"value"`
	} `json:"result"`
}

// outcome reads the reply to a call that has to succeed.
func (r reply) outcome() (outcome, error) {
	var o outcome
	if r.status != http.StatusOK {
		return o, fmt.Errorf("answered %d %s", r.status, r.body)
	}
	if err := json.Unmarshal([]byte(r.body), &o); err != nil {
		return o, fmt.Errorf("answered %s: %w", r.body, err)
	}
	return o, nil
}

const increment = `{"tool":"increment_counter"}`

// calls is the route that executes tools in the session.
func calls(url string) string { return url + "/sessions/" + session + "/execute" }

// newClient makes a client that keeps so many connections to each replica, or
// opens one for every request when that is 0. Its requests are bounded: what
// died with its network says nothing any more.
func newClient(connections int, timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:   timeout,
		Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableKeepAlives: connections == 0},
	}
}

// must makes a request again and again until it answers with the status; a
// service that has only just started may take a moment.
func must(t *testing.T, status int, method, url, body string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := send(ctx, http.DefaultClient, method, url, "", body)
		if err == nil && r.status == status {
			return r.body
		}
		if err == nil && r.status < http.StatusInternalServerError {
			t.Fatalf("%s %s answered %d %s, want %d", method, url, r.status, r.body, status)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s %s does not answer %d: %d %s %v", method, url, status, r.status, r.body, err)
		}
	}
}

// begin starts the fleet and makes the session.
func begin(t *testing.T, fleet Fleet) {
	t.Helper()
	for i := range fleet.Size() {
		if err := fleet.Start(t.Context(), i); err != nil {
			t.Fatalf("starting replica %d: %v", i, err)
		}
	}
	create(t, fleet.URL(0))
}

// create makes the session.
func create(t *testing.T, url string) {
	t.Helper()
	must(t, http.StatusCreated, http.MethodPost, url+"/sessions", `{"id":"`+session+`"}`)
}

// counted returns what the store says in the end: the counter, and how many
// executions the session has seen.
func counted(t *testing.T, url string) (counter, commands int64) {
	t.Helper()
	var seen struct {
		Commands int64 `json:"command_count"`
	}
	body := must(t, http.StatusOK, http.MethodGet, url+"/sessions/"+session, "")
	if err := json.Unmarshal([]byte(body), &seen); err != nil {
		t.Fatalf("the session is %s: %v", body, err)
	}
	body = must(t, http.StatusOK, http.MethodPost, calls(url), `{"tool":"get_counter"}`)
	var o outcome
	if err := json.Unmarshal([]byte(body), &o); err != nil {
		t.Fatalf("get_counter answered %s: %v", body, err)
	}
	return o.Result.Value, seen.Commands
}
