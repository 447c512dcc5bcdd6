package variable_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools/toolstest"
	"toolpit/internal/tools/variable"
)

func newClient(t *testing.T) *toolstest.Client {
	t.Helper()
	return toolstest.NewClient(t, variable.Tools())
}

func put(name, raw string) store.Op { return store.PutContent(name, store.Content{JSON: []byte(raw)}) }

// TestValues_ComeBackAsTheyWere registers a value of every type, reads it, and
// compares digit by digit.
func TestValues_ComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for i, tt := range []struct{ typ, given, kept, constraints string }{
		{"boolean", `true`, ``, ``},
		{"integer", `9223372036854775807`, ``, ``},
		{"integer", `2e3`, `2000`, ``},
		{"float", `0.1`, ``, `{"min":0}`},
		{"string", `"é\u0000"`, ``, `{"max_length":2}`},
		{"list", `[1,"two",null,[3.0]]`, ``, ``},
		{"map", `{"b":12345678901234567890123,"a":{"c":1.50}}`, ``, ``},
		{"map", `{"shape":[1],"data":[2]}`, ``, ``},
		{"choice", `"red"`, ``, `{"choices":["red","green"]}`},
		{"integer_list", `[1,-9223372036854775808]`, ``, `{"unique":true}`},
		{"float_list", `[1,2.5]`, `[1.0,2.5]`, ``},
		{"string_list", `["a","b"]`, ``, ``},
		{"embedding", `[3,4]`, `[0.6,0.8]`, `{"normalize":true}`},
	} {
		name := fmt.Sprintf("v%d", i)
		constraints := ""
		if tt.constraints != "" {
			constraints = `,"constraints":` + tt.constraints
		}
		kept := tt.kept
		if kept == "" {
			kept = tt.given
		}
		want := fmt.Sprintf(`{"name":%q,"type":%q,"value":%s,"version":1}`, name, tt.typ, kept)
		c.Gives(t, "register_variable", fmt.Sprintf(`{"name":%q,"type":%q,"initial_value":%s%s}`, name, tt.typ, tt.given, constraints), want)
		c.Gives(t, "get_variable", fmt.Sprintf(`{"name":%q}`, name), want)
	}
}

func TestTypes_AreInferred(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for raw, typ := range map[string]string{
		`true`: "boolean", `1`: "integer", `1.0`: "float", `"1"`: "string", `[]`: "list", `{}`: "map",
		`[1,2]`: "integer_list", `[1,0.5]`: "float_list", `["a"]`: "string_list", `{"shape":[1],"data":[2]}`: "tensor",
	} {
		name := "of_" + typ
		c.Gives(t, "variable_demo", fmt.Sprintf(`{"name":%q,"value":%s}`, name, raw),
			fmt.Sprintf(`{"name":%q,"inferred_type":%q,"type":%q,"version":1,"created":true}`, name, typ, typ))
		c.Gives(t, "set_variable", fmt.Sprintf(`{"name":"set_%s","value":%s}`, typ, raw), fmt.Sprintf(`{"type":%q,"version":1,"created":true}`, typ))
	}
}

