package arch_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// toolPackages are the packages that must hold no state: what a tool knows, it
// knows from its arguments and from the store.
const toolPackages = "./internal/tools/..."

// stateAllowed excuses package variables, by package and name, each with its
// reason.
var stateAllowed = map[string]string{}

// goroutinesAllowed excuses functions that start goroutines, by package and
// name (of a method: Type.Name), each with its reason.
var goroutinesAllowed = map[string]string{}

// immutable lists types whose values nobody can change once they exist,
// although their fields do not show it.
var immutable = map[string]string{
	"error":                              "sentinels are compared",
	"reflect.Type":                       "describes a type",
	"time.Time":                          "its location is never written",
	"*regexp.Regexp":                     "safe for concurrent use; only Longest changes it",
	"*html/template.Template":            "parsed at start",
	"*text/template.Template":            "parsed at start",
	modulePath + "/internal/tools.Tool":  "its methods have value receivers and change nothing",
	"golang.org/x/text/language.Tag":     "an identifier",
	"golang.org/x/text/cases.Caser":      "transforms copies",
	modulePath + "/internal/value.Value": "values are immutable",
}

// readers are functions that leave a slice or map they are given as it is, and
// keep none of it.
var readers = map[string]bool{
	"maps.Clone": true, "maps.Keys": true, "maps.Values": true, "maps.All": true,
	"slices.All": true, "slices.BinarySearch": true, "slices.BinarySearchFunc": true, "slices.Clone": true,
	"slices.Concat": true, "slices.Contains": true, "slices.ContainsFunc": true, "slices.Index": true,
	"slices.IndexFunc": true, "slices.Max": true, "slices.Min": true, "slices.Sorted": true, "slices.Values": true,
	"strings.Join":                      true,
	modulePath + "/internal/near.Names": true,
}

// launchers are functions that start a goroutine in another's name.
var launchers = map[string]bool{
	"time.AfterFunc":                            true,
	"context.AfterFunc":                         true,
	"(*sync.WaitGroup).Go":                      true,
	"(*golang.org/x/sync/errgroup.Group).Go":    true,
	"(*golang.org/x/sync/errgroup.Group).TryGo": true,
}

// inspection looks through one type-checked package for state.
type inspection struct {
	path       string // of the package, from the module's root
	fset       *token.FileSet
	info       *types.Info
	complaints []string
	excused    map[string]bool
}

// checkState reports mutable package variables and goroutines. The names of
// those that the two lists excuse are added to excused.
func checkState(path string, pkg *checked, excused map[string]bool) []string {
	in := &inspection{path: path, fset: pkg.fset, info: pkg.info, excused: excused}
	for _, file := range pkg.files {
		if ast.IsGenerated(file) {
			continue
		}
		in.declarations(file)
		in.uses(file)
	}
	return in.complaints
}

func (in *inspection) complain(allowed map[string]string, name string, n ast.Node, format string, args ...any) {
	key := in.path + "." + name
	if allowed[key] != "" {
		in.excused[key] = true
		return
	}
	in.complaints = append(in.complaints, fmt.Sprintf("%s:%d: %s: %s",
		in.path, in.fset.Position(n.Pos()).Line, name, fmt.Sprintf(format, args...)))
}

// declarations judges package variables by their types.
func (in *inspection) declarations(file *ast.File) {
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			values := spec.(*ast.ValueSpec)
			for i, name := range values.Names {
				if name.Name == "_" {
					continue
				}
				typ := in.info.Defs[name].Type()
				if why := mutability(typ, container(typ) && !name.IsExported(), nil); why != "" {
					in.complain(stateAllowed, name.Name, name, "package state can change: %s", why)
				}
				if i < len(values.Values) && closure(typ, values.Values[i]) {
					in.complain(stateAllowed, name.Name, name, "a function made by a call may keep state")
				}
			}
		}
	}
}

// container tells whether a variable of the type is judged by its uses: a table
// is fine as long as it is only read.
func container(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Slice, *types.Map:
		return true
	}
	return false
}

