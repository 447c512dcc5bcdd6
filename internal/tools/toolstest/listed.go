package toolstest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"toolpit/internal/tools"
)

// testListed requires that the group in the current directory lists as many
// tools as its source makes: a tool that nobody lists cannot be called.
func testListed(t *testing.T, listed []tools.Tool) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && makesTool(call.Fun) {
				made++
			}
			return true
		})
	}
	if made != len(listed) {
		t.Errorf("%d tools are made here, %d are in the list", made, len(listed))
	}
}

// makesTool tells whether an expression is tools.New or one of its kin.
func makesTool(fun ast.Expr) bool {
	if generic, ok := fun.(*ast.IndexListExpr); ok {
		fun = generic.X
	}
	selector, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := selector.X.(*ast.Ident)
	return ok && pkg.Name == "tools" && (selector.Sel.Name == "New" || selector.Sel.Name == "NewStream")
}
