package session_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/tools/session"
	"toolpit/internal/tools/toolstest"
	"toolpit/internal/value"
)

// client calls the tools in one session, on a store whose clock it can put
// forward.
type client struct {
	store  store.Store
	engine *tools.Engine
	ref    store.Ref
	ahead  *time.Duration
}

func newClient(t *testing.T) *client {
	t.Helper()
	var ahead time.Duration
	st := toolstest.OpenStore(t, store.Config{Offset: func() time.Duration { return ahead }})
	registry, err := tools.NewRegistry(session.Tools())
	if err != nil {
		t.Fatal(err)
	}
	c := &client{
		store: st, ref: store.Ref{Owner: "owner", ID: "session"}, ahead: &ahead,
		engine: tools.NewEngine(tools.EngineConfig{
			Registry: registry, Store: st, Log: slog.New(slog.DiscardHandler),
			Replica: tools.Replica{ID: "rep_1", PID: 42, Host: "here", StartedAt: time.Unix(1, 0)},
		}),
	}
	c.create(t)
	return c
}

func minted() store.Write { return store.Write{Token: store.MintToken(time.Now()), By: "test"} }

func (c *client) create(t *testing.T) {
	t.Helper()
	if _, err := c.store.Create(t.Context(), c.ref, store.NewSession{Write: minted(), TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
}

func (c *client) put(t *testing.T, name, raw string) {
	t.Helper()
	v, _, found := value.Infer([]byte(raw))
	if found != nil {
		t.Fatal(found)
	}
	if _, err := c.store.Apply(t.Context(), c.ref, store.Unit{Write: minted(), Ops: []store.Op{store.Put(name, v)}}); err != nil {
		t.Fatal(err)
	}
}

func (c *client) try(ctx context.Context, tool, arguments, key string) (string, *fault.Error) {
	run, err := c.engine.Prepare(ctx, tools.Invocation{
		Owner: c.ref.Owner, SessionID: c.ref.ID, Tool: tool, Arguments: []byte(arguments),
		Key: key, Fingerprint: sha256.Sum256([]byte(tool + arguments)),
	})
	if err != nil {
		return "", fault.From(err)
	}
	r, err := run.Do(ctx)
	return string(r.Value), fault.From(err)
}

func (c *client) must(t *testing.T, tool, arguments string) map[string]any {
	t.Helper()
	raw, err := c.try(t.Context(), tool, arguments, "")
	if err != nil {
		t.Fatalf("%s %s: %v", tool, arguments, err)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(raw), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func (c *client) refused(t *testing.T, tool, arguments string, code fault.Code, pointer string) {
	t.Helper()
	_, err := c.try(t.Context(), tool, arguments, "")
	if err == nil || err.Code != code {
		t.Errorf("%s %s: %v, want %s", tool, arguments, err, code)
		return
	}
	if pointer != "" && (len(err.Violations) != 1 || err.Violations[0].Pointer != pointer) {
		t.Errorf("%s %s: %+v, want it at %s", tool, arguments, err.Violations, pointer)
	}
}

func (c *client) variable(t *testing.T, name string) string {
	t.Helper()
	snapshot, err := c.store.Read(t.Context(), c.ref, name)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.Variables[name].Value.JSON()
}

func TestCounter(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, tt := range []struct {
		tool, arguments string
		want            float64
	}{
		{"get_counter", `{}`, 0},
		{"increment_counter", `{}`, 1},
		{"increment_counter", `{"by":5}`, 6},
		{"increment_counter", `{"by":-10}`, -4},
		{"increment_counter", `{"by":2.0,"min":-2,"max":-2}`, -2},
		{"get_counter", ``, -2},
		{"set_counter", `{"value":41}`, 41},
		{"increment_counter", `{"max":42}`, 42},
		{"get_counter", `{}`, 42},
	} {
		if got := c.must(t, tt.tool, tt.arguments)["value"]; got != tt.want {
			t.Errorf("%s %s: %v, want %v", tt.tool, tt.arguments, got, tt.want)
		}
	}
	c.refused(t, "increment_counter", `{"max":42}`, fault.ConstraintViolation, "/arguments/by")
	c.refused(t, "increment_counter", `{"by":-1,"min":42}`, fault.ConstraintViolation, "/arguments/by")
	c.refused(t, "increment_counter", `{"min":3,"max":2}`, fault.ConstraintViolation, "/arguments/min")
	c.refused(t, "set_counter", `{"value":9223372036854775808}`, fault.ConstraintViolation, "/arguments/value")
	c.must(t, "set_counter", fmt.Sprintf(`{"value":%d}`, math.MaxInt64))
	c.refused(t, "increment_counter", `{}`, fault.CounterOverflow, "/arguments/by")
	if got := c.variable(t, "counter"); got != fmt.Sprint(math.MaxInt64) {
		t.Errorf("the counter is %s", got)
	}
}

func TestCounter_OfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.put(t, "counter", `"many"`)
	for _, tt := range []struct{ tool, arguments string }{
		{"get_counter", `{}`}, {"increment_counter", `{}`}, {"set_counter", `{"value":1}`}, {"init_session", `{"reset":true}`},
	} {
		c.refused(t, tt.tool, tt.arguments, fault.TypeMismatch, "")
	}
	if got := c.variable(t, "counter"); got != `"many"` {
		t.Errorf("the variable became %s", got)
	}
	if got, there := c.must(t, "init_session", `{}`)["counter"]; there {
		t.Errorf("init_session says the counter is %v", got)
	}
}

func TestCounter_LosesNothing(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var g errgroup.Group
	for worker := range 8 {
		g.Go(func() error {
			for i := range 25 {
				key := fmt.Sprint(worker, "-", i)
				for range 2 { // every call is repeated
					if _, err := c.try(t.Context(), "increment_counter", `{}`, key); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	s, err := c.store.Get(t.Context(), c.ref)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.variable(t, "counter"); got != "200" || s.Commands != 200 {
		t.Errorf("counter %s, %d executions, want 200 of both", got, s.Commands)
	}
}

func TestInitSession(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	first := c.must(t, "init_session", `{"user_id":"u","config":{"model":"m","temperature":0.70,"big":12345678901234567890}}`)
	start, err := time.Parse(time.RFC3339, first["timestamp"].(string))
	if err != nil || time.Since(start).Abs() > time.Minute || start.Location() != time.UTC {
		t.Errorf("timestamp %v, %v", first["timestamp"], err)
	}
	if v, err := value.Float64(float64(start.UnixMicro()) / 1e6); err != nil || c.variable(t, "session_start_time") != v.JSON() {
		t.Errorf("session_start_time is %s, want %s", c.variable(t, "session_start_time"), v.JSON())
	}
	if got := c.variable(t, "session_metadata"); got != `{"user_id":"u","config":{"model":"m","temperature":0.70,"big":12345678901234567890}}` {
		t.Errorf("session_metadata is %s", got)
	}
	if first["created"] != true || first["counter"] != 0.0 || first["worker_pid"] != 42.0 || first["replica_id"] != "rep_1" || first["session_id"] != "session" {
		t.Errorf("first answer %v", first)
	}

	c.must(t, "increment_counter", `{}`)
	*c.ahead = time.Minute
	again := c.must(t, "init_session", `{}`)
	if again["created"] != false || again["counter"] != 1.0 || again["timestamp"] != first["timestamp"] ||
		!cmp.Equal(again["metadata"], first["metadata"]) {
		t.Errorf("a second time: %v", again)
	}
	other := c.must(t, "init_session", `{"user_id":"v"}`)
	if other["counter"] != 1.0 || !cmp.Equal(other["metadata"], map[string]any{"user_id": "v"}) {
		t.Errorf("with other keywords: %v", other)
	}

	reset := c.must(t, "init_session", `{"reset":true}`)
	if reset["created"] != true || reset["counter"] != 0.0 || reset["timestamp"] == first["timestamp"] || !cmp.Equal(reset["metadata"], map[string]any{}) {
		t.Errorf("after a reset: %v", reset)
	}
	if got := c.variable(t, "session_metadata"); got != "" {
		t.Errorf("session_metadata is %s after a reset", got)
	}
}

func TestCleanup(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	*c.ahead = time.Second // a second that is not the session's: it began later
	c.must(t, "init_session", `{"a":1}`)
	c.must(t, "increment_counter", `{}`)
	*c.ahead += 1500 * time.Millisecond
	summary := c.must(t, "cleanup", `{"keep":true}`)
	if d := summary["duration_ms"].(float64); d < 1500 || d > 60_000 || summary["command_count"] != 3.0 || summary["variables"] != 3.0 || summary["deleted"] != false {
		t.Errorf("kept: %v", summary)
	}

	raw, refused := c.try(t.Context(), "cleanup", `{}`, "key")
	if refused != nil {
		t.Fatal(refused)
	}
	var got struct {
		CommandCount int64 `json:"command_count"`
		Variables    int64
		Deleted      bool
	}
	if err := json.Unmarshal([]byte(raw), &got); err != nil {
		t.Fatal(err)
	}
	if got.CommandCount != 4 || got.Variables != 3 || !got.Deleted {
		t.Errorf("deleted: %s", raw)
	}
	if _, err := c.store.Get(t.Context(), c.ref); fault.CodeOf(err) != fault.SessionNotFound {
		t.Errorf("the session is still there: %v", err)
	}
	if again, err := c.try(t.Context(), "cleanup", `{}`, "key"); err != nil || again != raw {
		t.Errorf("again: %s, %v", again, err)
	}
	c.refused(t, "cleanup", `{}`, fault.SessionNotFound, "")
}

func TestCleanup_CountsFromTheSessionsCreation(t *testing.T) {
	t.Parallel()
	for _, start := range []string{``, `"yesterday"`, `1e300`} {
		c := newClient(t)
		if start != "" {
			c.put(t, "session_start_time", start)
		}
		*c.ahead = 2 * time.Second
		if d := c.must(t, "cleanup", `{}`)["duration_ms"].(float64); d < 2000 || d > 60_000 {
			t.Errorf("started %s: duration %v", start, d)
		}
	}
	c := newClient(t)
	c.put(t, "session_start_time", `99999999999.0`)
	if d := c.must(t, "cleanup", `{}`)["duration_ms"]; d != 0.0 {
		t.Errorf("started in the future: duration %v", d)
	}
}

func TestGetWorkerInfo(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	want := map[string]any{
		"worker_pid": 42.0, "replica_id": "rep_1", "host": "here", "started_at": "1970-01-01T00:00:01Z", "call_number": 7.0, "session_id": "session",
	}
	if d := cmp.Diff(want, c.must(t, "get_worker_info", `{"call_number":7}`)); d != "" {
		t.Errorf("answer (-want +got):\n%s", d)
	}
	c.refused(t, "get_worker_info", `{}`, fault.ConstraintViolation, "/arguments/call_number")
	c.refused(t, "get_worker_info", `{"call_number":-1}`, fault.ConstraintViolation, "/arguments/call_number")
	c.refused(t, "get_worker_info", `{"call_number":1.5}`, fault.TypeMismatch, "/arguments/call_number")
}
