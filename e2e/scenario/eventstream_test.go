package scenario

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestEventStream(t *testing.T) {
	const first = "id: 8\nevent: value_change\ndata: {}\n\n"
	eight := message{"8", "value_change", "{}"}
	cut := errors.New("cut")
	for _, tc := range []struct {
		name, text string
		end        error
		want       []message
		lastID     string
	}{
		{"nothing", "", io.EOF, nil, "7"},
		{"two", "retry: 1000\n\n" + first + ": heartbeat\n\nid: 9\nevent: gap\ndata: {\ndata: }\n\n", io.EOF, []message{eight, {"9", "gap", "{\n}"}}, "9"},
		{"an id and nothing more", first + "id: 12\n\n", cut, []message{eight}, "12"},
		{"without an id of its own", "event: registered\ndata: 1\n\n" + first, cut, []message{{"7", "registered", "1"}, eight}, "8"},
		{"cut before the empty line", first + "id: 9\nevent: value_change\ndata: {}\n", cut, []message{eight}, "8"},
		{"cut in an id", first + "id: 1", cut, []message{eight}, "8"},
		{"too long", first + "data: " + strings.Repeat("x", 1<<20), bufio.ErrTooLong, []message{eight}, "8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var r io.Reader = strings.NewReader(tc.text)
			if errors.Is(tc.end, cut) {
				r = io.MultiReader(r, iotest.ErrReader(cut))
			}
			s := newEventStream(r, "7")
			var got []message
			m, err := s.next()
			for ; err == nil; m, err = s.next() {
				got = append(got, m)
			}
			if !errors.Is(err, tc.end) {
				t.Errorf("the end is %v, want %v", err, tc.end)
			}
			if d := cmp.Diff(tc.want, got, cmp.AllowUnexported(message{})); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if s.lastID != tc.lastID {
				t.Errorf("it resumes after %q, want %q", s.lastID, tc.lastID)
			}
		})
	}
}
