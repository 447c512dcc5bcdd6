package store_test

import (
	"errors"
	"strings"
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// variable makes a variable as a back end knows it.
func variable(typ value.Type, json, constraints, metadata string) store.Variable {
	return store.Variable{Name: "a", Value: value.Stored(typ, json), Version: 3, Constraints: constraints, Metadata: metadata}
}

// oneByte is a tensor of one element.
const oneByte = `{"dtype":"u8","shape":[1],"order":"C","bytes":1,"digest":"0000000000000000000000000000000000000000000000000000000000000000"}`

func TestResolve(t *testing.T) {
	none := store.Variable{}
	integer := variable(value.Integer, "5", `{"max":10,"min":0}`, `{"k":{"x":1},"unit":"m"}`)
	choice := variable(value.Choice, `"a"`, `{"choices":["a","b"]}`, "")
	json := func(text string) store.Op { return store.PutContent("a", store.Content{JSON: []byte(text)}) }
	for _, tc := range []struct {
		name string
		op   store.Op
		now  store.Variable
		then *store.Variable
		want store.Resolved
	}{
		{"a value", store.Put("a", value.Int(1)), none, nil, store.Resolved{Value: value.Int(1), Kind: store.Registered}},
		{"an inferred value", json(" [1, 2] "), none, nil, store.Resolved{Value: value.Stored(value.IntegerList, "[1,2]"), Kind: store.Registered}},
		{
			"a value with constraints and metadata",
			store.CreateContent("a", store.Content{JSON: []byte("1"), Type: value.Float, Constraints: []byte(`{"min":0.50}`), Metadata: []byte(`{ "k": 1 }`)}),
			none, nil,
			store.Resolved{Value: value.Stored(value.Float, "1.0"), Constraints: `{"min":0.5}`, Metadata: `{"k":1}`, Kind: store.Registered},
		},
		{
			"a value that is converted", json("1e1"), integer, nil,
			store.Resolved{Value: value.Int(10), Constraints: integer.Constraints, Metadata: integer.Metadata, Kind: store.ValueChanged},
		},
		{
			"equal constraints and empty metadata",
			store.PutContent("a", store.Content{Value: value.Int(0), Constraints: []byte(`{"min":0.0, "max":1e1}`), Metadata: []byte(` {} `)}),
			integer, nil,
			store.Resolved{Value: value.Int(0), Constraints: integer.Constraints, Kind: store.ValueChanged},
		},
		{
			"a choice that says its choices no more", json(`"b"`), choice, nil,
			store.Resolved{Value: value.Stored(value.Choice, `"b"`), Constraints: choice.Constraints, Kind: store.ValueChanged},
		},
		{
			"a patch of metadata", store.Patch("a", nil, []byte(`{"k":{"x":null,"y":2},"unit":null,"n":{"z":null}}`)), integer, nil,
			store.Resolved{Value: integer.Value, Constraints: integer.Constraints, Metadata: `{"k":{"y":2},"n":{}}`, Kind: store.ValueChanged},
		},
		{
			"a patch of constraints", store.Patch("a", []byte(`{"max":5,"min":null}`), nil), integer, nil,
			store.Resolved{Value: integer.Value, Constraints: `{"max":5}`, Metadata: integer.Metadata, Kind: store.ConstraintChanged},
		},
		{
			"a patch that changes nothing", store.Patch("a", []byte(`{"max":10}`), []byte(`{}`)), integer, nil,
			store.Resolved{Value: integer.Value, Constraints: integer.Constraints, Metadata: integer.Metadata, Kind: store.ValueChanged},
		},
		{
			"a rollback", store.Rollback("a", 2), integer, new(variable(value.Integer, "7", "", `{"old":1,"rollback_from":1}`)),
			store.Resolved{Value: value.Int(7), Constraints: integer.Constraints, Metadata: `{"old":1,"rollback_from":2}`, Kind: store.RolledBack},
		},
		{
			"a patch of a tensor's shape", store.Patch("a", []byte(`{"shape":[-1]}`), nil), variable(value.Tensor, oneByte, `{"max":1}`, ""), nil,
			store.Resolved{Value: value.Stored(value.Tensor, oneByte), Constraints: `{"max":1,"shape":[-1]}`, Kind: store.ConstraintChanged},
		},
		{
			"a patch to a wider bound", store.Patch("a", []byte(`{"max":100}`), nil), variable(value.Tensor, oneByte, `{"max":1,"min":0}`, ""), nil,
			store.Resolved{Value: value.Stored(value.Tensor, oneByte), Constraints: `{"max":100,"min":0}`, Kind: store.ConstraintChanged},
		},
		{
			"an addition", store.Add("a", 1).Within(new(int64(-5)), new(int64(7))), integer, nil,
			store.Resolved{
				Value: integer.Value, Constraints: integer.Constraints, Metadata: integer.Metadata, Kind: store.ValueChanged,
				Min: new(int64(0)), Max: new(int64(7)),
			},
		},
		{"an addition to nothing", store.Add("a", 1).Within(new(int64(3)), nil), none, nil, store.Resolved{Kind: store.Registered, Min: new(int64(3))}},
	} {
		got, err := tc.op.Resolve(tc.now, tc.then, store.Limits{}.WithDefaults())
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		for _, bounds := range [][2]*int64{{got.Min, tc.want.Min}, {got.Max, tc.want.Max}} {
			if (bounds[0] == nil) != (bounds[1] == nil) || bounds[0] != nil && *bounds[0] != *bounds[1] {
				t.Errorf("%s: bounds %v and %v", tc.name, got.Min, got.Max)
			}
		}
		got.Min, got.Max, tc.want.Min, tc.want.Max = nil, nil, nil, nil
		if got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	none := store.Variable{}
	integer := variable(value.Integer, "5", `{"max":10,"min":0}`, "")
	content := func(c store.Content) store.Op { return store.PutContent("a", c) }
	tensor, err := value.Descriptor{Dtype: value.U8, Shape: []int64{1}, Order: value.RowMajor, Bytes: 1, Digest: strings.Repeat("0", 64)}.Value()
	if err != nil {
		t.Fatal(err)
	}
	bounded := variable(value.Tensor, tensor.JSON(), `{"max":1}`, "")
	largest := `{"k":"` + strings.Repeat("x", store.MaxMetadata-8) + `"}`
	for _, tc := range []struct {
		name     string
		op       store.Op
		now      store.Variable
		then     *store.Variable
		code     fault.Code
		pointers string
	}{
		{"null", content(store.Content{JSON: []byte("null")}), none, nil, fault.TypeMismatch, "/value"},
		{"no JSON", content(store.Content{JSON: []byte("[")}), none, nil, fault.InvalidRequest, "/value"},
		{"a tensor in JSON", content(store.Content{JSON: []byte(`{"shape":[1],"data":[1]}`)}), none, nil, fault.TypeMismatch, "/value"},
		{"another type", store.Put("a", value.Text("x")), integer, nil, fault.TypeMismatch, ""},
		{"another type, asked for", content(store.Content{JSON: []byte("1"), Type: value.Float}), integer, nil, fault.TypeMismatch, ""},
		{"what does not convert", content(store.Content{JSON: []byte(`"x"`)}), integer, nil, fault.TypeMismatch, "/value"},
		{"a violation", content(store.Content{JSON: []byte("11")}), integer, nil, fault.ConstraintViolation, "/value"},
		{"other constraints", content(store.Content{JSON: []byte("1"), Constraints: []byte(`{}`)}), integer, nil, fault.InvalidConstraints, "/constraints"},
		{"a choice without choices", content(store.Content{JSON: []byte(`"x"`), Type: value.Choice}), none, nil, fault.InvalidConstraints, "/constraints/choices"},
		{"metadata of another kind", content(store.Content{JSON: []byte("1"), Metadata: []byte("[]")}), integer, nil, fault.TypeMismatch, "/metadata"},
		{"metadata that are no JSON", content(store.Content{JSON: []byte("1"), Metadata: []byte(`{"a":}`)}), integer, nil, fault.TypeMismatch, "/metadata"},
		{"elements that nobody judged", content(store.Content{Value: tensor}), bounded, nil, fault.VersionConflict, ""},
		{"a patch of nothing", store.Patch("a", nil, nil), none, nil, fault.VariableNotFound, ""},
		{"a patch that the value violates", store.Patch("a", []byte(`{"max":4}`), nil), integer, nil, fault.ConstraintViolation, "/constraints/max"},
		{"a patch of both bounds that the value violates", store.Patch("a", []byte(`{"min":11,"max":20}`), nil), integer, nil, fault.ConstraintViolation, "/constraints/min"},
		{"a patch that items violate", store.Patch("a", []byte(`{"max_length":1,"items":{"max":5}}`), nil), variable(value.IntegerList, "[1,7]", "", ""), nil, fault.ConstraintViolation, "/constraints/max_length /constraints/items"},
		{"a patch that lacks a member", store.Patch("a", []byte(`{"required":["b/c"]}`), nil), variable(value.Map, `{"a":1}`, "", ""), nil, fault.ConstraintViolation, "/constraints/required"},
		{"a patch that contradicts", store.Patch("a", []byte(`{"min":11}`), nil), integer, nil, fault.InvalidConstraints, "/constraints/min"},
		{"a patch to a narrower bound", store.Patch("a", []byte(`{"max":0.5}`), nil), bounded, nil, fault.InvalidConstraints, "/constraints/max"},
		{"a patch to another bound", store.Patch("a", []byte(`{"max":null,"min":-9}`), nil), bounded, nil, fault.InvalidConstraints, "/constraints/min"},
		{"bounds where there were none", store.Patch("a", []byte(`{"max":2,"min":0}`), nil), variable(value.Tensor, tensor.JSON(), "", ""), nil, fault.InvalidConstraints, "/constraints/min /constraints/max"},
		{"a patch that a tensor violates", store.Patch("a", []byte(`{"dtype":"f64","shape":[-1,-1],"max_elements":1}`), nil), bounded, nil, fault.ConstraintViolation, "/constraints/dtype /constraints/shape"},
		{"a patch to large metadata", store.Patch("a", nil, []byte(`{"j":1}`)), variable(value.Integer, "5", "", largest), nil, fault.ValueTooLarge, ""},
		{"a rollback of nothing", store.Rollback("a", 1), none, &integer, fault.VariableNotFound, ""},
		{"a rollback to nothing", store.Rollback("a", 1), integer, nil, fault.VersionNotFound, ""},
		{"a rollback to another type", store.Rollback("a", 1), integer, new(variable(value.String, `"x"`, "", "")), fault.TypeMismatch, ""},
		{"a rollback to a violation", store.Rollback("a", 1), integer, new(variable(value.Integer, "11", "", "")), fault.ConstraintViolation, "/value"},
		{"a large value", content(store.Content{JSON: []byte(`"` + strings.Repeat("x", 300<<10) + `"`)}), none, nil, fault.ValueTooLarge, ""},
		{"a damaged record", store.Put("a", value.Int(1)), variable(value.Integer, "5", `{"pattern":1}`, ""), nil, fault.Internal, ""},
	} {
		_, err := tc.op.Resolve(tc.now, tc.then, store.Limits{}.WithDefaults())
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Code != tc.code {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.code)
			continue
		}
		var pointers []string
		for _, v := range f.Violations {
			pointers = append(pointers, v.Pointer)
		}
		if got := strings.Join(pointers, " "); got != tc.pointers {
			t.Errorf("%s: pointers %q, want %q", tc.name, got, tc.pointers)
		}
	}
}

func TestVariableQuery(t *testing.T) {
	for _, tc := range []struct {
		q    store.VariableQuery
		want string // of the names below
	}{
		{store.VariableQuery{}, "a ab a.b b é"},
		{store.VariableQuery{Prefix: "a"}, "a ab a.b"},
		{store.VariableQuery{Glob: "a*"}, "a ab a.b"},
		{store.VariableQuery{Glob: "?"}, "a b é"},
		{store.VariableQuery{Glob: "a?", Prefix: "a"}, "ab"},
		{store.VariableQuery{Glob: "[ab]", Prefix: "b"}, "b"},
		{store.VariableQuery{Prefix: "c"}, ""},
		{store.VariableQuery{Glob: "A"}, ""},
	} {
		tc.q.Limit = 1
		var got []string
		for _, name := range []string{"a", "ab", "a.b", "b", "é"} {
			if tc.q.Wants(name) {
				got = append(got, name)
			}
		}
		if err := tc.q.Check(); err != nil || strings.Join(got, " ") != tc.want {
			t.Errorf("%+v wants %v, %v", tc.q, got, err)
		}
	}
	for _, q := range []store.VariableQuery{{}, {Limit: -1}, {Limit: 1, Glob: "["}, {Limit: 1, Glob: `\`}} {
		if err := q.Check(); !errors.Is(err, fault.InvalidRequest) {
			t.Errorf("%+v: %v, want INVALID_REQUEST", q, err)
		}
	}
}