func TestRegisterVariable_Refuses(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Apply(t, put("taken", `1`))
	for _, tt := range []struct {
		arguments string
		code      fault.Code
		pointer   string
	}{
		{`{"name":"taken","initial_value":2}`, fault.VariableExists, "/arguments/name"},
		{`{"name":"taken","initial_value":"two","upsert":true}`, fault.TypeMismatch, "/arguments/initial_value"},
		{`{"name":"taken","type":"string","initial_value":"two","upsert":true}`, fault.TypeMismatch, "/arguments/type"},
		{`{"name":"taken","initial_value":2,"constraints":{"min":1},"upsert":true}`, fault.InvalidConstraints, "/arguments/constraints"},
		{`{"name":"v","type":"integer","initial_value":1.5}`, fault.TypeMismatch, "/arguments/initial_value"},
		{`{"name":"v","initial_value":null}`, fault.TypeMismatch, "/arguments/initial_value"},
		{`{"name":"v","initial_value":5,"constraints":{"max":4}}`, fault.ConstraintViolation, "/arguments/initial_value"},
		{`{"name":"v","type":"float_list","initial_value":[1,"x"]}`, fault.TypeMismatch, "/arguments/initial_value/1"},
		{`{"name":"v","initial_value":5,"constraints":{"most":4}}`, fault.InvalidConstraints, "/arguments/constraints/most"},
		{`{"name":"v","type":"string","initial_value":"a","constraints":{"pattern":"("}}`, fault.InvalidConstraints, "/arguments/constraints/pattern"},
		{`{"name":"v","type":"choice","initial_value":"a"}`, fault.InvalidConstraints, "/arguments/constraints/choices"},
		{`{"name":"v","type":"any","initial_value":1}`, fault.ConstraintViolation, "/arguments/type"},
		{`{"name":"no name","initial_value":1}`, fault.ConstraintViolation, "/arguments/name"},
		{`{"name":"","initial_value":1}`, fault.ConstraintViolation, "/arguments/name"},
		{`{"name":"` + strings.Repeat("v", 129) + `","initial_value":1}`, fault.ConstraintViolation, "/arguments/name"},
		{`{"name":"v","initial_value":1,"metadata":{"m":"` + strings.Repeat("x", 5000) + `"}}`, fault.ValueTooLarge, "/arguments/metadata"},
		{`{"name":"v","type":"tensor","initial_value":{"shape":[2],"data":[1]}}`, fault.ConstraintViolation, "/arguments/initial_value/data"},
		{`{"name":"v","initial_value":{"shape":[2],"data":[1,9]},"constraints":{"max":5}}`, fault.ConstraintViolation, "/arguments/initial_value/data/1"},
		{`{"name":"v","type":"tensor","initial_value":7}`, fault.TypeMismatch, "/arguments/initial_value"},
	} {
		c.Refuses(t, "register_variable", tt.arguments, tt.code, tt.pointer)
	}
	c.Gives(t, "list_variables", `{}`, `{"count":1}`)
	c.Gives(t, "register_variable", `{"name":"taken","initial_value":2,"upsert":true}`, `{"value":2,"version":2,"created":false}`)
}

// TestBoundsOfATensor_AreNarrowedByCreatingItAgain has them narrowed as the refusal of a patch says.
func TestBoundsOfATensor_AreNarrowedByCreatingItAgain(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Gives(t, "register_variable", `{"name":"t","initial_value":{"shape":[2],"data":[1,2]},"constraints":{"max":5}}`, `{"version":1}`)
	c.Gives(t, "delete_variable", `{"name":"t"}`, `{}`)
	c.Gives(t, "register_variable", `{"name":"t","type":"tensor","initial_value":{"shape":[0],"data":[],"dtype":"i64"},"constraints":{"max":2}}`, `{"type":"tensor"}`)
	c.Gives(t, "set_variable", `{"name":"t","value":{"shape":[2],"data":[1,2]}}`, `{"created":false}`)
	c.Refuses(t, "set_variable", `{"name":"t","value":{"shape":[2],"data":[1,3]}}`, fault.ConstraintViolation, "/arguments/value/data/1")
}

