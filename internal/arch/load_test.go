package arch

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
	"sync"
	"testing"
)

const module = "keyfob"

// listed is what `go list` says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles, Imports        []string
}

// rel is the path below the module, which is how the rules name packages.
func (l listed) rel() string { return strings.TrimPrefix(l.ImportPath, module+"/") }

func (l listed) ours() bool { return strings.HasPrefix(l.ImportPath, module+"/") }

// all lists the module's packages; compiled adds what they depend on, built.
var (
	all      = sync.OnceValues(func() ([]listed, error) { return list() })
	compiled = sync.OnceValues(func() ([]listed, error) { return list("-export", "-deps") })
)

func list(flags ...string) ([]listed, error) {
	root, err := root()
	if err != nil {
		return nil, err
	}
	args := append([]string{"list", "-tags=e2e", "-json=ImportPath,Dir,Export,GoFiles,Imports"}, flags...)
	cmd := exec.Command("go", append(args, "./...")...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.String())
	}
	var found []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		found = append(found, l)
	}
}

// root is the directory of go.mod.
func root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod above")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

// house lists the module's own packages.
func house(t *testing.T) []listed {
	t.Helper()
	found, err := all()
	if err != nil {
		t.Fatal(err)
	}
	var ours []listed
	for _, l := range found {
		if l.ours() {
			ours = append(ours, l)
		}
	}
	if len(ours) < 5 {
		t.Fatalf("only %d packages found: the listing is broken", len(ours))
	}
	return ours
}

// checked is a package with its syntax and types.
type checked struct {
	listed
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

// typed type-checks every package of the module against its dependencies'
// export data, once for all tests.
var typed = sync.OnceValues(func() ([]checked, error) {
	found, err := compiled()
	if err != nil {
		return nil, err
	}
	export := map[string]string{}
	for _, l := range found {
		export[l.ImportPath] = l.Export
	}
	fset := token.NewFileSet()
	imp := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(export[path])
	})
	var out []checked
	for _, l := range found {
		if !l.ours() || len(l.GoFiles) == 0 {
			continue
		}
		c, err := check(l, fset, imp)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.ImportPath, err)
		}
		out = append(out, c)
	}
	return out, nil
})

func check(l listed, fset *token.FileSet, imp types.Importer) (checked, error) {
	c := checked{listed: l, fset: fset, info: &types.Info{
		Uses: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
	}}
	for _, name := range l.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(l.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return c, err
		}
		c.files = append(c.files, f)
	}
	conf := types.Config{Importer: imp}
	_, err := conf.Check(l.ImportPath, fset, c.files, c.info)
	return c, err
}

func typedHouse(t *testing.T) []checked {
	t.Helper()
	found, err := typed()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// where is a place as a person finds it.
func (c checked) where(pos token.Pos) string {
	p := c.fset.Position(pos)
	return fmt.Sprintf("%s/%s:%d", c.rel(), filepath.Base(p.Filename), p.Line)
}
