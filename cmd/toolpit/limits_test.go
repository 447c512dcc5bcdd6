package main_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLimitsTakeEffect sets every limit of a session's content by a flag or in
// the file, and meets each.
func TestLimitsTakeEffect(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "toolpit.json")
	const limits = `{"max_tensor_bytes":8,"max_history_versions":3,"max_watchers":1,"max_envelope_bytes":400,"tensor_memory":40000000}`
	if err := os.WriteFile(file, []byte(limits), 0o600); err != nil {
		t.Fatal(err)
	}
	p := serve(t, "--store", "sqlite:"+filepath.Join(dir, "a.db"), "--config", file,
		"--max-value-bytes", "20", "--max-history-bytes", "30", "--drain-delay", "0s")
	p.ready(t)
	const session = "/sessions/s"
	p.must(t, 201, "POST", "/sessions", "", `{"id":"s"}`)

	p.must(t, 201, "PUT", session+"/tensors/x", "", `{"dtype":"u8","shape":[8],"data":[1,2,3,4,5,6,7,8]}`)
	p.must(t, 413, "PUT", session+"/tensors/y", "", `{"dtype":"u8","shape":[9],"data":[1,2,3,4,5,6,7,8,9]}`)

	p.must(t, 201, "PUT", session+"/variables/v", "", `{"value":"`+strings.Repeat("a", 18)+`"}`)
	p.must(t, 413, "PUT", session+"/variables/v", "", `{"value":"`+strings.Repeat("a", 19)+`"}`)

	for name, c := range map[string]struct {
		value string
		kept  int
	}{"few": {`1`, 3}, "large": {`"` + strings.Repeat("a", 18) + `"`, 2}} {
		path := session + "/variables/" + name
		p.must(t, 201, "PUT", path, "", `{"value":`+c.value+`}`)
		for range 4 {
			p.must(t, 200, "PUT", path, "", `{"value":`+c.value+`}`)
		}
		if history := p.must(t, 200, "GET", path+"/history", "", "").body; strings.Count(history, `"version":`) != c.kept {
			t.Errorf("the history of %s is %s, want %d versions", name, history, c.kept)
		}
	}

	p.must(t, 413, "POST", session+"/export", "", "")

	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+session+"/watch", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	watching, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer watching.Body.Close()
	if watching.StatusCode != http.StatusOK {
		t.Fatalf("watching answered %d", watching.StatusCode)
	}
	p.must(t, 503, "GET", session+"/watch", "", "")
}