func TestSetVariable(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Gives(t, "register_variable", `{"name":"v","type":"float","initial_value":1,"constraints":{"max":2},"metadata":{"by":"test"}}`, `{"value":1.0}`)
	c.Gives(t, "set_variable", `{"name":"v","value":2}`, `{"type":"float","value":2.0,"version":2,"created":false}`)
	c.Refuses(t, "set_variable", `{"name":"v","value":3}`, fault.ConstraintViolation, "/arguments/value")
	c.Refuses(t, "set_variable", `{"name":"v","value":"2"}`, fault.TypeMismatch, "/arguments/value")
	c.Refuses(t, "set_variable", `{"name":"v","value":{"shape":[1],"data":[1]}}`, fault.TypeMismatch, "/arguments/value")
	c.Gives(t, "set_variable", `{"name":"grid","value":{"shape":[2],"data":[1,2]}}`, `{"type":"tensor","created":true}`)
	c.Refuses(t, "set_variable", `{"name":"grid","value":{"shape":[2],"data":[1]}}`, fault.ConstraintViolation, "/arguments/value/data")
	c.Refuses(t, "set_variable", `{"name":"grid","value":{"shape":[-1],"data":[1]}}`, fault.ConstraintViolation, "/arguments/value/shape/0")
	c.Gives(t, "set_variables", `{"updates":{"grid":{"shape":[2],"data":[1]}}}`,
		`{"results":{"grid":{"error":{"code":"CONSTRAINT_VIOLATION","detail":"The variable \"grid\" cannot have this value.","errors":[
			{"pointer":"/arguments/updates/grid/data","code":"CONSTRAINT_VIOLATION","detail":"Expected 2 elements for the shape [2], got 1."}]}}}}`)
	c.Refuses(t, "set_variable", `{"name":"v","value":1,"expected_version":1}`, fault.VersionConflict, "/arguments/expected_version")
	c.Refuses(t, "set_variable", `{"name":"v","value":1,"expected_version":0}`, fault.VersionConflict, "/arguments/expected_version")
	c.Gives(t, "set_variable", `{"name":"v","value":1,"expected_version":2}`, `{"version":3}`)
	c.Gives(t, "get_variable", `{"name":"v","include_metadata":true}`,
		`{"type":"float","value":1.0,"version":3,"constraints":{"max":2},"metadata":{"by":"test"},"updated_by":"set_variable"}`)

	c.Apply(t, store.PutContent("object", store.Content{JSON: []byte(`{}`)}))
	c.Gives(t, "set_variable", `{"name":"object","value":{"shape":[1],"data":[2]}}`, `{"type":"map","value":{"shape":[1],"data":[2]},"version":2}`)
	c.Gives(t, "set_variable", `{"name":"huge","value":"`+strings.Repeat("x", 200_000)+`"}`, `{"version":1}`)
}

func TestSetVariable_WritesTensorsUnderTheirConstraints(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Gives(t, "register_variable", `{"name":"t","type":"tensor","initial_value":{"shape":[2,1],"data":[[0.5],[1]]},"constraints":{"max":1,"dtype":"f32"}}`,
		`{"type":"tensor","version":1,"created":true}`)
	var got struct {
		Value struct{ Digest, Dtype string }
	}
	c.Must(t, "get_variable", `{"name":"t"}`, &got)
	if got.Value.Dtype != "f32" {
		t.Errorf("the tensor is of %s", got.Value.Dtype)
	}
	chunk, err := c.Store.Chunk(t.Context(), c.Ref, got.Value.Digest, store.Part{Length: 8}, nil)
	if want := "\x00\x00\x00\x3f\x00\x00\x80\x3f"; err != nil || string(chunk) != want {
		t.Errorf("the bytes are %q, %v, want %q", chunk, err, want)
	}
	c.Refuses(t, "set_variable", `{"name":"t","value":{"shape":[1],"data":[2]}}`, fault.ConstraintViolation, "/arguments/value/data/0")
	c.Gives(t, "set_variable", `{"name":"t","value":{"shape":[1],"data":[-2]}}`, `{"version":2}`)
	c.Gives(t, "set_variable", `{"name":"t","value":{"shape":[0],"data":[]}}`, `{"version":3}`)
	c.Repeats(t, "set_variable", `{"name":"t","value":{"shape":[1],"data":[-3]}}`, func() { c.Apply(t, store.Delete("t")) })
}

func TestSetVariable_UsesTheLockTokenOfTheCaller(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Apply(t, put("v", `1`))
	c.Apply(t, store.AcquireLock("v", store.Lease{Token: "secret", Holder: "somebody", TTL: time.Hour}))
	for _, tool := range []string{"set_variable", "set_variable_with_history", "variable_demo"} {
		arguments := `{"name":"v","value":2}`
		c.Refuses(t, tool, arguments, fault.VariableLocked, "/arguments/name")
		if _, err := c.Try(t, toolstest.Call{Tool: tool, Arguments: arguments, LockToken: "secret"}); err != nil {
			t.Errorf("%s with the token: %v", tool, err)
		}
	}
	c.Refuses(t, "delete_variable", `{"name":"v"}`, fault.VariableLocked, "/arguments/name")
	c.Refuses(t, "rollback_variable", `{"name":"v","version":1}`, fault.VariableLocked, "/arguments/name")
	c.Gives(t, "set_variables", `{"updates":{"v":3,"w":4}}`, `{"successful":["w"],"failed":["v"]}`)
}

