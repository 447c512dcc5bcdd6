package arch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checked is a package with its types.
type checked struct {
	path  string // from the module's root
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

// listed is what this package needs of go list's answer.
type listed struct {
	ImportPath string
	Dir        string
	Export     string
	GoFiles    []string
	DepOnly    bool
}

// list asks the go command for packages and all they depend on, compiled.
func list(t *testing.T, patterns ...string) []listed {
	t.Helper()
	args := append([]string{"list", "-deps", "-export", "-json=ImportPath,Dir,Export,GoFiles,DepOnly", "--"}, patterns...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var pkgs []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// exports returns the files with the types of packages and of all they depend
// on, by import path.
func exports(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, p := range list(t, patterns...) {
		files[p.ImportPath] = p.Export
	}
	return files
}

// load type-checks the packages of this module that match the patterns,
// without their tests.
func load(t *testing.T, patterns ...string) []*checked {
	t.Helper()
	all := list(t, patterns...)
	files := map[string]string{}
	for _, p := range all {
		files[p.ImportPath] = p.Export
	}
	var pkgs []*checked
	for _, p := range all {
		if p.DepOnly {
			continue
		}
		fset := token.NewFileSet()
		var trees []*ast.File
		for _, name := range p.GoFiles {
			tree, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			trees = append(trees, tree)
		}
		pkg, err := check(strings.TrimPrefix(p.ImportPath, modulePath+"/"), fset, trees, files)
		if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, pkg)
	}
	return pkgs
}

// check type-checks one package against the compiled ones it imports.
func check(path string, fset *token.FileSet, trees []*ast.File, exports map[string]string) (*checked, error) {
	lookup := func(path string) (io.ReadCloser, error) {
		name, ok := exports[path]
		if !ok {
			return nil, fmt.Errorf("no types of %s", path)
		}
		return os.Open(name)
	}
	info := &types.Info{
		Defs:       map[*ast.Ident]types.Object{},
		Uses:       map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	cfg := types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}
	if _, err := cfg.Check(modulePath+"/"+path, fset, trees, info); err != nil {
		return nil, err
	}
	return &checked{path: path, fset: fset, files: trees, info: info}, nil
}
