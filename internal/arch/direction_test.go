package arch

import (
	"slices"
	"strings"
	"testing"
)

func TestDirectionOfImports(t *testing.T) {
	for _, l := range house(t) {
		i := slices.IndexFunc(imports, func(r struct{ pkg, may, why string }) bool { return r.pkg == l.rel() })
		if i < 0 {
			t.Errorf("package %s stands nowhere: add a line to imports in internal/arch/rules_test.go, with what it may import and why", l.rel())
			continue
		}
		r := imports[i]
		for _, path := range l.Imports {
			dep, ours := strings.CutPrefix(path, module+"/")
			if ours && r.may != "*" && !slices.Contains(strings.Fields(r.may), dep) {
				t.Errorf("%s imports %s, which points the wrong way.\n\t%s: %s\n\tMove the code, or let the package declare the small interface that it needs.", l.rel(), dep, r.pkg, r.why)
			}
		}
	}
}

func TestNeverImported(t *testing.T) {
	for _, l := range house(t) {
		for _, n := range never {
			if l.rel() == n.pkg && slices.Contains(l.Imports, module+"/"+n.imports) {
				t.Errorf("%s imports %s: %s", n.pkg, n.imports, n.why)
			}
		}
	}
}

func TestDriversAreKnownToAppAlone(t *testing.T) {
	drivers := []string{"internal/store/sqlite", "internal/custody/file", "internal/custody/env", "internal/provider/builtin"}
	for _, l := range house(t) {
		for _, d := range drivers {
			if slices.Contains(l.Imports, module+"/"+d) && l.rel() != "internal/app" && !strings.HasSuffix(l.rel(), "test") {
				t.Errorf("%s imports the driver %s: only app chooses drivers", l.rel(), d)
			}
		}
	}
}

func TestOutsideModules(t *testing.T) {
	for _, l := range house(t) {
		for _, path := range l.Imports {
			if strings.HasPrefix(path, module+"/") || !strings.Contains(strings.Split(path, "/")[0], ".") {
				continue
			}
			checkModule(t, l.rel(), path)
		}
	}
}

func checkModule(t *testing.T, pkg, path string) {
	t.Helper()
	for _, m := range modules {
		if path != m.module && !strings.HasPrefix(path, m.module+"/") {
			continue
		}
		if !slices.Contains(strings.Fields(m.by), pkg) {
			t.Errorf("%s imports %s, which is for %s: %s", pkg, path, m.by, m.why)
		}
		return
	}
	t.Errorf("%s imports %s: a new dependency needs a line in modules in internal/arch/rules_test.go and a reason", pkg, path)
}

// TestRulesNameWhatExists keeps the rules from outliving what they speak of.
func TestRulesNameWhatExists(t *testing.T) {
	var pkgs []string
	for _, l := range house(t) {
		pkgs = append(pkgs, l.rel())
	}
	seen := map[string]bool{}
	for _, r := range imports {
		if r.why == "" {
			t.Errorf("imports: %s has no reason", r.pkg)
		}
		if !slices.Contains(pkgs, r.pkg) || seen[r.pkg] {
			t.Errorf("imports: %s does not exist or stands twice", r.pkg)
		}
		seen[r.pkg] = true
	}
	for _, r := range reveal {
		if r.why == "" || !slices.Contains(pkgs, r.pkg) {
			t.Errorf("reveal: %s does not exist or has no reason", r.pkg)
		}
	}
}

func TestNamesOfPackages(t *testing.T) {
	for _, l := range house(t) {
		name := l.rel()[strings.LastIndex(l.rel(), "/")+1:]
		if slices.Contains(vague, name) {
			t.Errorf("package %s: a name that says nothing of what it is for", l.rel())
		}
	}
}
