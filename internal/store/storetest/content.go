package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// testContent is about what a variable is given: JSON, constraints, metadata.
func testContent(t *testing.T, open opener) {
	for _, c := range []struct {
		name string
		give store.Content
		typ  value.Type
		want string
	}{
		{"JSON without a type is read as what it seems to be", store.Content{JSON: []byte(" 3 ")}, value.Integer, "3"},
		{"a fraction is a float", store.Content{JSON: []byte("3.0")}, value.Float, "3.0"},
		{"a list of integers is one", store.Content{JSON: []byte("[1, 2]")}, value.IntegerList, "[1,2]"},
		{"a list of texts is one", store.Content{JSON: []byte(`["a", "b"]`)}, value.StringList, `["a","b"]`},
		{"a mixed list is a list", store.Content{JSON: []byte(`[1, "b"]`)}, value.List, `[1,"b"]`},
		{"an object is a map", store.Content{JSON: []byte(`{"b": 1, "a": null}`)}, value.Map, `{"b":1,"a":null}`},
		{"a float takes an integer", store.Content{JSON: []byte("3"), Type: value.Float}, value.Float, "3.0"},
		{"an integer takes a number without a fraction", store.Content{JSON: []byte("2e3"), Type: value.Integer}, value.Integer, "2000"},
		{"a boolean takes a word", store.Content{JSON: []byte(`"true"`), Type: value.Boolean}, value.Boolean, "true"},
		{"constraints convert", store.Content{JSON: []byte("[3, 4]"), Type: value.Embedding, Constraints: []byte(`{"normalize":true}`)}, value.Embedding, "[0.6,0.8]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			for _, op := range []store.Op{store.PutContent("a", c.give), store.CreateContent("a", c.give)} {
				ref := s.create(t, lifetime)
				u := store.Unit{Write: keyed("key", "request"), Ops: []store.Op{op}}
				first := s.applyUnit(t, ref, u)
				if v := first.Results[0].Value; v.Type() != c.typ || v.JSON() != c.want {
					t.Errorf("%c gave the %v %s, want the %v %s", op.Kind, v.Type(), v.JSON(), c.typ, c.want)
				}
				wantEqual(t, "variable as read", s.read(t, ref, "a").Variables["a"], first.Results[0].Variable)
				s.wantReplay(t, ref, u, first)
			}
		})
	}

	t.Run("JSON is converted to the type that a variable has", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		half := parsed(t, "0.5")
		ref := s.create(t, lifetime, store.Put("float", half), store.Put("list", parsed(t, "[1,2.5]")))
		applied := s.apply(t, ref,
			store.PutContent("float", store.Content{JSON: []byte("3")}), store.PutContent("list", store.Content{JSON: []byte("[7]")}))
		for i, want := range []value.Type{value.Float, value.FloatList} {
			if r := applied.Results[i]; r.Value.Type() != want || r.Version != 2 {
				t.Errorf("%q became the %v %s of version %d", r.Name, r.Value.Type(), r.Value.JSON(), r.Version)
			}
		}
		f := s.refuse(t, ref, fault.TypeMismatch, store.PutContent("float", store.Content{JSON: []byte(`"x"`)}))
		wantEqual(t, "pointers", pointers(f), []string{"/value"})
		s.refuse(t, ref, fault.TypeMismatch, store.PutContent("float", store.Content{JSON: []byte("3"), Type: value.Integer}))
		s.refuse(t, ref, fault.TypeMismatch, store.Put("float", number(3)))
		if v := s.read(t, ref, "float").Variables["float"]; v.Version != 2 {
			t.Errorf("refusals made version %d", v.Version)
		}
	})

	for name, c := range map[string]struct {
		json string
		typ  value.Type
		code fault.Code
	}{
		"null":                    {"null", 0, fault.TypeMismatch},
		"a typed null":            {"null", value.String, fault.TypeMismatch},
		"no JSON":                 {"{", 0, fault.InvalidRequest},
		"a name twice":            {`{"a":1,"a":2}`, value.Map, fault.InvalidRequest},
		"a text for an integer":   {`"3"`, value.Integer, fault.TypeMismatch},
		"a tensor without bytes":  {`{"shape":[1],"data":[1]}`, 0, fault.TypeMismatch},
		"an integer beyond range": {"9223372036854775808", value.Integer, ""},
	} {
		t.Run("a new variable cannot be "+name, func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime)
			_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), Ops: []store.Op{
				store.PutContent("a", store.Content{JSON: []byte(c.json), Type: c.typ}),
			}})
			if got := fault.CodeOf(err); err == nil || c.code != "" && got != c.code || got == fault.Internal {
				t.Errorf("got error %v, want %s", err, c.code)
			}
			wantEqual(t, "variables", s.values(t, ref, "a"), map[string]string{})
		})
	}

	t.Run("constraints must fit the type", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		f := s.refuse(t, ref, fault.InvalidConstraints,
			store.PutContent("a", store.Content{JSON: []byte(`"x"`), Constraints: []byte(`{"min":1}`)}))
		wantEqual(t, "pointers", pointers(f), []string{"/constraints/min"})
		f = s.refuse(t, ref, fault.InvalidConstraints,
			store.PutContent("a", store.Content{JSON: []byte(`"x"`), Type: value.Choice})) // lacks its choices
		wantEqual(t, "pointers", pointers(f), []string{"/constraints/choices"})
	})

	t.Run("all that is wrong is told, each with its place", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		f := s.refuse(t, ref, fault.ConstraintViolation, store.Put("other", number(1)), store.PutContent("a", store.Content{
			JSON: []byte("[1,20,3,30]"), Constraints: []byte(`{"items":{"max":10},"max_length":3}`),
		}))
		wantEqual(t, "pointers", slices.Sorted(slices.Values(pointers(f))), []string{"/value", "/value/1", "/value/3"})
		f = s.refuse(t, ref, fault.InvalidConstraints, store.PutContent("a", store.Content{
			JSON: []byte("1"), Constraints: []byte(`{"min":3,"max":2,"minn":1}`),
		}))
		if len(f.Violations) < 1 || !strings.HasPrefix(f.Violations[0].Pointer, "/constraints/") {
			t.Errorf("violations %v", f.Violations)
		}
		wantEqual(t, "variables", s.values(t, ref, "a", "other"), map[string]string{})
	})

	t.Run("a variable is created with constraints and keeps them", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		give := store.Content{Value: number(5), Constraints: []byte(` {"max": 1e1, "min":0}`)}
		const canonical = `{"max":10,"min":0}`
		if got := s.apply(t, ref, store.CreateContent("a", give)).Results[0].Constraints; got != canonical {
			t.Errorf("the constraints are %q, want %q", got, canonical)
		}
		for _, op := range []store.Op{
			store.Put("a", number(11)),
			store.PutContent("a", store.Content{JSON: []byte("11")}),
			store.PutContent("a", store.Content{JSON: []byte("-1"), Constraints: []byte(canonical)}),
		} {
			wantEqual(t, "pointers", pointers(s.refuse(t, ref, fault.ConstraintViolation, op)), []string{"/value"})
		}
		for _, op := range []store.Op{store.Add("a", 6), store.Add("a", -6), store.Add("a", 6).Within(nil, new(int64(100)))} {
			s.refuse(t, ref, fault.ConstraintViolation, op)
		}
		s.refuse(t, ref, fault.ConstraintViolation, store.Add("a", 4).Within(nil, new(int64(8))))
		s.apply(t, ref, store.PutContent("a", store.Content{JSON: []byte("6"), Constraints: []byte(`{"min":0.0,"max":10}`)}))
		s.apply(t, ref, store.Add("a", 4))
		v := s.read(t, ref, "a").Variables["a"]
		if v.Value != number(10) || v.Version != 3 || v.Constraints != canonical {
			t.Errorf("the variable is %+v", v)
		}
	})

	t.Run("other constraints than the variable's are refused", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("free", number(1)),
			store.CreateContent("bound", store.Content{Value: number(1), Constraints: []byte(`{"min":0}`)}))
		for name, constraints := range map[string]string{"free": `{"min":0}`, "bound": `{"min":1}`} {
			f := s.refuse(t, ref, fault.InvalidConstraints, store.PutContent(name, store.Content{JSON: []byte("2"), Constraints: []byte(constraints)}))
			wantEqual(t, "pointers", pointers(f), []string{"/constraints"})
		}
		s.refuse(t, ref, fault.InvalidConstraints, store.PutContent("bound", store.Content{JSON: []byte("2"), Constraints: []byte(`{}`)}))
		s.apply(t, ref, store.PutContent("free", store.Content{JSON: []byte("2"), Constraints: []byte(`{}`)}))
		wantEqual(t, "variables", s.values(t, ref, "free", "bound"), map[string]string{"free": "2", "bound": "1"})
	})

	t.Run("a variable created again has none of its old constraints and metadata", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime,
			store.CreateContent("a", store.Content{Value: number(1), Constraints: []byte(`{"max":1}`), Metadata: []byte(`{"k":1}`)}))
		s.apply(t, ref, store.Delete("a"))
		again := s.apply(t, ref, store.Add("a", 1).StartingAt(5))
		want := store.Variable{Name: "a", Value: number(6), Version: 2, Created: again.At, Updated: again.At, By: "storetest"}
		wantEqual(t, "variable", s.read(t, ref, "a").Variables["a"], want)
	})

	t.Run("metadata stay, and are replaced where they are given", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		for i, c := range []struct {
			op   store.Op
			want string
		}{
			{store.CreateContent("a", store.Content{Value: number(1), Metadata: []byte(` { "unit": "m", "x": null } `)}), `{"unit":"m","x":null}`},
			{store.Put("a", number(2)), `{"unit":"m","x":null}`},
			{store.Add("a", 2), `{"unit":"m","x":null}`},
			{store.PutContent("a", store.Content{JSON: []byte("3"), Metadata: []byte(`{"y":[1, 2]}`)}), `{"y":[1,2]}`},
			{store.PutContent("a", store.Content{JSON: []byte("4"), Metadata: []byte(`{}`)}), ""},
		} {
			r := s.apply(t, ref, c.op).Results[0]
			if r.Metadata != c.want || r.Version != int64(i+1) {
				t.Errorf("version %d has the metadata %s, want %s", r.Version, r.Metadata, c.want)
			}
			wantEqual(t, "variable as read", s.read(t, ref, "a").Variables["a"], r.Variable)
		}
		for _, bad := range []string{"[]", "1", "null", "{", `"x"`} {
			f := s.refuse(t, ref, fault.TypeMismatch, store.PutContent("a", store.Content{JSON: []byte("4"), Metadata: []byte(bad)}))
			wantEqual(t, "pointers", pointers(f), []string{"/metadata"})
		}
	})

	t.Run("metadata have their limit", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		largest := `{"k":"` + strings.Repeat("x", store.MaxMetadata-len(`{"k":""}`)) + `"}`
		larger := largest[:len(largest)-2] + `x"}`
		f := s.refuse(t, ref, fault.ValueTooLarge, store.PutContent("a", store.Content{JSON: []byte("1"), Metadata: []byte(larger)}))
		if f.Facts.LimitBytes != store.MaxMetadata {
			t.Errorf("the limit is said to be %d", f.Facts.LimitBytes)
		}
		s.apply(t, ref, store.PutContent("a", store.Content{JSON: []byte("1"), Metadata: []byte(largest)}))
		s.refuse(t, ref, fault.ValueTooLarge, store.Patch("a", nil, []byte(`{"j":1}`)))
		if v := s.read(t, ref, "a").Variables["a"]; v.Metadata != largest || v.Version != 1 {
			t.Errorf("%d bytes of metadata, version %d", len(v.Metadata), v.Version)
		}
	})

	t.Run("a converted value has its limit", func(t *testing.T) {
		t.Parallel()
		const limit = 100
		s := newSubject(t, open, store.Config{Limits: store.Limits{ValueBytes: limit}})
		ref := s.create(t, lifetime)
		fits := `"` + strings.Repeat("x", limit-2) + `"`
		s.apply(t, ref, store.PutContent("a", store.Content{JSON: []byte("  " + fits + "  ")})) // blanks are not kept
		f := s.refuse(t, ref, fault.ValueTooLarge, store.PutContent("b", store.Content{JSON: []byte(`"x` + fits[1:])}))
		if f.Facts.LimitBytes != limit || f.Facts.Current != limit+1 {
			t.Errorf("limit %d, current %d, want %d, %d", f.Facts.LimitBytes, f.Facts.Current, limit, limit+1)
		}
		wantEqual(t, "variables", s.values(t, ref, "a", "b"), map[string]string{"a": fits})
	})

	t.Run("every type is kept with its constraints", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		for typ, c := range map[value.Type][2]string{
			value.Boolean:     {`true`, `{"strict":true}`},
			value.Integer:     {`-9223372036854775808`, `{"max":0}`},
			value.Float:       {`"NaN"`, `{"allow_special":true}`},
			value.String:      {`"a\u0000é"`, `{"pattern":"^a"}`},
			value.Choice:      {`"b"`, `{"choices":["a","b"]}`},
			value.List:        {`[1,"x",[null]]`, `{"max_depth":2}`},
			value.Map:         {`{"b":1,"a":{}}`, `{"required":["a"]}`},
			value.IntegerList: {`[3,1]`, `{"unique":true}`},
			value.FloatList:   {`[1.5,-2.5]`, `{"items":{"min":-3}}`},
			value.StringList:  {`["","x"]`, `{"max_length":2}`},
			value.Embedding:   {`[0.6,0.8]`, `{"dimensions":2,"normalized":true}`},
		} {
			r := s.apply(t, ref, store.PutContent(typ.String(), store.Content{JSON: []byte(c[0]), Type: typ, Constraints: []byte(c[1])})).Results[0]
			if r.Value.Type() != typ || r.Value.JSON() != c[0] || r.Constraints != c[1] {
				t.Errorf("the %v became the %v %s under %s", typ, r.Value.Type(), r.Value.JSON(), r.Constraints)
			}
			wantEqual(t, "variable as read", s.read(t, ref, typ.String()).Variables[typ.String()], r.Variable)
			// What was kept is good enough to be written again.
			if again := s.apply(t, ref, store.Put(typ.String(), r.Value)).Results[0]; again.Value != r.Value || again.Version != 2 {
				t.Errorf("the %v was written again as %s of version %d", typ, again.Value.JSON(), again.Version)
			}
			wantValue(t, "value in the history", s.history(t, ref, typ.String(), 0, 10)[1].Value, r.Value)
		}
		// Tensors have a section of their own.
		if got, want := s.get(t, ref).Variables, int64(len(value.Types())-1); got != want {
			t.Errorf("%d types were kept, want %d", got, want)
		}
	})

	t.Run("the checks of an operation have an order", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		s.apply(t, ref, store.AcquireLock("a", store.Lease{Token: "mine", TTL: time.Minute}))
		bad := store.Content{JSON: []byte(`"x"`)}
		s.refuse(t, ref, fault.VersionConflict, store.CreateContent("a", bad).IfVersion(9))
		s.refuse(t, ref, fault.VariableLocked, store.CreateContent("a", bad).IfVersion(1))
		_, err := s.Apply(t.Context(), ref, store.Unit{Write: minted(), LockToken: "mine", Ops: []store.Op{store.CreateContent("a", bad)}})
		wantCode(t, err, fault.VariableExists)
		_, err = s.Apply(t.Context(), ref, store.Unit{Write: minted(), LockToken: "mine", Ops: []store.Op{store.PutContent("a", bad)}})
		wantCode(t, err, fault.TypeMismatch)
	})
}

// pointers returns where the violations of a refusal are.
func pointers(f *fault.Error) []string {
	var all []string
	for _, v := range f.Violations {
		all = append(all, v.Pointer)
	}
	return all
}
