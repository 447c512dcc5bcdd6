package tools_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/tools"
)

type point struct {
	X int64 `json:"x"`
	Y int64 `json:"y" jsonschema:"default=7"`
}

type everything struct {
	Count    int64    `json:"count" jsonschema:"minimum=1,maximum=10"`
	Ratio    float64  `json:"ratio" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=1"`
	Name     string   `json:"name" jsonschema:"minLength=2,maxLength=5,pattern=^[a-z]+$"`
	Mode     string   `json:"mode" jsonschema:"default=fast,enum=fast,enum=slow"`
	Limit    *int64   `json:"limit"`
	Note     string   `json:"note,omitzero"`
	Tags     []string `json:"tags,omitzero" jsonschema:"minItems=1,maxItems=2,uniqueItems=true"`
	Where    *point   `json:"where"`
	Step     int64    `json:"step" jsonschema:"default=1,multipleOf=5"`
	Anything any      `json:"anything,omitzero"`
}

// The default of step is no multiple of five on purpose: see
// TestNew_Panics. This one is used everywhere else.
type sound struct {
	Count    int64    `json:"count" jsonschema:"minimum=1,maximum=10"`
	Ratio    float64  `json:"ratio" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=1"`
	Name     string   `json:"name" jsonschema:"minLength=2,maxLength=5,pattern=^[a-z]+$"`
	Mode     string   `json:"mode" jsonschema:"default=fast,enum=fast,enum=slow"`
	Limit    *int64   `json:"limit,omitzero"`
	Note     string   `json:"note,omitzero"`
	Tags     []string `json:"tags,omitzero" jsonschema:"minItems=1,maxItems=2,uniqueItems=true"`
	Where    *point   `json:"where,omitzero"`
	Step     int64    `json:"step" jsonschema:"default=5,multipleOf=5"`
	Anything any      `json:"anything,omitzero"`
}

const soundArguments = `"count":3,"ratio":0.5,"name":"abc"`

func soundTool() tools.Tool {
	return reflection[sound](tools.Example("some", `{`+soundArguments+`}`))
}

// Codes, short enough for a table.
const (
	missing    = fault.MissingParameter
	unknown    = fault.UnknownParameter
	mismatch   = fault.TypeMismatch
	constraint = fault.ConstraintViolation
)

