package arch

import (
	"go/ast"
	"go/types"
	"slices"
	"testing"
)

// TestWhoReveals finds every use of secret.Secret's Reveal, called or not, and
// holds it against the list. What cannot reveal cannot leak.
func TestWhoReveals(t *testing.T) {
	used := map[string]bool{}
	for _, c := range typedHouse(t) {
		for id, obj := range c.info.Uses {
			if !isReveal(obj) {
				continue
			}
			used[c.rel()] = true
			if !mayReveal(c.rel()) {
				t.Errorf("%s: Reveal is not for package %s. Hand the secret.Secret on, or add a line with a reason to reveal in internal/arch/rules_test.go", c.where(id.Pos()), c.rel())
			}
		}
	}
	for _, r := range reveal {
		if !used[r.pkg] {
			t.Errorf("package %s reveals nothing any more: take its line off the list", r.pkg)
		}
	}
}

func mayReveal(pkg string) bool {
	return slices.ContainsFunc(reveal, func(r struct{ pkg, why string }) bool { return r.pkg == pkg })
}

func isReveal(obj types.Object) bool {
	fn, ok := obj.(*types.Func)
	if !ok || fn.Name() != "Reveal" || fn.Pkg() == nil {
		return false
	}
	recv := fn.Signature().Recv()
	return recv != nil && fn.Pkg().Path() == module+"/internal/secret"
}

// TestNoErrorTextToClients holds that the packages that answer over HTTP take an
// error's text for their log alone: it may name paths, rows or upstreams.
func TestNoErrorTextToClients(t *testing.T) {
	for _, c := range typedHouse(t) {
		if !slices.Contains(errorText, c.rel()) {
			continue
		}
		for _, f := range c.files {
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && c.logs(call) {
					return false
				}
				sel, ok := n.(*ast.SelectorExpr)
				if s := c.info.Selections[sel]; ok && s != nil && sel.Sel.Name == "Error" && types.Implements(s.Recv(), errorType) {
					t.Errorf("%s: an error's text may reach a client. Answer with core.Error's code, message and hint; log the error itself", c.where(sel.Pos()))
				}
				return true
			})
		}
	}
}

// logs says whether a call makes an attribute of a log line.
func (c checked) logs(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	fn, ok := c.info.Uses[sel.Sel].(*types.Func)
	return ok && fn.Pkg() != nil && fn.Pkg().Path() == "log/slog"
}

var errorType = types.Universe.Lookup("error").Type().Underlying().(*types.Interface)

// TestContextsAreNotStored holds that a context is an argument, never a field:
// a stored one outlives the call that it belongs to.
func TestContextsAreNotStored(t *testing.T) {
	for _, c := range typedHouse(t) {
		for _, f := range c.files {
			ast.Inspect(f, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				st, ok := spec.Type.(*ast.StructType)
				if ok && !mayStore(c.rel()+": "+spec.Name.Name) {
					contextFields(t, c, st)
				}
				return true
			})
		}
	}
}

func mayStore(in string) bool {
	return slices.ContainsFunc(storedContexts, func(s struct{ in, why string }) bool { return s.in == in })
}

func contextFields(t *testing.T, c checked, st *ast.StructType) {
	t.Helper()
	for _, f := range st.Fields.List {
		if tv, ok := c.info.Types[f.Type]; ok && tv.Type.String() == "context.Context" {
			t.Errorf("%s: a context is stored in a struct; pass it as the first argument", c.where(f.Pos()))
		}
	}
}
