package basic_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/expr"
	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/tools/basic"
	"toolpit/internal/tools/toolstest"
)

// call executes a tool without a session and returns its result as text.
func call(t *testing.T, name, arguments string) (string, *fault.Error) {
	t.Helper()
	return callWith(t.Context(), t, slog.New(slog.DiscardHandler), name, arguments)
}

func callWith(ctx context.Context, t *testing.T, log *slog.Logger, name, arguments string) (string, *fault.Error) {
	t.Helper()
	registry, err := tools.NewRegistry(basic.Tools())
	if err != nil {
		t.Fatal(err)
	}
	var st tools.Store // nil: without session and key, only get_stats looks at the store
	if name == "get_stats" {
		st = toolstest.OpenStore(t, store.Config{})
	}
	engine := tools.NewEngine(tools.EngineConfig{
		Registry: registry, Store: st, Log: log,
		Replica: tools.Replica{ID: "rep_1", PID: 42, Host: "here", Version: "1.2.3", StartedAt: time.Now().Add(-time.Minute)},
	})
	run, err := engine.Prepare(ctx, tools.Invocation{Owner: "owner", Tool: name, Arguments: []byte(arguments)})
	if err != nil {
		return "", fault.From(err)
	}
	r, err := run.Do(ctx)
	return string(r.Value), fault.From(err)
}

func TestTools_Answer(t *testing.T) {
	t.Parallel()
	family := "\U0001F468\u200d\U0001F469\u200d\U0001F467" // one grapheme of three people
	for _, tt := range []struct{ tool, arguments, want string }{
		{"echo", ``, `{"echoed":{}}`},
		{
			"echo", `{ "b" : 1.50, "a":[ 1e2 ,-0, null],"big":123456789012345678901234567890,"self":"\u00e9\/" }`,
			`{"echoed":{"b":1.50,"a":[1e2,-0,null],"big":123456789012345678901234567890,"self":"\u00e9\/"}}`,
		},
		{"add", `{"a":9223372036854775806,"b":1}`, `{"result":9223372036854775807}`},
		{"add", `{"a":-9223372036854775808,"b":0}`, `{"result":-9223372036854775808}`},
		{"add", `{"a":0.1,"b":0.2}`, `{"result":0.30000000000000004}`},
		{"add", `{"a":1.0,"b":2}`, `{"result":3.0}`},
		{"add", `{"a":100000000000000000000,"b":1}`, `{"result":1e+20}`},
		{"compute", `{"expression":"2 ** 3 ** 2"}`, `{"expression":"2 ** 3 ** 2","result":512}`},
		{"compute", `{"expression":"7 / 2"}`, `{"expression":"7 / 2","result":3.5}`},
		{"compute", `{"operation":"add","a":1,"b":-2}`, `{"expression":"1 + -2","result":-1}`},
		{"compute", `{"operation":"subtract","a":1,"b":2.5}`, `{"expression":"1 - 2.5","result":-1.5}`},
		{"compute", `{"operation":"multiply","a":3,"b":4}`, `{"expression":"3 * 4","result":12}`},
		{"compute", `{"operation":"power","a":-2,"b":2}`, `{"expression":"(-2) ** 2","result":4}`},
		{"compute", `{"operation":"modulo","a":-7,"b":3}`, `{"expression":"-7 % 3","result":2}`},
		{"compute", `{"operation":"floor_divide","a":-7,"b":2}`, `{"expression":"-7 // 2","result":-4}`},
		{"compute", `{"operation":"sqrt","a":2.25}`, `{"expression":"sqrt(2.25)","result":1.5}`},
		{"process_text", `{"text":"ΑΣ ß ﬁ","operation":"upper"}`, `{"original":"ΑΣ ß ﬁ","operation":"upper","result":"ΑΣ SS FI"}`},
		{"process_text", `{"text":"ΟΔΟΣ","operation":"lower"}`, `{"original":"ΟΔΟΣ","operation":"lower","result":"οδος"}`},
		{
			"process_text", `{"text":"a` + family + `b","operation":"reverse"}`,
			`{"original":"a` + family + `b","operation":"reverse","result":"b` + family + `a"}`,
		},
		{
			"process_text", `{"text":"` + family + `","operation":"length"}`,
			`{"original":"` + family + `","operation":"length","result":{"bytes":18,"runes":5,"graphemes":1}}`,
		},
		{"process_text", `{"text":"","operation":"length"}`, `{"original":"","operation":"length","result":{"bytes":0,"runes":0,"graphemes":0}}`},
		{"process_text", `{"text":""}`, `{"original":"","operation":"upper","result":""}`},
	} {
		got, err := call(t, tt.tool, tt.arguments)
		if err != nil {
			t.Errorf("%s %s: %v %v", tt.tool, tt.arguments, err, err.Violations)
			continue
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s %s (-want +got):\n%s", tt.tool, tt.arguments, d)
		}
	}
}

