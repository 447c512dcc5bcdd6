package scenario

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// standing is a fleet to which nothing is done.
type standing []string

func (s standing) Size() int                              { return len(s) }
func (s standing) URL(i int) string                       { return s[i] }
func (s standing) Start(context.Context, int) error       { return nil }
func (s standing) Kill(context.Context, int) error        { return nil }
func (s standing) Stop(context.Context, int) (int, error) { return 0, nil }

// serve returns the URL of a replica that answers every watch with the status
// and the text and then breaks off. It notes from where it was to go on.
func serve(t *testing.T, from *[]string, status int, text string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*from = append(*from, r.Header.Get("Last-Event-ID"))
		w.WriteHeader(status)
		fmt.Fprint(w, text)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func registered(id int, name string) string {
	return fmt.Sprintf("id: %d-S\nevent: registered\ndata: {\"seq\":%[1]d,\"name\":%[2]q,\"version\":1,\"superseded\":true}\n\n", id, name)
}

func TestWatcherResumes(t *testing.T) {
	one, two, three := registered(1, "a"), registered(2, "b"), registered(3, lastChanged)
	for _, tc := range []struct {
		name    string
		fleet   func(from *[]string) standing
		from    []string
		heard   int
		resumed int
		fault   string // "": none
	}{
		{"on the next replica", func(from *[]string) standing {
			return standing{serve(t, from, 200, one+two[:len(two)-1]), serve(t, from, 200, two+three)}
		}, []string{"", "1-S"}, 3, 1, ""},
		{"beyond those that are not there", func(from *[]string) standing {
			return standing{serve(t, from, 200, one), "", serve(t, from, 503, "{}"), serve(t, from, 200, two+three)}
		}, []string{"", "1-S", "1-S"}, 3, 1, ""},
		{"not where it is refused", func(from *[]string) standing {
			return standing{serve(t, from, 200, one), serve(t, from, 404, "{}")}
		}, []string{"", "1-S"}, 1, 0, "answered 404"},
		{"not after a gap", func(from *[]string) standing {
			return standing{serve(t, from, 200, one), serve(t, from, 200, "id: 2-S\nevent: gap\ndata: {}\n\n")}
		}, []string{"", "1-S"}, 1, 1, `it was told "gap"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var from []string
			client := newClient(1, 0)
			defer client.CloseIdleConnections()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			w := newWatcher(tc.fleet(&from), client, 0)
			err := w.follow(ctx)
			if (err == nil) != (tc.fault == "") || err != nil && !strings.HasPrefix(err.Error(), tc.fault) {
				t.Errorf("%v, want %q", err, tc.fault)
			}
			if d := cmp.Diff(tc.from, from); d != "" {
				t.Errorf("asked from (-want +got):\n%s", d)
			}
			if len(w.heard) != tc.heard || w.resumed != tc.resumed {
				t.Errorf("%d changes, %d streams resumed, want %d and %d", len(w.heard), w.resumed, tc.heard, tc.resumed)
			}
			<-w.follows
		})
	}
}

func TestWatcherEndsInTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := newWatcher(standing{"", ""}, http.DefaultClient, 1).follow(ctx)
	if err == nil || !strings.HasPrefix(err.Error(), "it was told only 0 changes in time") {
		t.Error(err)
	}
}
