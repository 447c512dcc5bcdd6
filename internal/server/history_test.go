package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestHistory(t *testing.T) {
	s := inSession(t)
	for i := range 4 {
		s.call("PUT", vars+"/x", fmt.Sprintf(`{"value":%d,"metadata":{"n":%d}}`, i+1, i+1))
	}
	values := func(query string) string {
		t.Helper()
		var history struct {
			Items []struct {
				Version, Value int64
				UpdatedBy      string `json:"updated_by"`
				Metadata       json.RawMessage
			}
		}
		if err := json.Unmarshal(s.call("GET", vars+"/x/history"+query, "").wants(200).body, &history); err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, item := range history.Items {
			text += fmt.Sprintf("%d=%d%s ", item.Version, item.Value, item.Metadata)
			if item.UpdatedBy != "http" {
				t.Errorf("version %d is by %s", item.Version, item.UpdatedBy)
			}
		}
		return text
	}
	for query, want := range map[string]string{
		"":                   `4=4{"n":4} 3=3{"n":3} 2=2{"n":2} 1=1{"n":1} `,
		"?limit=2":           `4=4{"n":4} 3=3{"n":3} `,
		"?limit=2&before=3":  `2=2{"n":2} 1=1{"n":1} `,
		"?before=1":          "",
		"?before=99&limit=1": `4=4{"n":4} `,
	} {
		if got := values(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	back := s.call("POST", vars+"/x/rollback", `{"version":2}`).wants(200)
	if back.raw("version") != "5" || back.raw("value") != "2" || back.raw("metadata") != `{"n":2,"rollback_from":2}` {
		t.Errorf("rolled back: %s", back.body)
	}
	if got := s.call("GET", vars+"/x", ""); string(got.body) != string(back.body) || got.header.Get("ETag") != back.header.Get("ETag") {
		t.Errorf("the variable is %s, not %s", got.body, back.body)
	}
	for query, pointer := range map[string]string{
		"limit=0": "limit", "limit=1001": "limit", "limit=01": "limit", "before=0": "before", "before=-1": "before", "before=x": "before", "before=%2B1": "before",
		"before=": "before", "before=1&before=2": "before", "before=99999999999999999999": "before",
	} {
		if a := s.call("GET", vars+"/x/history?"+query, "").refused(400, "INVALID_REQUEST"); a.pointers() != pointer+" INVALID_REQUEST" {
			t.Errorf("%s: pointers %s", query, a.pointers())
		}
	}
	s.call("GET", vars+"/x/history?%zz", "").refused(400, "INVALID_REQUEST")
	s.call("GET", vars+"/none/history", "").refused(404, "VARIABLE_NOT_FOUND")
}

func TestLongHistoryHasPages(t *testing.T) {
	const n = 12
	s := inSession(t)
	for i := range n {
		s.call("PUT", vars+"/x", `{"value":"`+strings.Repeat(string(rune('a'+i)), 250_000)+`"}`)
	}
	seen, pages := int64(n+1), 0
	for query := ""; ; pages++ {
		a := s.call("GET", vars+"/x/history"+query, "").wants(200)
		if len(a.body) > 3<<19 {
			t.Fatalf("a page has %d bytes", len(a.body))
		}
		var page struct {
			Items      []struct{ Version int64 }
			NextBefore int64 `json:"next_before"`
		}
		if err := json.Unmarshal(a.body, &page); err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			if seen--; item.Version != seen {
				t.Fatalf("version %d, want %d", item.Version, seen)
			}
		}
		if page.NextBefore == 0 {
			break
		}
		query = fmt.Sprintf("?before=%d", page.NextBefore)
	}
	if seen != 1 || pages < 2 {
		t.Errorf("%d pages before the last, which ends with version %d", pages, seen)
	}
}

func TestRefusedRollbacks(t *testing.T) {
	s := inSession(t)
	s.call("PUT", vars+"/x", `{"value":5}`).wants(201)
	s.call("PUT", vars+"/x", `{"value":1}`).wants(200)
	s.call("PATCH", vars+"/x", `{"constraints":{"max":2}}`).wants(200)
	s.call("POST", vars+"/x/rollback", `{"version":1}`).refused(422, "CONSTRAINT_VIOLATION")
	s.call("POST", vars+"/x/rollback", `{"version":9}`).refused(404, "VERSION_NOT_FOUND")
	s.call("POST", vars+"/none/rollback", `{"version":1}`).refused(404, "VARIABLE_NOT_FOUND")
	s.call("POST", vars+"/x/rollback", `{}`).refused(400, "MISSING_PARAMETER")
	s.call("POST", vars+"/x/rollback", `{"version":0}`).refused(400, "INVALID_REQUEST")
	if a := s.call("GET", vars+"/x", ""); a.raw("value") != "1" {
		t.Errorf("a refusal changed it: %s", a.body)
	}
}
