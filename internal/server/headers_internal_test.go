package server

import (
	"net/http"
	"strings"
	"testing"

	"toolpit/internal/fault"
)

// FuzzHeaders reads arbitrary text as each header that is parsed here.
func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{`"a", W/"b" ,,`, "*", `"`, "application/json;q=0.5, */*", ";=,", "Bearer x", "a:b\n#", `W/`, ",", "\x7f\"\xff\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := precondition(&text); err == nil {
			if !m.Given() {
				t.Errorf("If-Match: %q asks for nothing", text)
			}
			for _, tag := range m.Tags {
				if strings.Contains(strings.TrimPrefix(tag, `W/"`), `"`) {
					t.Errorf("If-Match: %q has the tag %q", text, tag)
				}
			}
		} else if fault.CodeOf(err) != fault.InvalidRequest {
			t.Errorf("If-Match: %q: %v", text, err)
		}
		if same, err := unchanged(&text, `"tag"`); err == nil && same && text != "*" && !strings.Contains(text, `"tag"`) && strings.Trim(text, ", \t") != "*" {
			t.Errorf("If-None-Match: %q matches", text)
		}
		if err := acceptsJSON(http.Header{"Accept": {text}}); err != nil && fault.CodeOf(err) != fault.NotAcceptable {
			t.Errorf("Accept: %q: %v", text, err)
		}
		if key, err := idempotencyKey(&text); err == nil && (key == "" || strings.TrimSpace(key) != key) {
			t.Errorf("Idempotency-Key: %q is the key %q", text, key)
		}
		if keys, err := ParseKeys(strings.NewReader(text)); err == nil {
			if _, ok := keys.ownerOf(text); ok {
				t.Errorf("the file %q opens itself", text)
			}
		}
		_ = isJSON(http.Header{"Content-Type": {text}})
		_ = checkQuery(text)
	})
}
