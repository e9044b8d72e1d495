package arch

import (
	"go/ast"
	"go/token"
	"go/types"
	"testing"
)

func TestSizeOfFilesAndFunctions(t *testing.T) {
	for _, c := range typedHouse(t) {
		for _, f := range c.files {
			if ast.IsGenerated(f) {
				continue
			}
			if n := c.lines(f.FileStart, f.FileEnd); n > maxFileLines {
				t.Errorf("%s has %d lines, more than %d: split it by what it is about", c.where(f.Package), n, maxFileLines)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if n := c.lines(fn.Pos(), fn.End()); n > maxFunctionLines {
					t.Errorf("%s: %s has %d lines, more than %d: name its steps", c.where(fn.Pos()), fn.Name.Name, n, maxFunctionLines)
				}
			}
		}
	}
}

func (c checked) lines(from, to token.Pos) int {
	return c.fset.Position(to).Line - c.fset.Position(from).Line + 1
}

// TestNoWorkAtInit holds that starting the program costs nothing for what a
// command does not use: no init function, no package variable made by work.
func TestNoWorkAtInit(t *testing.T) {
	for _, c := range typedHouse(t) {
		for _, f := range c.files {
			for _, d := range f.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Recv == nil && d.Name.Name == "init" {
						t.Errorf("%s: an init function; make it a value that app puts together", c.where(d.Pos()))
					}
				case *ast.GenDecl:
					if d.Tok == token.VAR {
						initWork(t, c, d)
					}
				}
			}
		}
	}
}

// initWork looks at the calls that make package variables; those inside a
// function literal are made later and are fine.
func initWork(t *testing.T, c checked, d *ast.GenDecl) {
	t.Helper()
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.SelectorExpr:
			fn, ok := c.info.Uses[n.Sel].(*types.Func)
			if ok && fn.Pkg() != nil {
				if advice, work := initCalls[fn.Pkg().Path()+"."+fn.Name()]; work {
					t.Errorf("%s: %s.%s for a package variable is work at every start: %s", c.where(n.Pos()), fn.Pkg().Name(), fn.Name(), advice)
				}
			}
		}
		return true
	})
}