// mutability says what in a type can change, or nothing. The top container is
// passed over where table is set.
func mutability(t types.Type, table bool, seen []types.Type) string {
	for _, s := range seen {
		if types.Identical(s, t) {
			return ""
		}
	}
	seen = append(seen, t)
	name := types.TypeString(t, nil)
	if immutable[name] != "" {
		return ""
	}
	if named, ok := types.Unalias(t).(*types.Named); ok {
		if p := named.Obj().Pkg(); p != nil && (p.Path() == "sync" || p.Path() == "sync/atomic") {
			return name
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Kind() != types.UnsafePointer {
			return ""
		}
	case *types.Signature:
		return ""
	case *types.Array:
		return mutability(u.Elem(), false, seen)
	case *types.Struct:
		for f := range u.Fields() {
			if why := mutability(f.Type(), false, seen); why != "" {
				return "field " + f.Name() + ": " + why
			}
		}
		return ""
	case *types.Slice:
		if table {
			return mutability(u.Elem(), false, seen)
		}
	case *types.Map:
		if table {
			return mutability(u.Elem(), false, seen)
		}
	}
	return name
}

// closure tells whether a variable of function type gets its value from a call.
func closure(t types.Type, value ast.Expr) bool {
	_, isFunc := t.Underlying().(*types.Signature)
	_, isCall := ast.Unparen(value).(*ast.CallExpr)
	return isFunc && isCall
}

// uses looks at every mention of a package variable, of this package or
// another, and at everything that starts a goroutine.
func (in *inspection) uses(file *ast.File) {
	var stack []ast.Node
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		stack = append(stack, n)
		switch n := n.(type) {
		case *ast.GoStmt:
			in.complain(goroutinesAllowed, function(stack), n, "starts a goroutine")
		case *ast.CallExpr:
			if name := callee(in.info, n); launchers[name] {
				in.complain(goroutinesAllowed, function(stack), n, "starts a goroutine through %s", name)
			}
		case *ast.Ident:
			if v, ok := in.info.Uses[n].(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
				in.use(v, n, stack)
			}
		}
		return true
	})
}

// use judges one mention of a package variable; the stack ends with it.
func (in *inspection) use(v *types.Var, id *ast.Ident, stack []ast.Node) {
	name := v.Name()
	if v.Pkg().Name() != "" && modulePath+"/"+in.path != v.Pkg().Path() {
		name = v.Pkg().Name() + "." + name
	}
	// Climb from the variable to the largest expression that still denotes a
	// part of it, as in v.field[i].
	var expr ast.Node = id
	i := len(stack) - 2
	direct := true // the variable itself, not a part of it
climb:
	for ; i >= 0; i-- {
		switch p := stack[i].(type) {
		case *ast.ParenExpr:
		case *ast.SelectorExpr:
			if p.Sel != id || expr != ast.Node(id) { // not the qualified name itself
				if s := in.info.Selections[p]; s != nil && s.Kind() != types.FieldVal {
					if addresses(s) {
						in.complain(stateAllowed, name, id, "is changed by a method with a pointer receiver, %s", p.Sel.Name)
					}
					return
				}
				direct = false
			}
		case *ast.IndexExpr:
			if p.X != expr {
				break climb
			}
			direct = false
		case *ast.StarExpr:
			direct = false
		default:
			break climb
		}
		expr = stack[i]
	}
	if i < 0 {
		return
	}
	if how := changes(stack[i], expr); how != "" {
		in.complain(stateAllowed, name, id, "%s", how)
		return
	}
	if direct && container(v.Type()) && !in.reads(stack[i], expr) {
		in.complain(stateAllowed, name, id, "is handed on, so that others can change it")
	}
}

// addresses tells whether a method call takes the address of what it is called
// on.
func addresses(s *types.Selection) bool {
	fn, ok := s.Obj().(*types.Func)
	if !ok {
		return false
	}
	recv := fn.Signature().Recv()
	if recv == nil {
		return false
	}
	_, wants := recv.Type().(*types.Pointer)
	_, has := s.Recv().Underlying().(*types.Pointer)
	return wants && !has && !s.Indirect()
}

