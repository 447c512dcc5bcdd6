package server

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

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

// What is spelled out by hand must be what openapi.yaml writes as a pattern.
func TestNamesAreWhatThePatternsSay(t *testing.T) {
	session := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$`)
	request := regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)
	texts := []string{"", "ü", "a\n", strings.Repeat("z", 128), strings.Repeat("z", 129)}
	for c := range 256 {
		texts = append(texts, string([]byte{byte(c)}), string([]byte{'0', byte(c)}))
	}
	for _, text := range texts {
		if got := isSessionID(text); got != session.MatchString(text) {
			t.Errorf("%q names a session: %t", text, got)
		}
		if got := spelled(text, "._-"); got != request.MatchString(text) {
			t.Errorf("%q names a request: %t", text, got)
		}
	}
}

// Times are written without floats, like floats.
func TestMillisecondsAreThoseOfFloats(t *testing.T) {
	for _, d := range []time.Duration{
		0, 1, 499, 500, 1499, 999_499, 999_500, 1_000_000, 12_345_678, 10_010_000, 100_100_000, time.Hour, -1, math.MaxInt32 * time.Millisecond,
	} {
		ms := inMilliseconds(max(d, 0))
		if got, want := string(appendMilliseconds(nil, d)), strconv.FormatFloat(ms, 'f', 3, 64); got != want {
			t.Errorf("%d ns: %s, want %s", d, got, want)
		}
		if got, want := string(appendShortMilliseconds(nil, d)), strconv.FormatFloat(ms, 'f', -1, 64); got != want {
			t.Errorf("%d ns: %s in short, want %s", d, got, want)
		}
	}
}