var violationCases = []struct {
	name      string
	arguments string
	want      []fault.Violation
}{
	{"fine", `{` + soundArguments + `}`, nil},
	{"integral decimals are integers", `{"count":3.0,"ratio":0.5,"name":"abc","limit":1e3}`, nil},
	{"nothing at all", ``, []fault.Violation{
		{Pointer: "/arguments/count", Code: missing, Detail: `The parameter "count" is missing; expected an integer.`},
		{Pointer: "/arguments/name", Code: missing, Detail: `The parameter "name" is missing; expected a string.`},
		{Pointer: "/arguments/ratio", Code: missing, Detail: `The parameter "ratio" is missing; expected a number.`},
	}},
	{"not an object", `[1]`, []fault.Violation{
		{Pointer: "/arguments", Code: mismatch, Detail: "Expected an object, got an array."},
	}},
	{"null", `null`, []fault.Violation{
		{Pointer: "/arguments", Code: mismatch, Detail: "Expected an object, got null."},
	}},
	{"wrong types", `{"count":"3","ratio":null,"name":["abc"]}`, []fault.Violation{
		{Pointer: "/arguments/count", Code: mismatch, Detail: "Expected an integer, got a string."},
		{Pointer: "/arguments/name", Code: mismatch, Detail: "Expected a string, got an array."},
		{Pointer: "/arguments/ratio", Code: mismatch, Detail: "Expected a number, got null."},
	}},
	{"a fraction for an integer", `{"count":1.5,"ratio":0.5,"name":"abc"}`, []fault.Violation{
		{Pointer: "/arguments/count", Code: mismatch, Detail: "Expected an integer, got a number with a fraction."},
	}},
	{"integers beyond 64 bits", `{"count":9223372036854775808,"ratio":0.5,"name":"abc","limit":1e30}`, []fault.Violation{
		{Pointer: "/arguments/count", Code: constraint, Detail: "Expected an integer of at most 64 bits."},
		{Pointer: "/arguments/limit", Code: constraint, Detail: "Expected an integer of at most 64 bits."},
	}},
	{"null for an optional one", `{` + soundArguments + `,"limit":null}`, []fault.Violation{
		{Pointer: "/arguments/limit", Code: mismatch, Detail: "Expected an integer, got null."},
	}},
	{"bounds", `{"count":11,"ratio":1,"name":"a","step":7,"tags":[]}`, []fault.Violation{
		{Pointer: "/arguments/count", Code: constraint, Detail: "Expected at most 10, got 11."},
		{Pointer: "/arguments/name", Code: constraint, Detail: "Expected at least 2 characters, got 1."},
		{Pointer: "/arguments/ratio", Code: constraint, Detail: "Expected less than 1, got 1."},
		{Pointer: "/arguments/step", Code: constraint, Detail: "Expected a multiple of 5, got 7."},
		{Pointer: "/arguments/tags", Code: constraint, Detail: "Expected at least 1 items, got 0."},
	}},
	{"other bounds", `{"count":0,"ratio":-0.25,"name":"ABCDEF","tags":["a","b","a"]}`, []fault.Violation{
		{Pointer: "/arguments/count", Code: constraint, Detail: "Expected at least 1, got 0."},
		{Pointer: "/arguments/name", Code: constraint, Detail: "Expected at most 5 characters, got 6."},
		{Pointer: "/arguments/name", Code: constraint, Detail: `Expected text that matches ^[a-z]+$, got "ABCDEF".`},
		{Pointer: "/arguments/ratio", Code: constraint, Detail: "Expected more than 0, got -0.25."},
		{Pointer: "/arguments/tags", Code: constraint, Detail: "Expected at most 2 items, got 3."},
		{Pointer: "/arguments/tags", Code: constraint, Detail: "Expected no two equal items, but the items 0 and 2 are."},
	}},
	{"a choice", `{` + soundArguments + `,"mode":"fats"}`, []fault.Violation{
		{Pointer: "/arguments/mode", Code: constraint, Detail: `Expected "fast" or "slow", got "fats"; did you mean "fast"?`},
	}},
	{"unknown names", `{` + soundArguments + `,"Count":1,"nmae":2,"a/b~c":3,"where":{"x":1,"z":2}}`, []fault.Violation{
		{Pointer: "/arguments/Count", Code: unknown, Detail: `There is no parameter "Count"; did you mean "count"?`},
		{Pointer: "/arguments/a~1b~0c", Code: unknown, Detail: `There is no parameter "a/b~c"; there is anything, count, limit, mode, name, note, ratio, step, tags and where.`},
		{Pointer: "/arguments/nmae", Code: unknown, Detail: `There is no parameter "nmae"; did you mean "name"?`},
		{Pointer: "/arguments/where/z", Code: unknown, Detail: `There is no parameter "z"; there is x and y.`},
	}},
	{"inside objects and arrays", `{` + soundArguments + `,"where":{"y":true},"tags":["a",1]}`, []fault.Violation{
		{Pointer: "/arguments/tags/1", Code: mismatch, Detail: "Expected a string, got a number."},
		{Pointer: "/arguments/where/x", Code: missing, Detail: `The parameter "x" is missing; expected an integer.`},
		{Pointer: "/arguments/where/y", Code: mismatch, Detail: "Expected an integer, got a boolean."},
	}},
	{"numbers out of any range", `{"count":1e999999999,"ratio":1e-999999999,"name":"abc","anything":[1e400],"unknown":1e309}`, []fault.Violation{
		{Pointer: "/arguments/count", Code: constraint, Detail: "Expected a number with an exponent of at most 400 either way."},
		{Pointer: "/arguments/ratio", Code: constraint, Detail: "Expected a number with an exponent of at most 400 either way."},
		{Pointer: "/arguments/anything/0", Code: constraint, Detail: "Expected a number within the range of a 64-bit float."},
		{Pointer: "/arguments/unknown", Code: constraint, Detail: "Expected a number within the range of a 64-bit float."},
		{Pointer: "/arguments/unknown", Code: unknown, Detail: `There is no parameter "unknown"; there is anything, count, limit, mode, name, note, ratio, step, tags and where.`},
	}},
	{"a name as long as a novel", `{` + soundArguments + `,"` + strings.Repeat("n", 100_000) + `":1}`, []fault.Violation{
		{Pointer: "/arguments", Code: unknown, Detail: `There is no parameter "` + strings.Repeat("n", 40) + `"…; there is anything, count, limit, mode, name, note, ratio, step, tags and where.`},
	}},
	{"numbers inside such a name", `{` + soundArguments + `,"anything":{"a":{"` + strings.Repeat("n", 100_000) + `":[1e999,1e999,1e999]}}}`, []fault.Violation{
		{Pointer: "/arguments/anything/a", Code: constraint, Detail: "Expected a number with an exponent of at most 400 either way."},
	}},
	{"a number of many digits", `{"ratio":0.5,"name":"abc","count":` + strings.Repeat("1", 100_000) + `}`, []fault.Violation{
		{Pointer: "/arguments/count", Code: constraint, Detail: "Expected a number of at most 1024 characters, got 100000."},
	}},
}