// changes says how a node changes the expression in it, if it does.
func changes(n ast.Node, expr ast.Node) string {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for _, lhs := range n.Lhs {
			if lhs == expr {
				return "is assigned to"
			}
		}
	case *ast.IncDecStmt:
		return "is assigned to"
	case *ast.RangeStmt:
		if n.Key == expr || n.Value == expr {
			return "is assigned to"
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return "its address is taken"
		}
	case *ast.SliceExpr:
		if n.X == expr {
			return "is sliced, so that others can change it"
		}
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") && n.Args[0] == expr {
			return "is changed by " + id.Name
		}
	}
	return ""
}

// reads tells whether a node only looks at the slice or map in it.
func (in *inspection) reads(n ast.Node, expr ast.Node) bool {
	switch n := n.(type) {
	case *ast.RangeStmt:
		return n.X == expr
	case *ast.BinaryExpr: // with nil
		return true
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok {
			switch in.info.Uses[id].(type) {
			case *types.Builtin:
				// What append and copy change comes first.
				return id.Name == "len" || id.Name == "cap" || n.Args[0] != expr
			}
		}
		return readers[callee(in.info, n)]
	}
	return false
}

// callee returns the full name of what a call calls, where it is a function or
// a method.
func callee(info *types.Info, call *ast.CallExpr) string {
	fun := ast.Unparen(call.Fun)
	switch f := fun.(type) {
	case *ast.IndexExpr:
		fun = f.X
	case *ast.IndexListExpr:
		fun = f.X
	}
	var id *ast.Ident
	switch f := fun.(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	default:
		return ""
	}
	if fn, ok := info.Uses[id].(*types.Func); ok {
		return fn.FullName()
	}
	return ""
}

// function names the declaration around the end of the stack.
func function(stack []ast.Node) string {
	for _, n := range stack {
		switch d := n.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || len(d.Recv.List) == 0 {
				return d.Name.Name
			}
			t := d.Recv.List[0].Type
			if star, ok := t.(*ast.StarExpr); ok {
				t = star.X
			}
			if index, ok := t.(*ast.IndexExpr); ok {
				t = index.X
			}
			return types.ExprString(t) + "." + d.Name.Name
		case *ast.ValueSpec:
			return d.Names[0].Name
		}
	}
	return ""
}

func TestToolsKeepNoState(t *testing.T) {
	pkgs := load(t, toolPackages)
	if len(pkgs) < 3 {
		t.Fatalf("found %d packages only under %s", len(pkgs), toolPackages)
	}
	excused := map[string]bool{}
	for _, p := range pkgs {
		if isTestSupport(p.path) {
			continue
		}
		for _, complaint := range checkState(p.path, p, excused) {
			t.Error(complaint)
		}
	}
	for _, allowed := range []map[string]string{stateAllowed, goroutinesAllowed} {
		for key := range allowed {
			if !excused[key] {
				t.Errorf("%s needs no excuse any more", key)
			}
		}
	}
}

