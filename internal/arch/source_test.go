package arch_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	diff "github.com/google/go-cmp/cmp"
)

// modulePath is what the import paths of this module begin with.
const modulePath = "toolpit"

// root is the module's directory, seen from this package's.
const root = "../.."

// source is one parsed Go file.
type source struct {
	path string // slash-separated, from the module's root
	text string
	fset *token.FileSet
	tree *ast.File
}

func parse(path, text string) (*source, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &source{path: path, text: text, fset: fset, tree: tree}, nil
}

// pkg is the package's directory, from the module's root.
func (s *source) pkg() string { return path.Dir(s.path) }

func (s *source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s *source) generated() bool { return ast.IsGenerated(s.tree) }

// imports returns the import paths.
func (s *source) imports() []string {
	var paths []string
	for _, spec := range s.tree.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, "`\""))
	}
	return paths
}

// at formats a complaint about a place in the file.
func (s *source) at(node ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", s.path, s.fset.Position(node.Pos()).Line, fmt.Sprintf(format, args...))
}

// within tells whether pkg is dir or below it.
func within(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// module parses every Go file of the module, whatever its build constraints.
var module = sync.OnceValues(func() ([]*source, error) {
	var sources []*source
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return enter(name, entry.Name())
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		s, err := parse(filepath.ToSlash(rel), string(text))
		if err != nil {
			return err
		}
		sources = append(sources, s)
		return nil
	})
	return sources, err
})

// enter decides whether a directory holds packages of this module.
func enter(dir, name string) error {
	if dir == root {
		return nil
	}
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir // another module
	}
	return nil
}

// rule says what is wrong with a set of files.
type rule func([]*source) []string

// hold checks a rule against the whole module.
func hold(t *testing.T, r rule) {
	t.Helper()
	sources, err := module()
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) < 20 {
		t.Fatalf("found %d Go files only; is %s the module's root?", len(sources), root)
	}
	for _, complaint := range r(sources) {
		t.Error(complaint)
	}
}

// trial is a rule tried on small files: what it must say about them.
type trial struct {
	name  string
	files map[string]string
	want  []string
}

func try(t *testing.T, r rule, trials []trial) {
	t.Helper()
	for _, tr := range trials {
		t.Run(tr.name, func(t *testing.T) {
			var sources []*source
			for name, text := range tr.files {
				s, err := parse(name, text)
				if err != nil {
					t.Fatal(err)
				}
				sources = append(sources, s)
			}
			slices.SortFunc(sources, func(a, b *source) int { return cmp.Compare(a.path, b.path) })
			if d := diff.Diff(tr.want, r(sources)); d != "" {
				t.Errorf("complaints (-want +got):\n%s", d)
			}
		})
	}
}
