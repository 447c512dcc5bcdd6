package server_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

type toolList struct {
	Items []struct {
		Name        string
		Group       string
		InputSchema map[string]any `json:"input_schema"`
		Cost        string
		Examples    []struct{ Arguments json.RawMessage }
	}
	NextCursor string `json:"next_cursor"`
}

func (a *answer) tools() (list toolList) {
	a.t.Helper()
	if err := json.Unmarshal(a.wants(http.StatusOK).body, &list); err != nil {
		a.t.Fatal(err)
	}
	return list
}

func TestListTools(t *testing.T) {
	s := start(t)
	var want []string
	for _, info := range allInfos(t, s) {
		want = append(want, info.Name)
	}
	whole := s.call("GET", "/tools", "").tools()
	if whole.NextCursor != "" {
		t.Error("the whole list has a next page")
	}
	var got []string
	for _, page := range s.pages("/tools?limit=3") {
		for _, item := range page.tools().Items {
			got = append(got, item.Name)
			if len(item.Examples) == 0 || item.InputSchema["type"] != "object" || item.Group == "" {
				t.Errorf("%s is not described: %+v", item.Name, item)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the pages hold %v, want %v", got, want)
	}
	past := s.call("GET", "/tools?cursor=dG9vbDp6eno", "").tools() // tool:zzz
	if len(past.Items) != 0 || past.NextCursor != "" {
		t.Errorf("behind the end there is %+v", past)
	}
	s.call("GET", "/tools?cursor=eHh4", "").refused(400, "INVALID_REQUEST")
}

func TestOneTool(t *testing.T) {
	s := start(t)
	one := s.call("GET", "/tools/increment_counter", "").wants(http.StatusOK)
	if one.raw("requires_session") != "true" || one.raw("cost") != `"light"` {
		t.Errorf("%s", one.body)
	}
	list := s.call("GET", "/tools", "").wants(http.StatusOK)
	if !strings.Contains(string(list.body), strings.TrimSpace(string(one.body))) {
		t.Error("the list describes the tool otherwise")
	}
	for _, path := range []string{"/tools", "/tools?limit=2", "/tools/echo", "/openapi.json", "/openapi.yaml"} {
		t.Run(path, func(t *testing.T) {
			tag := s.call("GET", path, "").wants(http.StatusOK).header.Get("ETag")
			if tag == "" || tag == one.header.Get("ETag") {
				t.Fatalf("ETag %q", tag)
			}
			for header, status := range map[string]int{
				tag: 304, "W/" + tag: 304, "*": 304, `"other", ` + tag: 304, `"other"`: 200, "x": 400, `"open`: 400,
			} {
				a := s.call("GET", path, "", "If-None-Match", header)
				if a.status != status {
					t.Errorf("If-None-Match: %s: status %d, want %d", header, a.status, status)
				}
				if status == 304 && (len(a.body) > 0 || a.header.Get("ETag") != tag || a.header.Get("Cache-Control") != "no-cache") {
					t.Errorf("304 with the body %s and the header %v", a.body, a.header)
				}
			}
		})
	}
	if a := s.call("GET", "/tools/Increment_counter", "").refused(404, "TOOL_NOT_FOUND"); a.raw("suggestions") != `["increment_counter"]` {
		t.Errorf("suggestions %s", a.raw("suggestions"))
	}
}