func TestSetVariableWithHistory(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	const tool = "set_variable_with_history"
	c.Gives(t, tool, `{"name":"v","value":1,"metadata":{"reason":"first"}}`,
		`{"name":"v","value":1,"previous_value":null,"version":1,"previous_version":0,"metadata":{"reason":"first"}}`)
	c.Gives(t, tool, `{"name":"v","value":9007199254740993}`,
		`{"value":9007199254740993,"previous_value":1,"version":2,"previous_version":1,"metadata":{"reason":"first"}}`)
	c.Refuses(t, tool, `{"name":"v","value":"text"}`, fault.TypeMismatch, "/arguments/value")
	c.Refuses(t, tool, `{"name":"v","value":3,"metadata":{"m":"`+strings.Repeat("x", 5000)+`"}}`, fault.ValueTooLarge, "/arguments/metadata")
	c.Repeats(t, tool, `{"name":"v","value":3}`, func() { c.Apply(t, put("v", `44`)) })

	long := `"` + strings.Repeat("x", 5000) + `"`
	c.Apply(t, put("s", long))
	c.Gives(t, tool, `{"name":"s","value":"short"}`, `{"previous_value":null,"previous_value_omitted":true,"previous_version":1,"version":2}`)
}

func TestGetVariables(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Apply(t, put("a", `1`), put("b", `{"x":1.50}`))
	c.Gives(t, "get_variables", `{"names":["z","b","y","a"]}`,
		`{"variables":{"a":1,"b":{"x":1.50}},"versions":{"a":1,"b":1},"missing":["z","y"],"count":2}`)
	c.Refuses(t, "get_variables", `{"names":["a","a"]}`, fault.ConstraintViolation, "/arguments/names")
	c.Refuses(t, "get_variables", `{"names":[]}`, fault.ConstraintViolation, "/arguments/names")
	c.Refuses(t, "get_variables", `{"names":["a","not a name"]}`, fault.ConstraintViolation, "/arguments/names/1")
	c.Repeats(t, "get_variables", `{"names":["a","c"]}`, func() { c.Apply(t, put("a", `2`), put("c", `3`)) })

	var names []string
	for i := range 5 {
		name := fmt.Sprintf("large%d", i)
		c.Apply(t, put(name, `"`+strings.Repeat("x", 250_000)+`"`))
		names = append(names, `"`+name+`"`)
	}
	c.Gives(t, "get_variables", `{"names":[`+strings.Join(names[:4], ",")+`]}`, `{"count":4}`)
	c.Refuses(t, "get_variables", `{"names":[`+strings.Join(names, ",")+`]}`, fault.ValueTooLarge, "/arguments/names")
}

func TestSetVariables(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Apply(t, put("a", `1`))
	c.Gives(t, "set_variables", `{"updates":{"a":"text","b":2,"d":{"shape":[1],"data":[1]},"e":{"shape":[2],"data":[1]}}}`, `{
		"total":4,"updated_count":2,"failed_count":2,"successful":["b","d"],"failed":["a","e"],
		"results":{
			"a":{"error":{"code":"TYPE_MISMATCH","detail":"The variable \"a\" cannot have this value.",
				"errors":[{"pointer":"/arguments/updates/a","code":"TYPE_MISMATCH","detail":"Expected an integer, got a string."}]}},
			"b":{"version":1},
			"d":{"version":1},
			"e":{"error":{"code":"CONSTRAINT_VIOLATION","detail":"The variable \"e\" cannot have this value.",
				"errors":[{"pointer":"/arguments/updates/e/data","code":"CONSTRAINT_VIOLATION","detail":"Expected 2 elements for the shape [2], got 1."}]}}}}`)
	c.Refuses(t, "set_variables", `{"updates":{"b":3,"a":"text"},"atomic":true}`, fault.TypeMismatch, "/arguments/updates/a")
	c.Gives(t, "get_variables", `{"names":["a","b"]}`, `{"variables":{"a":1,"b":2}}`)
	c.Gives(t, "set_variables", `{"updates":{"b":3,"a":4},"atomic":true}`, `{"successful":["a","b"],"failed":[]}`)
	c.Refuses(t, "set_variables", `{"updates":{}}`, fault.ConstraintViolation, "/arguments/updates")
	c.Refuses(t, "set_variables", `{"updates":{"not a name":1}}`, fault.ConstraintViolation, "/arguments/updates/not a name")
	c.Repeats(t, "set_variables", `{"updates":{"a":5,"b":"no"}}`, func() { c.Apply(t, put("a", `6`), store.Delete("b")) })

	var many []string
	for i := range 129 {
		many = append(many, fmt.Sprintf(`"v%d":%d`, i, i))
	}
	c.Refuses(t, "set_variables", `{"updates":{`+strings.Join(many, ",")+`}}`, fault.ConstraintViolation, "/arguments/updates")
	c.Gives(t, "set_variables", `{"updates":{`+strings.Join(many[:128], ",")+`}}`, `{"updated_count":128,"failed_count":0}`)
}