func TestPrepare_ReportsEveryViolationAtItsPointer(t *testing.T) {
	t.Parallel()
	for _, tt := range violationCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := prepare(t, soundTool(), tt.arguments)
			if tt.want == nil {
				if err != nil {
					t.Fatal(err, err.Violations)
				}
				return
			}
			if err == nil {
				t.Fatal("nothing was refused")
			}
			diff(t, tt.want, err.Violations)
			wantCode := fault.ConstraintViolation
			if all(tt.want, func(v fault.Violation) bool { return v.Code == fault.TypeMismatch }) {
				wantCode = fault.TypeMismatch
			}
			diff(t, wantCode, err.Code)
		})
	}
}

func all[T any](list []T, is func(T) bool) bool {
	for _, v := range list {
		if !is(v) {
			return false
		}
	}
	return true
}

func TestPrepare_RefusesWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	for _, tool := range []tools.Tool{soundTool(), free} {
		for _, arguments := range []string{
			`{`, `{"a":1,}`, `{"a":1} ` + `x`, `{"a":1}{}`, `{"a":1,"a":2}`, `{"a":{"b":1,"b":2}}`, "{\"a\":\"\xff\"}", `{"a":01}`, ` `,
			`{"a":` + strings.Repeat("[", tools.MaxDepth) + strings.Repeat("]", tools.MaxDepth) + `}`,
		} {
			err := prepare(t, tool, arguments)
			if err == nil || err.Code != fault.InvalidRequest {
				t.Errorf("%s: %.40q: %v, want %s", tool.Info().Name, arguments, err, fault.InvalidRequest)
			}
		}
	}
}

func TestPrepare_TakesTheDeepestAllowed(t *testing.T) {
	t.Parallel()
	n := tools.MaxDepth - 1 // the arguments themselves are the first level
	if err := prepare(t, free, `{"a":`+strings.Repeat("[", n)+strings.Repeat("]", n)+`}`); err != nil {
		t.Error(err)
	}
}

func TestPrepare_RefusesTooMany(t *testing.T) {
	t.Parallel()
	large := `{"note":"` + strings.Repeat("x", tools.MaxArguments) + `"}`
	err := prepare(t, soundTool(), large)
	if err == nil || err.Code != fault.ValueTooLarge || err.Facts.LimitBytes != tools.MaxArguments {
		t.Errorf("too many bytes: %v", err)
	}

	values := `{"anything":[` + strings.TrimSuffix(strings.Repeat("1,", tools.MaxValues), ",") + `]}`
	err = prepare(t, soundTool(), values)
	if err == nil || err.Code != fault.ConstraintViolation || len(err.Violations) != 1 || err.Violations[0].Pointer != "/arguments" {
		t.Errorf("too many values: %v", err)
	}
	if err := prepare(t, free, values); err != nil {
		t.Errorf("a tool without a schema has no tree to build: %v", err)
	}

	var names strings.Builder
	for i := range 2 * tools.MaxViolations {
		fmt.Fprintf(&names, `,"unknown%d":1`, i)
	}
	err = prepare(t, soundTool(), `{`+soundArguments+names.String()+`}`)
	if err == nil || len(err.Violations) != tools.MaxViolations || !strings.HasPrefix(err.Detail, "More than 100 things") {
		t.Errorf("too many violations: %v", err)
	}
}

