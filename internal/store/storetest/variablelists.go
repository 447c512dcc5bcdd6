package storetest

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// testVariableLists is about the list of a session's variables.
func testVariableLists(t *testing.T, open opener) {
	t.Run("variables are listed in the order of their names' bytes, whatever the page size", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		names := []string{"b", "a", "Z", "a.b", "a-b", "ab", "é", "10", "9", "_", "aa", "z"}
		ref := s.create(t, lifetime)
		for i, name := range names { // not in order, and not at once
			s.apply(t, ref, store.Put(name, number(int64(i))))
		}
		s.apply(t, ref, store.Delete("aa"))
		want := slices.DeleteFunc(slices.Sorted(slices.Values(names)), func(name string) bool { return name == "aa" })
		for limit := 1; limit <= len(want)+1; limit++ {
			wantEqual(t, fmt.Sprintf("list by %d", limit), namesOf(s.listVariables(t, ref, store.VariableQuery{Limit: limit})), want)
		}
		for i, name := range want {
			got := namesOf(s.listVariables(t, ref, store.VariableQuery{Limit: 3, After: name}))
			wantEqual(t, "list after "+name, got, want[i+1:])
		}
		wantEqual(t, "list after a name that is not there",
			namesOf(s.listVariables(t, ref, store.VariableQuery{Limit: 100, After: "aa"})), []string{"ab", "b", "z", "é"})
	})

	t.Run("the list shows variables as Read does", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime,
			store.CreateContent("a", store.Content{Value: number(1), Constraints: []byte(`{"min":0}`), Metadata: []byte(`{"k":1}`)}))
		s.apply(t, ref, store.Put("a", number(2)), store.Put("b", text("x")))
		want := s.read(t, ref, "a", "b").Variables
		wantEqual(t, "list", s.listVariables(t, ref, store.VariableQuery{Limit: 10}), []store.Variable{want["a"], want["b"]})
		empty := s.create(t, lifetime)
		wantEqual(t, "list of an empty session", s.listVariables(t, empty, store.VariableQuery{Limit: 10}), []store.Variable(nil))
	})

	t.Run("a list can be narrowed", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		var names []string
		for _, prefix := range []string{"a", "a.b", "a*", "a[", "temp_", "xtemp_", "%", "_", "ä", "b\\"} {
			for i, v := range []value.Value{number(1), text("x"), parsed(t, "1.5")} {
				name := fmt.Sprint(prefix, i)
				names = append(names, name)
				s.apply(t, ref, store.Put(name, v))
			}
		}
		slices.Sort(names)
		types := []value.Type{value.Integer, value.String, value.Float}
		for _, prefix := range []string{"", "a", "a.", "temp_", "tempX", "%", "_", "ä", "a*", "b\\", "zz"} {
			for _, glob := range []string{"", "*", "a*", "?.*", "temp_*", "*1", "[a-b]?", `a\*?`, "a[[]*", "%*", "ä?", "??", "none"} {
				for _, typ := range []value.Type{0, value.String} {
					q := store.VariableQuery{Limit: 4, Prefix: prefix, Glob: glob, Type: typ}
					var want []string
					for _, name := range names {
						matches, err := path.Match(glob, name)
						wantNoError(t, err)
						if strings.HasPrefix(name, prefix) && (glob == "" || matches) && (typ == 0 || types[name[len(name)-1]-'0'] == typ) {
							want = append(want, name)
						}
					}
					wantEqual(t, fmt.Sprintf("list of %+v", q), namesOf(s.listVariables(t, ref, q)), want)
				}
			}
		}
	})

	t.Run("names of any bytes are listed", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		names := slices.Sorted(slices.Values(oddities()))
		names = slices.Compact(names)
		for _, name := range names {
			s.apply(t, ref, store.Put(name, number(1)))
		}
		for _, limit := range []int{1, 7, 1000} {
			wantEqual(t, fmt.Sprintf("list by %d", limit), namesOf(s.listVariables(t, ref, store.VariableQuery{Limit: limit})), names)
		}
		for _, prefix := range names {
			var want []string
			for _, name := range names {
				if strings.HasPrefix(name, prefix) {
					want = append(want, name)
				}
			}
			wantEqual(t, fmt.Sprintf("list of %q", prefix), namesOf(s.listVariables(t, ref, store.VariableQuery{Limit: 100, Prefix: prefix})), want)
		}
	})

	t.Run("a large session is listed whole", func(t *testing.T) {
		t.Parallel()
		const n = 2500
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		s.fill(t, ref, n)
		for _, limit := range []int{100, 1000, 5000} {
			got := namesOf(s.listVariables(t, ref, store.VariableQuery{Limit: limit}))
			if len(got) != n || !slices.IsSorted(got) || len(slices.Compact(got)) != n {
				t.Errorf("by %d, %d variables are listed, want %d in order", limit, len(got), n)
			}
		}
		if got := s.listVariables(t, ref, store.VariableQuery{Limit: 5, Glob: "*24"}); len(got) != n/100 {
			t.Errorf("%d names match, want %d", len(got), n/100)
		}
	})

	t.Run("a page ends where it has enough bytes", func(t *testing.T) {
		t.Parallel()
		const n, size = 12, 250 << 10
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		for i := range n {
			s.apply(t, ref, store.Put(fmt.Sprintf("v%02d", i), text(strings.Repeat("x", size))))
		}
		pages := 0
		for q := (store.VariableQuery{Limit: 100}); ; pages++ {
			page, err := s.ListVariables(t.Context(), ref, q)
			wantNoError(t, err)
			if len(page.Items) > store.PageBytes/size+1 {
				t.Errorf("a page has %d variables of %d bytes", len(page.Items), size)
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		if pages < n/(store.PageBytes/size+1)-1 {
			t.Errorf("the list had %d pages", pages+1)
		}
		for _, q := range []store.VariableQuery{{Limit: 100}, {Limit: 7}, {Limit: 100, Glob: "v*[02468]"}} {
			want := n
			if q.Glob != "" {
				want = n / 2
			}
			if got := len(s.listVariables(t, ref, q)); got != want {
				t.Errorf("%+v lists %d variables, want %d", q, got, want)
			}
		}
	})

	t.Run("queries that no back end may be given are refused", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		for _, q := range []store.VariableQuery{{}, {Limit: -1}, {Limit: 1, Glob: "["}, {Limit: 1, Glob: "a\\"}} {
			_, err := s.ListVariables(t.Context(), ref, q)
			wantCode(t, err, fault.InvalidRequest)
		}
	})
}

// listVariables pages through a list to its end.
func (s *subject) listVariables(t *testing.T, ref store.Ref, q store.VariableQuery) []store.Variable {
	t.Helper()
	const tooOften = 10_000
	var all []store.Variable
	for range tooOften {
		page, err := s.ListVariables(t.Context(), ref, q)
		wantNoError(t, err)
		if len(page.Items) > q.Limit {
			t.Fatalf("a page of %d has %d variables", q.Limit, len(page.Items))
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all
		}
		q.After = page.Next
	}
	t.Fatal("the list has no end")
	return all
}

// fill makes n variables.
func (s *subject) fill(t *testing.T, ref store.Ref, n int) {
	t.Helper()
	var ops []store.Op
	for i := range n {
		ops = append(ops, store.Put(fmt.Sprintf("v%04d", i), number(int64(i))))
	}
	for batch := range slices.Chunk(ops, store.MaxOps) {
		s.apply(t, ref, batch...)
	}
}

// namesOf returns the names of variables.
func namesOf(variables []store.Variable) []string {
	var names []string
	for _, v := range variables {
		names = append(names, v.Name)
	}
	return names
}