func TestListVariables(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Apply(t, put("temp_a", `1`), put("temp_b", `2.5`), put("xtemp_1", `3`), put("long", `"`+strings.Repeat("x", 2000)+`"`))
	for arguments, want := range map[string]string{
		`{}`:                                     "long temp_a temp_b xtemp_1",
		`{"pattern":"temp_*"}`:                   "temp_a temp_b",
		`{"pattern":"temp_[b-z]"}`:               "temp_b",
		`{"pattern":"?temp_?"}`:                  "xtemp_1",
		`{"prefix":"temp"}`:                      "temp_a temp_b",
		`{"type":"integer"}`:                     "temp_a xtemp_1",
		`{"type":"integer","prefix":"t"}`:        "temp_a",
		`{"type":"tensor"}`:                      "",
		`{"pattern":"*","prefix":"x","limit":1}`: "xtemp_1",
	} {
		if got := names(t, c, arguments); got != want {
			t.Errorf("%s lists %q, want %q", arguments, got, want)
		}
	}
	var page struct {
		Items      []map[string]any
		NextCursor string `json:"next_cursor"`
	}
	c.Must(t, "list_variables", `{"type":"string"}`, &page)
	if item := page.Items[0]; item["value"] != nil || item["size_bytes"] != 2002.0 || item["updated_by"] != "test" {
		t.Errorf("a large value is listed as %v", item)
	}
	c.Refuses(t, "list_variables", `{"pattern":"["}`, fault.ConstraintViolation, "/arguments/pattern")
	c.Refuses(t, "list_variables", `{"cursor":"%"}`, fault.ConstraintViolation, "/arguments/cursor")
	c.Refuses(t, "list_variables", `{"limit":0}`, fault.ConstraintViolation, "/arguments/limit")
	c.Refuses(t, "list_variables", `{"type":"any"}`, fault.ConstraintViolation, "/arguments/type")
	c.Repeats(t, "list_variables", `{}`, func() { c.Apply(t, put("another", `1`)) })
}

// names lists all pages.
func names(t *testing.T, c *toolstest.Client, arguments string) string {
	t.Helper()
	var all []string
	cursor := ""
	for range 10 {
		var page struct {
			Items []struct{ Name string }
			Next  string `json:"next_cursor"`
		}
		asked := arguments
		if cursor != "" {
			asked = strings.Replace(strings.TrimSuffix(arguments, "}")+`,"cursor":"`+cursor+`"}`, "{,", "{", 1)
		}
		c.Must(t, "list_variables", asked, &page)
		for _, item := range page.Items {
			all = append(all, item.Name)
		}
		if cursor = page.Next; cursor == "" {
			return strings.Join(all, " ")
		}
	}
	t.Fatal("the list has no end")
	return ""
}

func TestListVariables_Pages(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Apply(t, put("a", `1`), put("b", `1`), put("c", `1`), put("d", `1`), put("e", `1`))
	if got := names(t, c, `{"limit":2}`); got != "a b c d e" {
		t.Errorf("pages of two list %q", got)
	}
}

func TestDeleteVariable(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Apply(t, put("v", `1`))
	c.Repeats(t, "delete_variable", `{"name":"v","strict":true}`, func() {})
	c.Gives(t, "delete_variable", `{"name":"v"}`, `{"name":"v","deleted":false}`)
	c.Refuses(t, "delete_variable", `{"name":"v","strict":true}`, fault.VariableNotFound, "/arguments/name")
	c.Refuses(t, "get_variable", `{"name":"v"}`, fault.VariableNotFound, "/arguments/name")
	c.Gives(t, "set_variable", `{"name":"v","value":2}`, `{"version":2,"created":true}`)
	c.Repeats(t, "get_variable", `{"name":"v"}`, func() { c.Apply(t, store.Delete("v")) })
	c.Repeats(t, "get_variable", `{"name":"v"}`, func() { c.Apply(t, put("v", `1`)) })
}

