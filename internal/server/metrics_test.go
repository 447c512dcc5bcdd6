package server_test

import (
	"strings"
	"testing"
)

// metric returns what a scrape says of a series without labels.
func (r *running) metric(name string) string {
	r.t.Helper()
	for line := range strings.Lines(string(r.call("GET", "/metrics", "").wants(200).body)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	r.t.Fatalf("/metrics has no %s", name)
	return ""
}

func TestMetricsOfWatches(t *testing.T) {
	s := start(t)
	s.session("demo")
	s.put("demo", "x", "1")
	wants := func(watchers, events, gaps string) {
		t.Helper()
		for name, want := range map[string]string{
			"toolpit_watchers": watchers, "toolpit_watch_events_total": events, "toolpit_watch_gaps_total": gaps,
		} {
			if got := s.metric(name); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
	}
	wants("0", "0", "0")
	ahead := s.watch("/sessions/demo/watch?after=9") // of an earlier session
	other := s.watch("/sessions/demo/watch?names=other")
	if got := s.metric("toolpit_watchers"); got != "2" {
		t.Errorf("%s watchers are counted, want 2", got)
	}
	ahead.tells("1 gap from=10 to=1")
	s.put("demo", "x", "2") // which only moves the other's position
	ahead.tells("2 value_change name=x version=2 value=2")
	s.call("DELETE", "/sessions/demo", "").wants(204)
	for _, w := range []*reader{ahead, other} {
		w.tells("session_closed reason=deleted")
		w.ends() // its handler has returned
	}
	wants("0", "4", "1")
}