func TestTools_Refuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		tool, arguments string
		code            fault.Code
		pointer         string
		class           string
	}{
		{"add", `{"a":9223372036854775807,"b":1}`, fault.ConstraintViolation, "/arguments", "OverflowError"},
		{"add", `{"a":1e308,"b":1e308}`, fault.ConstraintViolation, "/arguments", "OverflowError"},
		{"compute", `{}`, fault.ConstraintViolation, "/arguments", ""},
		{"compute", `{"expression":"1","operation":"add","a":1,"b":2}`, fault.ConstraintViolation, "/arguments", ""},
		{"compute", `{"expression":"1","b":2}`, fault.ConstraintViolation, "/arguments", ""},
		{"compute", `{"expression":""}`, fault.ConstraintViolation, "/arguments/expression", "SyntaxError"},
		{"compute", `{"expression":"1 +"}`, fault.ConstraintViolation, "/arguments/expression", "SyntaxError"},
		{"compute", `{"expression":"1 // 0"}`, fault.ConstraintViolation, "/arguments/expression", "ZeroDivisionError"},
		{"compute", `{"expression":"9223372036854775807 + 1"}`, fault.ConstraintViolation, "/arguments/expression", "OverflowError"},
		{"compute", `{"expression":"sqr(2)"}`, fault.ConstraintViolation, "/arguments/expression", "NameError"},
		{"compute", `{"expression":"` + strings.Repeat("1", 1025) + `"}`, fault.ConstraintViolation, "/arguments/expression", ""},
		{"compute", `{"operation":"divide","a":1,"b":0}`, fault.ConstraintViolation, "/arguments", "ZeroDivisionError"},
		{"compute", `{"operation":"add","a":1}`, fault.ConstraintViolation, "/arguments/b", ""},
		{"compute", `{"operation":"sqrt","a":1,"b":1}`, fault.ConstraintViolation, "/arguments/b", ""},
		{"compute", `{"operation":"sqrt","a":-1}`, fault.ConstraintViolation, "/arguments/a", "ValueError"},
		{"compute", `{"operation":"add","a":9223372036854775808,"b":1}`, fault.ConstraintViolation, "/arguments/a", "OverflowError"},
		{"compute", `{"operation":"evaluate","a":1,"b":1}`, fault.ConstraintViolation, "/arguments/operation", ""},
		{"process_text", `{"text":"a","operation":"uper"}`, fault.ConstraintViolation, "/arguments/operation", ""},
		{"process_text", `{"text":"` + strings.Repeat("ä", 65537) + `"}`, fault.ConstraintViolation, "/arguments/text", ""},
		{"error_demo", `{"error_type":"validation"}`, fault.ConstraintViolation, "/arguments/error_type", ""},
		{"error_demo", `{"error_type":"unknown"}`, fault.ConstraintViolation, "/arguments/error_type", ""},
	} {
		_, err := call(t, tt.tool, tt.arguments)
		if err == nil || err.Code != tt.code || len(err.Violations) != 1 || err.Violations[0].Pointer != tt.pointer || err.Facts.ErrorType != tt.class {
			t.Errorf("%s %.80s: %+v, want %s %s at %s", tt.tool, tt.arguments, err, tt.code, tt.class, tt.pointer)
		}
	}
}

func TestCompute_SaysWhereTheExpressionIsWrong(t *testing.T) {
	t.Parallel()
	_, err := call(t, "compute", `{"expression":"1 + foo"}`)
	if err == nil || err.Facts.Position == nil || *err.Facts.Position != 4 {
		t.Errorf("got %+v", err)
	}
}

// The schema lists the operations in a tag; this is what keeps it true.
func TestCompute_ListsEveryOperation(t *testing.T) {
	t.Parallel()
	for _, tool := range basic.Tools() {
		if tool.Info().Name != "compute" {
			continue
		}
		var schema struct {
			Properties struct {
				Operation  struct{ Enum []string }
				Expression struct{ MaxLength int }
			}
		}
		if err := json.Unmarshal(tool.Info().InputSchema, &schema); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(append(expr.Operations(), "sqrt"), schema.Properties.Operation.Enum); d != "" {
			t.Errorf("operations (-expr +schema):\n%s", d)
		}
		if schema.Properties.Expression.MaxLength != expr.MaxLength {
			t.Errorf("an expression has %d bytes at most, the schema says %d", expr.MaxLength, schema.Properties.Expression.MaxLength)
		}
	}
}