// TestPrepare_BoundsItsMemory holds Prepare to a multiple of what it reads.
func TestPrepare_BoundsItsMemory(t *testing.T) { // not parallel: it measures
	fill := func(piece string) string {
		n := (tools.MaxArguments - 40) / len(piece)
		return `{"anything":[` + strings.TrimSuffix(strings.Repeat(piece, n), ",") + `]}`
	}
	pieces := map[string]uint64{
		"[],": 4, "{},": 4, "1,": 4, `"",`: 4, "1e999,": 4, `{"":[]},`: 4, strings.Repeat("9", 1000) + ",": 4,
		// The decoder grows a buffer to tell where it is.
		`{"` + strings.Repeat("n", 100_000) + `":[` + strings.Repeat("1e999,", 1000) + `0]},`: 6,
	}
	for piece, times := range pieces {
		for _, tool := range []tools.Tool{soundTool(), free} {
			arguments := fill(piece)
			engine := engineOf(t, nil, tool)
			inv := tools.Invocation{SessionID: "s", Tool: tool.Info().Name, Arguments: []byte(arguments)}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = engine.Prepare(t.Context(), inv) // refused or not, it is the memory that counts
			runtime.ReadMemStats(&after)
			if used, most := after.TotalAlloc-before.TotalAlloc, times*uint64(len(arguments)); used > most {
				t.Errorf("%.10q: %d bytes for %d", piece, used, len(arguments))
			}
		}
	}
}

func TestDecode_AppliesDefaultsUnderTheArguments(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ arguments, want string }{
		{`{` + soundArguments + `}`, `{"count":3,"ratio":0.5,"name":"abc","mode":"fast","step":5}`},
		{
			`{` + soundArguments + `,"mode":"slow","step":10,"limit":0}`,
			`{"count":3,"ratio":0.5,"name":"abc","mode":"slow","limit":0,"step":10}`,
		},
		{
			`{"count":1e0,"ratio":0.5,"name":"abc","step":15.0,"where":{"x":-9223372036854775808,"y":1}}`,
			`{"count":1,"ratio":0.5,"name":"abc","mode":"fast","where":{"x":-9223372036854775808,"y":1},"step":15}`,
		},
	} {
		got, err := result(t, soundTool(), tt.arguments)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, tt.want, got)
	}
}

func TestDecode_KeepsRawJSONAsItWasWritten(t *testing.T) {
	t.Parallel()
	const arguments = `{"z":1.50,"a":12345678901234567890,"é":"\u00e9\/","n":[1e2,-0]}`
	got, err := result(t, free, arguments)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, arguments, got)
}

type mixed struct {
	Flag bool           `json:"flag" jsonschema:"default=true"`
	Rest jsontext.Value `json:",embed" jsonschema:"-"`
}

func TestDecode_FreeFormStillChecksWhatIsDeclared(t *testing.T) {
	t.Parallel()
	tool := reflection[mixed](tools.FreeForm(), tools.Example("nothing", `{}`))
	got, err := result(t, tool, `{"b":[1],"flag":false,"a":12345678901234567890}`)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, `{"flag":false,"b":[1],"a":12345678901234567890}`, got)
	refused := prepare(t, tool, `{"flag":"yes","other":1}`)
	if refused == nil {
		t.Fatal("nothing was refused")
	}
	diff(t, []fault.Violation{{Pointer: "/arguments/flag", Code: fault.TypeMismatch, Detail: "Expected a boolean, got a string."}}, refused.Violations)
}

// picky is a type with a rule that no schema states.
type picky string

func (p *picky) UnmarshalJSON(raw []byte) error {
	if string(raw) != `"please"` {
		return fault.New(fault.ConstraintViolation, "Expected the magic word.")
	}
	*p = "please"
	return nil
}

func TestDecode_BlamesTheMemberATypeRefuses(t *testing.T) {
	t.Parallel()
	type in struct {
		Words []picky `json:"words"`
	}
	tool := reflection[in](tools.Example("politely", `{"words":["please"]}`))
	refused := prepare(t, tool, `{"words":["please","now"]}`)
	if refused == nil {
		t.Fatal("nothing was refused")
	}
	diff(t, []fault.Violation{{Pointer: "/arguments/words/1", Code: fault.ConstraintViolation, Detail: "Expected the magic word."}}, refused.Violations)
}
