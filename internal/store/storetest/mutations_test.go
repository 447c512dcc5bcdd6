package storetest

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"testing"
	"time"

	"toolpit/internal/store"
)

// recorder is a store that only notes what it is asked for.
type recorder struct {
	methods map[string]bool
	kinds   map[byte]bool // of operations and of records
}

func (r *recorder) Create(context.Context, store.Ref, store.NewSession) (store.Created, error) {
	r.methods["Create"] = true
	return store.Created{}, nil
}

func (r *recorder) Get(context.Context, store.Ref) (store.Session, error) {
	r.methods["Get"] = true
	return store.Session{}, nil
}

func (r *recorder) Touch(context.Context, store.Ref, store.Write) (store.Changed, error) {
	r.methods["Touch"] = true
	return store.Changed{}, nil
}

func (r *recorder) Update(context.Context, store.Ref, store.SessionUpdate) (store.Changed, error) {
	r.methods["Update"] = true
	return store.Changed{}, nil
}

func (r *recorder) Remove(context.Context, store.Ref, store.SessionRemoval) (store.Removed, error) {
	r.methods["Remove"] = true
	return store.Removed{}, nil
}

func (r *recorder) List(context.Context, string, store.Page) (store.SessionPage, error) {
	r.methods["List"] = true
	return store.SessionPage{}, nil
}

func (r *recorder) Fork(context.Context, store.Ref, store.Ref, store.NewSession) (store.Created, error) {
	r.methods["Fork"] = true
	return store.Created{}, nil
}

func (r *recorder) Usage(context.Context, store.Ref) (store.Usage, error) {
	r.methods["Usage"] = true
	return store.Usage{}, nil
}

func (r *recorder) Read(context.Context, store.Ref, ...string) (store.Snapshot, error) {
	r.methods["Read"] = true
	return store.Snapshot{}, nil
}

func (r *recorder) ReadPart(context.Context, store.Ref, int64, ...string) (store.Snapshot, error) {
	r.methods["ReadPart"] = true
	return store.Snapshot{}, nil
}

func (r *recorder) Apply(_ context.Context, _ store.Ref, u store.Unit) (store.Applied, error) {
	r.methods["Apply"] = true
	kind := u.Kind
	if kind == 0 {
		kind = store.Effect
	}
	r.kinds[byte(kind)] = true
	for _, op := range u.Ops {
		r.kinds[byte(op.Kind)] = true
	}
	return store.Applied{}, nil
}

func (r *recorder) ListVariables(context.Context, store.Ref, store.VariableQuery) (store.VariablePage, error) {
	r.methods["ListVariables"] = true
	return store.VariablePage{}, nil
}

func (r *recorder) History(context.Context, store.Ref, string, int64, int) (store.VersionPage, error) {
	r.methods["History"] = true
	return store.VersionPage{}, nil
}

func (r *recorder) Stage(context.Context, store.Ref, store.Upload, int64, []byte) error {
	r.methods["Stage"] = true
	return nil
}

func (r *recorder) Discard(context.Context, store.Ref, store.Upload) error {
	r.methods["Discard"] = true
	return nil
}

func (r *recorder) Chunk(context.Context, store.Ref, string, store.Part, []byte) ([]byte, error) {
	r.methods["Chunk"] = true
	return newTensor(10, 1).bytes, nil // the query looks at them
}

func (r *recorder) Follow(context.Context, store.Ref, int64, int) (store.Followed, error) {
	r.methods["Follow"] = true
	return store.Followed{}, nil
}

func (r *recorder) Changes(context.Context, store.Ref, int64, int) ([]store.Change, error) {
	r.methods["Changes"] = true
	return nil, nil
}

func (r *recorder) Recall(context.Context, string, store.Write) ([]byte, bool, error) {
	r.methods["Recall"] = true
	return nil, false, nil
}

func (r *recorder) Remember(context.Context, string, store.Write, []byte) (store.Remembered, error) {
	r.methods["Remember"] = true
	return store.Remembered{}, nil
}

func (r *recorder) Now(context.Context) (time.Time, error) {
	r.methods["Now"] = true
	return time.Time{}, nil
}

func (r *recorder) Check(context.Context) error { r.methods["Check"] = true; return nil }

func (r *recorder) Honours(context.Context) ([]store.Durability, error) {
	r.methods["Honours"] = true
	return []store.Durability{store.Memory}, nil
}

// Sweep and Close mutate nothing that has a token, and Listen waits.
func (r *recorder) Listen(context.Context, func(store.Ref)) error { return nil }
func (r *recorder) Sweep(context.Context) (store.Swept, error)    { return store.Swept{}, nil }
func (r *recorder) Close() error                                  { return nil }

// What is proved of every call is proved of mutations and queries: a method, a
// kind of operation or of record that is in neither would be left out.
func TestNothingIsLeftOut(t *testing.T) {
	r := &recorder{methods: map[string]bool{"Sweep": true, "Close": true, "Listen": true}, kinds: map[byte]bool{}}
	s := &subject{Store: r, clock: &Clock{}, owner: "owner"}
	for _, m := range append(mutations(), queries()...) {
		if _, _, err := m.call(t.Context(), s, s.newRef(), minted()); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
	contract := reflect.TypeFor[store.Store]()
	for method := range contract.Methods() {
		if !r.methods[method.Name] {
			t.Errorf("no mutation and no query calls %s", method.Name)
		}
	}
	kinds := declaredKinds(t)
	if len(kinds) == 0 {
		t.Error("the contract declares no kinds")
	}
	for name, kind := range kinds {
		if !r.kinds[kind] {
			t.Errorf("no mutation has an %s", name)
		}
	}
	t.Logf("%d methods, %d kinds of operations and records, %d mutations", contract.NumMethod(), len(kinds), len(mutations()))
}

// declaredKinds returns the constants of the contract that are kinds of
// operations and of records.
func declaredKinds(t *testing.T) map[string]byte {
	t.Helper()
	kinds := map[string]byte{}
	for _, path := range []string{"../op.go", "../unit.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		addKinds(t, file, kinds)
	}
	return kinds
}

func addKinds(t *testing.T, file *ast.File, kinds map[string]byte) {
	t.Helper()
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		typ, ok := spec.Type.(*ast.Ident)
		if !ok || typ.Name != "OpKind" && typ.Name != "RecordKind" {
			return true
		}
		for i, name := range spec.Names {
			literal, ok := spec.Values[i].(*ast.BasicLit)
			if !ok {
				t.Fatalf("%s is not a letter", name)
			}
			letter, _, _, err := strconv.UnquoteChar(literal.Value[1:len(literal.Value)-1], '\'')
			if err != nil {
				t.Fatal(err)
			}
			kinds[name.Name] = byte(letter)
		}
		return true
	})
}