func TestCheckState(t *testing.T) {
	stdlib := exports(t, "errors", "maps", "reflect", "regexp", "slices", "strings", "sync", "sync/atomic", "time")
	for _, tr := range []struct {
		name, text string
		want       []string
	}{
		{"constants of a kind", `
import ("errors"; "regexp"; "slices"; "maps"; "strings")
var limit = 3
var errGone = errors.New("gone")
var word = regexp.MustCompile("x")
var names = []string{"a", "b"}
var sizes = map[string]int{"a": 1}
var table = [2]struct{ name string; fn func() }{}
var double = func(i int) int { return 2 * i }
var _ = []*int{}
func f() ([]string, bool) {
	for _, n := range names { _ = n }
	local := append([]string{}, names...)
	local[0] = names[1]
	_ = len(names) + sizes["a"] + double(limit)
	_ = table[1].name
	_ = slices.Sorted(maps.Keys(sizes))
	return local, strings.Join(names, ",") != "" && slices.Contains(names, "a") && names != nil
}`, nil},
		{"types", `
import ("sync"; "sync/atomic"; "time")
var mu sync.Mutex
var calls atomic.Int64
var last *int
var ch = make(chan int)
var nested = map[string][]int{}
var any1 any
var config struct{ started time.Time; seen map[string]bool }
var Names = []string{"a"}
var lazy = sync.OnceValue(func() int { return 1 })`, []string{
			"p:4: mu: package state can change: sync.Mutex",
			"p:5: calls: package state can change: sync/atomic.Int64",
			"p:6: last: package state can change: *int",
			"p:7: ch: package state can change: chan int",
			"p:8: nested: package state can change: []int",
			"p:9: any1: package state can change: any",
			"p:10: config: package state can change: field seen: map[string]bool",
			"p:11: Names: package state can change: []string",
			"p:12: lazy: a function made by a call may keep state",
		}},
		{"assignments", `
var n int
var point struct{ x, y int }
var grid [2][2]int
var names = []string{"a"}
var sizes = map[string]int{}
func f() {
	n = 1
	n++
	point.x, _ = 1, 2
	grid[0][1] += 2
	names[0] = "b"
	sizes["a"]--
	for n = range 3 {}
	(n) = 2
	delete(sizes, "a")
	clear(names)
	names = append(names, "c")
}`, []string{
			"p:9: n: is assigned to",
			"p:10: n: is assigned to",
			"p:11: point: is assigned to",
			"p:12: grid: is assigned to",
			"p:13: names: is assigned to",
			"p:14: sizes: is assigned to",
			"p:15: n: is assigned to",
			"p:16: n: is assigned to",
			"p:17: sizes: is changed by delete",
			"p:18: names: is changed by clear",
			"p:19: names: is assigned to",
			"p:19: names: is handed on, so that others can change it",
		}},
		{"addresses", `
import "slices"
type counter int
func (c *counter) inc() {}
func (c counter) get() int { return int(c) }
var c counter
var grid [2]int
var names = []string{"a"}
func f(m map[string][]string) []string {
	c.inc()
	_ = c.get()
	_ = &c
	_ = grid[:]
	_ = names[:1]
	slices.Sort(names)
	m["a"] = names
	return names
}`, []string{
			"p:11: c: is changed by a method with a pointer receiver, inc",
			"p:13: c: its address is taken",
			"p:14: grid: is sliced, so that others can change it",
			"p:15: names: is sliced, so that others can change it",
			"p:16: names: is handed on, so that others can change it",
			"p:17: names: is handed on, so that others can change it",
			"p:18: names: is handed on, so that others can change it",
		}},
		{"another package's", `
import ("time"; "reflect")
var typ = reflect.TypeFor[int]()
func f() { time.Local = time.UTC; _ = time.UTC.String() }`, []string{
			"p:5: time.Local: is assigned to",
		}},
		{"goroutines", `
import ("sync"; "time")
type s struct{}
func (*s) run() { go func() {}() }
var start = func() { go println() }
func f() {
	var wg sync.WaitGroup
	wg.Go(func() {})
	wg.Wait()
	time.AfterFunc(1, func() {})
	time.NewTimer(1).Stop()
}`, []string{
			"p:5: s.run: starts a goroutine",
			"p:6: start: starts a goroutine",
			"p:9: f: starts a goroutine through (*sync.WaitGroup).Go",
			"p:11: f: starts a goroutine through time.AfterFunc",
		}},
	} {
		t.Run(tr.name, func(t *testing.T) {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, "p.go", "package p\n"+tr.text, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			pkg, err := check("p", fset, []*ast.File{file}, stdlib)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tr.want, checkState("p", pkg, map[string]bool{})); d != "" {
				t.Errorf("complaints (-want +got):\n%s", d)
			}
		})
	}
}
