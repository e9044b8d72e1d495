package openapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// comments are what the source says of types and their fields: by "Type" and
// "Type.Field". So what a reader of the source is told, a reader of the document
// is told too.
type comments map[string]string

// readComments reads the source of a package.
func readComments(dir string) (comments, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	out := comments{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				out.take(g)
			}
		}
	}
	return out, nil
}

func (c comments) take(g *ast.GenDecl) {
	for _, spec := range g.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		c[t.Name.Name] = line(g.Doc)
		s, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range s.Fields.List {
			for _, n := range f.Names {
				c[t.Name.Name+"."+n.Name] = line(f.Doc) + line(f.Comment)
			}
		}
	}
}

func line(g *ast.CommentGroup) string {
	if g == nil {
		return ""
	}
	return strings.Join(strings.Fields(g.Text()), " ")
}

// ofField finds the comment where the field is declared, which may be in an
// embedded type.
func (c comments) ofField(t reflect.Type, f reflect.StructField) string {
	for _, i := range f.Index[:len(f.Index)-1] {
		t = t.Field(i).Type
	}
	return c[t.Name()+"."+f.Name]
}
