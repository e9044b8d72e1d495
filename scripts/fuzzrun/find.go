package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
)

// target is a fuzz function and its package's directory below the root.
type target struct{ dir, name string }

// find lists the fuzz targets below root, in the order of their files. It
// leaves out nested modules' dependencies (node_modules), testdata and what
// begins with a dot.
func find(root string) ([]target, error) {
	var found []target
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skip(root, path, d.Name())
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		names, err := names(path)
		for _, name := range names {
			dir, _ := filepath.Rel(root, filepath.Dir(path)) // both begin with root
			found = append(found, target{filepath.ToSlash(dir), name})
		}
		return err
	})
	return found, err
}

func skip(root, path, name string) error {
	hidden := strings.HasPrefix(name, ".") && path != root
	if hidden || name == "node_modules" || name == "testdata" || name == "e2e" {
		return filepath.SkipDir
	}
	return nil
}

func names(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range file.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Fuzz") && len(fn.Type.Params.List) == 1 {
			names = append(names, fn.Name.Name)
		}
	}
	return names, nil
}