func TestHistoryAndRollback(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Gives(t, "register_variable", `{"name":"v","initial_value":1}`, `{"version":1}`)
	for i := 2; i <= 5; i++ {
		c.Gives(t, "set_variable_with_history", fmt.Sprintf(`{"name":"v","value":%d,"metadata":{"step":%d}}`, i, i), fmt.Sprintf(`{"version":%d}`, i))
	}
	versions := func(arguments, want string) {
		t.Helper()
		var got struct {
			Versions []struct {
				Version, Value int
				UpdatedBy      string `json:"updated_by"`
			}
			Count int
			Next  int `json:"next_before"`
		}
		c.Must(t, "get_variable_history", arguments, &got)
		text := ""
		for _, v := range got.Versions {
			text += fmt.Sprintf("%d=%d ", v.Version, v.Value)
			if v.UpdatedBy == "" {
				t.Errorf("%s: nobody wrote %v", arguments, v)
			}
		}
		if text += fmt.Sprint(got.Next); text != want || got.Count != len(got.Versions) {
			t.Errorf("%s gives %q, want %q", arguments, text, want)
		}
	}
	versions(`{"name":"v"}`, "5=5 4=4 3=3 2=2 1=1 0")
	versions(`{"name":"v","limit":2}`, "5=5 4=4 4")
	versions(`{"name":"v","limit":2,"before":3}`, "2=2 1=1 0")
	c.Repeats(t, "get_variable_history", `{"name":"v"}`, func() {
		c.Gives(t, "rollback_variable", `{"name":"v","version":2,"expected_version":5}`,
			`{"name":"v","value":2,"version":6,"rollback_from":2,"metadata":{"step":2,"rollback_from":2}}`)
	})
	versions(`{"name":"v","limit":1}`, "6=2 6")

	c.Refuses(t, "rollback_variable", `{"name":"v","version":2,"expected_version":5}`, fault.VersionConflict, "/arguments/expected_version")
	c.Refuses(t, "rollback_variable", `{"name":"v","version":77}`, fault.VersionNotFound, "/arguments/version")
	c.Apply(t, store.Patch("v", []byte(`{"max":4}`), nil))
	c.Refuses(t, "rollback_variable", `{"name":"v","version":5}`, fault.ConstraintViolation, "/arguments/version")
	c.Repeats(t, "rollback_variable", `{"name":"v","version":3}`, func() { c.Apply(t, store.Delete("v")) })
}

func TestHistory_EndsWhereValuesAreLarge(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for range 6 {
		c.Apply(t, put("v", `"`+strings.Repeat("x", 250_000)+`"`))
	}
	c.Gives(t, "get_variable_history", `{"name":"v"}`, `{"count":4,"next_before":3}`)
	c.Gives(t, "get_variable_history", `{"name":"v","before":3}`, `{"count":2}`)
}

func TestVariableDemo_ShowsWhatThereWas(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	demo := func(raw string) (versions []int) {
		t.Helper()
		var got struct {
			InferredType string `json:"inferred_type"`
			Type         string
			History      []struct{ Version int }
		}
		c.Must(t, "variable_demo", `{"name":"v","value":`+raw+`}`, &got)
		if got.InferredType != "integer" || got.Type != "float" {
			t.Errorf("%s is inferred to be of %s and became a %s", raw, got.InferredType, got.Type)
		}
		for _, v := range got.History {
			versions = append(versions, v.Version)
		}
		return versions
	}
	c.Apply(t, put("v", `0.5`))
	if got := fmt.Sprint(demo(`1`), demo(`2`)); got != "[2 1] [3 2 1]" {
		t.Errorf("histories %s", got)
	}
	c.Repeats(t, "variable_demo", `{"name":"v","value":7}`, func() { c.Apply(t, put("v", `8`)) })
	c.Refuses(t, "variable_demo", `{"name":"v","value":null}`, fault.TypeMismatch, "/arguments/value")
	c.Refuses(t, "variable_demo", `{"name":"v","value":"text"}`, fault.TypeMismatch, "/arguments/value")
}
