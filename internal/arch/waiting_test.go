package arch_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// requireVariable names what must not be skipped. Whoever skips asks it first.
const requireVariable = "TOOLPIT_TEST_REQUIRE"

// skips lists files that may skip without asking.
var skips = map[string]string{
	"internal/store/storetest/redistest/redistest_test.go": "a test ends with the subtest that was skipped",
}

// checkTests keeps tests from sleeping and from being left out in silence.
func checkTests(sources []*source) []string {
	var complaints []string
	for _, s := range sources {
		if !s.test() && !isTestSupport(s.pkg()) || !slices.Contains(s.imports(), "testing") {
			continue
		}
		virtual := virtualTime(s)
		asks := asksBeforeSkipping(s)
		ast.Inspect(s.tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch name := sel.Sel.Name; name {
			case "Sleep":
				if isIdent(sel.X, "time") && !slices.ContainsFunc(virtual, func(b ast.Node) bool { return b.Pos() <= n.Pos() && n.End() <= b.End() }) {
					complaints = append(complaints, s.at(call, "a test that sleeps is slow or flaky; wait for a signal, move a clock, or use testing/synctest"))
				}
			case "Skip", "Skipf", "SkipNow":
				if !asks && !ofRapid(s, call, sel.X) {
					complaints = append(complaints, s.at(call, "a test is skipped only where "+requireVariable+" can require it"))
				}
			}
			return true
		})
	}
	return complaints
}

// virtualTime returns the calls of synctest.Test: time inside is not real.
func virtualTime(s *source) []ast.Node {
	var calls []ast.Node
	ast.Inspect(s.tree, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Test" && isIdent(sel.X, "synctest") {
				calls = append(calls, call)
			}
		}
		return true
	})
	return calls
}

// asksBeforeSkipping tells whether the file looks at requireVariable.
func asksBeforeSkipping(s *source) bool {
	_, listed := skips[s.path]
	return listed || strings.Contains(s.text, `"`+requireVariable+`"`)
}

// ofRapid tells whether t is rapid's: there, Skip refuses one drawn case.
func ofRapid(s *source, call ast.Node, t ast.Expr) bool {
	found := false
	ast.Inspect(s.tree, func(n ast.Node) bool {
		if n == nil || call.Pos() < n.Pos() || n.End() < call.End() {
			return false // not around the call
		}
		var params *ast.FieldList
		switch fn := n.(type) {
		case *ast.FuncDecl:
			params = fn.Type.Params
		case *ast.FuncLit:
			params = fn.Type.Params
		default:
			return true
		}
		for _, field := range params.List {
			for _, name := range field.Names {
				if isIdent(t, name.Name) { // the innermost of a name counts
					found = isRapid(field.Type)
				}
			}
		}
		return true
	})
	return found
}

func isRapid(e ast.Expr) bool {
	star, ok := e.(*ast.StarExpr)
	if !ok {
		return false
	}
	sel, ok := star.X.(*ast.SelectorExpr)
	return ok && isIdent(sel.X, "rapid") && sel.Sel.Name == "T"
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func TestTestsNeitherSleepNorSkip(t *testing.T) { hold(t, checkTests) }

func TestCheckTests(t *testing.T) {
	const head = "package p\nimport (\"testing\"; \"time\"; \"testing/synctest\")\n"
	try(t, checkTests, []trial{
		{"fine", map[string]string{
			"p/a_test.go": head + `func TestA(t *testing.T) { synctest.Test(t, func(t *testing.T) { time.Sleep(1) }) }`,
			"p/b_test.go": head + `const e = "TOOLPIT_TEST_REQUIRE"; func b(t *testing.T) { t.Skip() }`,
			"p/c_test.go": head + `func c(t *rapid.T) { t.Skip() }`,
			"p/c.go":      "package p\nimport \"time\"\nfunc c() { time.Sleep(1) }",
		}, nil},
		{"sleep", map[string]string{
			"p/a_test.go": head + `func TestA(t *testing.T) { time.Sleep(1) }`,
		}, []string{"p/a_test.go:3: a test that sleeps is slow or flaky; wait for a signal, move a clock, or use testing/synctest"}},
		{"sleep in test support", map[string]string{
			"internal/store/storetest/a.go": head + `func run(t *testing.T) { time.Sleep(1) }`,
		}, []string{"internal/store/storetest/a.go:3: a test that sleeps is slow or flaky; wait for a signal, move a clock, or use testing/synctest"}},
		{"sleep beside synctest", map[string]string{
			"p/a_test.go": head + "func TestA(t *testing.T) { synctest.Test(t, nil); time.Sleep(1) }",
		}, []string{"p/a_test.go:3: a test that sleeps is slow or flaky; wait for a signal, move a clock, or use testing/synctest"}},
		{"skip", map[string]string{
			"p/a_test.go": head + "func TestA(t *testing.T) {\nt.SkipNow() }",
		}, []string{"p/a_test.go:4: a test is skipped only where TOOLPIT_TEST_REQUIRE can require it"}},
		{"skip beside rapid", map[string]string{
			"p/a_test.go": head + "func a(t *rapid.T) { func(t *testing.T) { t.Skip() }(nil) }",
		}, []string{"p/a_test.go:3: a test is skipped only where TOOLPIT_TEST_REQUIRE can require it"}},
	})
}