func TestErrorDemo_FailsInEveryWay(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]struct {
		code  fault.Code
		class string
	}{
		"value": {fault.ToolFailed, "ValueError"}, "runtime": {fault.ToolFailed, "RuntimeError"}, "generic": {fault.ToolFailed, "ToolError"},
		"validation": {fault.ConstraintViolation, ""}, "not_found": {fault.VariableNotFound, ""}, "timeout": {fault.DeadlineExceeded, ""},
		"panic": {fault.ToolPanic, ""}, "unavailable": {fault.StoreUnavailable, ""}, "internal": {fault.Internal, ""},
	} {
		var log bytes.Buffer
		_, err := callWith(t.Context(), t, slog.New(slog.NewTextHandler(&log, nil)), "error_demo", `{"error_type":"`+kind+`"}`)
		if err == nil || err.Code != want.code || err.Facts.ErrorType != want.class {
			t.Errorf("%s: %+v, want %v", kind, err, want)
			continue
		}
		if strings.Contains(err.Detail, "private") {
			t.Errorf("%s: the detail shows the cause: %s", kind, err.Detail)
		}
		if kind == "internal" && !strings.Contains(log.String(), "a private cause") {
			t.Errorf("%s: the cause is not in the log: %s", kind, log.String())
		}
		if kind == "unavailable" && err.RetryAfter == 0 {
			t.Errorf("%s: no time to try again", kind)
		}
		if kind == "timeout" && err.Facts.Phase != "tool" {
			t.Errorf("%s: phase %q", kind, err.Facts.Phase)
		}
	}
}

func TestPing_TellsReplicaAndTime(t *testing.T) {
	t.Parallel()
	before := time.Now()
	raw, err := call(t, "ping", `{"message":"hi"}`)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Message   string
		Timestamp time.Time
		ReplicaID string `json:"replica_id"`
	}
	if err := json.Unmarshal([]byte(raw), &got); err != nil {
		t.Fatal(err)
	}
	if got.Message != "hi" || got.ReplicaID != "rep_1" || got.Timestamp.Before(before) || got.Timestamp.After(time.Now()) || !strings.Contains(raw, `Z"`) {
		t.Errorf("got %s", raw)
	}
}

func TestAdapterInfo_IsDerived(t *testing.T) {
	t.Parallel()
	raw, err := call(t, "adapter_info", ``)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Name, Version string
		Capabilities  []string
		Groups        map[string][]string
	}
	if err := json.Unmarshal([]byte(raw), &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "toolpit" || got.Version != "1.2.3" || len(got.Groups["basic"]) != len(basic.Tools()) {
		t.Errorf("got %s", raw)
	}
	if d := cmp.Diff([]string{"cpu_bound_executions", "idempotency_keys", "sessionless_tools"}, got.Capabilities); d != "" {
		t.Errorf("capabilities (-want +got):\n%s", d)
	}
}

func TestGetStats_Measures(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, ctx := range map[string]context.Context{"in time": t.Context(), "without time": ended} {
		raw, err := callWith(ctx, t, slog.Default(), "get_stats", ``)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			PID           int
			UptimeSeconds float64 `json:"uptime_seconds"`
			Process       *struct {
				ResidentBytes int64    `json:"resident_bytes"`
				CPUPercent    *float64 `json:"cpu_percent"`
			}
			Runtime struct {
				Goroutines int
				HeapBytes  int64 `json:"heap_bytes"`
			}
			Store struct {
				Reachable bool
				PingMS    *float64 `json:"ping_ms"`
			}
		}
		if err := json.Unmarshal([]byte(raw), &got); err != nil {
			t.Fatal(err)
		}
		if got.PID != 42 || got.UptimeSeconds < 60 || got.Runtime.Goroutines < 1 || got.Runtime.HeapBytes < 1 {
			t.Errorf("%s: %s", name, raw)
		}
		if got.Process != nil && (got.Process.ResidentBytes < 1 || (got.Process.CPUPercent != nil) != (name == "in time")) {
			t.Errorf("%s: process %s", name, raw)
		}
		if got.Store.Reachable != (got.Store.PingMS != nil) || name == "in time" && !got.Store.Reachable {
			t.Errorf("%s: store %s", name, raw)
		}
	}
}
