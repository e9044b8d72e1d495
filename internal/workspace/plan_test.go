package workspace

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"keyfob/internal/core"
	"keyfob/internal/vault"
)

func plain(id string, edit func(*core.Secret)) core.Secret {
	s := core.Secret{ID: id, Owner: core.Local, Name: id, Enabled: true, CreatedAt: time.Unix(100, 0)}
	edit(&s)
	return s
}

func TestPrecedence(t *testing.T) {
	w := core.Workspace{Labels: map[string]string{"a": "1", "b": "2"}}
	one := core.Selector{"a": "1"}
	two := core.Selector{"a": "1", "b": "2"}
	org := core.Owner{Kind: core.OrgOwner, ID: "o"}
	group := core.Owner{Kind: core.GroupOwner, ID: "g"}
	for name, c := range map[string]struct {
		x, y   func(*core.Secret)
		winner string
		why    string
	}{
		"older":         {func(s *core.Secret) { s.CreatedAt = time.Unix(50, 0) }, func(*core.Secret) {}, "x", "the older"},
		"same moment":   {func(*core.Secret) {}, func(*core.Secret) {}, "x", "the older"},
		"specific":      {func(*core.Secret) {}, func(s *core.Secret) { s.Selector = one }, "y", "more specific"},
		"more specific": {func(s *core.Secret) { s.Selector = one }, func(s *core.Secret) { s.Selector = two }, "y", "more specific"},
		"user over organisation": {func(s *core.Secret) { s.Owner = org; s.Selector = two; s.CreatedAt = time.Unix(1, 0) },
			func(*core.Secret) {}, "y", "of the user goes before one of the organisation"},
		"group over organisation": {func(s *core.Secret) { s.Owner = org }, func(s *core.Secret) { s.Owner = group }, "y", "group goes before"},
		"user over group":         {func(*core.Secret) {}, func(s *core.Secret) { s.Owner = group; s.Selector = two }, "x", "user goes before"},
	} {
		t.Run(name, func(t *testing.T) {
			env := func(f func(*core.Secret)) func(*core.Secret) { return func(s *core.Secret) { s.Env = "T"; f(s) } }
			p := planFor(w, []core.Secret{plain("x", env(c.x)), plain("y", env(c.y))})
			if len(p.env) != 1 || p.env[0].secret.Name != c.winner {
				t.Fatalf("delivered %+v", p.env)
			}
			if len(p.conflicts) != 1 || p.conflicts[0].Winner != c.winner || p.conflicts[0].Target != "env:T" || !strings.Contains(p.conflicts[0].Why, c.why) {
				t.Errorf("conflicts %+v", p.conflicts)
			}
		})
	}
}

func TestPathsAreOneTargetAfterClean(t *testing.T) {
	p := planFor(core.Workspace{}, []core.Secret{
		plain("x", func(s *core.Secret) { s.File = "~/a/../b" }),
		plain("y", func(s *core.Secret) { s.File = "~//b" }),
		plain("z", func(s *core.Secret) { s.File = "/root/b" }),
	})
	if len(p.files) != 2 || p.files[0].target != "~/b" || p.files[1].target != "/root/b" || len(p.conflicts) != 1 {
		t.Errorf("%+v", p)
	}
}

// Where two paths become one as they are written, the first has it: so the order
// is that of precedence and not an accident of the alphabet.
func TestFilesAreInOrderOfPrecedence(t *testing.T) {
	at := func(seconds int64, path string, sel core.Selector) func(*core.Secret) {
		return func(s *core.Secret) { s.CreatedAt, s.File, s.Selector = time.Unix(seconds, 0), path, sel }
	}
	p := planFor(core.Workspace{Labels: map[string]string{"a": "1"}}, []core.Secret{
		plain("newer", at(200, "/home/u/x", nil)),
		plain("older", at(100, "~/x", nil)),
		plain("specific", at(300, "~/y/../z", core.Selector{"a": "1"})),
	})
	var got []string
	for _, d := range p.files {
		got = append(got, d.secret.Name)
	}
	if want := []string{"specific", "older", "newer"}; !slices.Equal(got, want) {
		t.Errorf("in order %v, want %v", got, want)
	}
}

// A secret that loses one target keeps its others.
func TestLoserKeepsItsOtherTargets(t *testing.T) {
	p := planFor(core.Workspace{}, []core.Secret{
		plain("x", func(s *core.Secret) { s.Env = "T" }),
		plain("y", func(s *core.Secret) { s.Env = "T"; s.File = "~/y"; s.Lookup = true }),
	})
	if len(p.env) != 1 || len(p.files) != 1 || len(p.lookups) != 1 || p.files[0].secret.Name != "y" {
		t.Errorf("%+v", p)
	}
}

func TestDue(t *testing.T) {
	on := core.Secret{Name: "A", Enabled: true, Selector: core.Selector{"a": "1"}}
	for name, c := range map[string]struct {
		w    core.Workspace
		edit func(*core.Secret)
		want bool
	}{
		"matching":       {core.Workspace{Labels: map[string]string{"a": "1", "b": "2"}}, nil, true},
		"other label":    {core.Workspace{Labels: map[string]string{"a": "2"}}, nil, false},
		"no label":       {core.Workspace{}, nil, false},
		"no selector":    {core.Workspace{}, func(s *core.Secret) { s.Selector = nil }, true},
		"disabled":       {core.Workspace{Labels: map[string]string{"a": "1"}}, func(s *core.Secret) { s.Enabled = false }, false},
		"only it":        {core.Workspace{Labels: map[string]string{"a": "1"}, Only: []string{"A"}}, nil, true},
		"only others":    {core.Workspace{Labels: map[string]string{"a": "1"}, Only: []string{"B"}}, nil, false},
		"except it":      {core.Workspace{Labels: map[string]string{"a": "1"}, Except: []string{"A"}}, nil, false},
		"only, but not":  {core.Workspace{Labels: map[string]string{"a": "1"}, Only: []string{"A"}, Except: []string{"A"}}, nil, false},
		"only, no match": {core.Workspace{Only: []string{"A"}}, nil, false},
	} {
		s := on
		if c.edit != nil {
			c.edit(&s)
		}
		if due(c.w, s) != c.want {
			t.Errorf("%s: not %v", name, c.want)
		}
	}
}

var secretGen = rapid.Custom(func(t *rapid.T) core.Secret {
	labels := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.SampledFrom([]string{"1", "2"}), 0, 3)
	s := core.Secret{
		Owner: core.Owner{Kind: rapid.SampledFrom([]core.OwnerKind{core.UserOwner, core.GroupOwner, core.OrgOwner}).Draw(t, "owner"), ID: "o"},
		Name:  rapid.SampledFrom([]string{"A", "B", "C", "D"}).Draw(t, "name"), Enabled: rapid.Bool().Draw(t, "enabled"),
		Env:    rapid.SampledFrom([]string{"", "X", "Y"}).Draw(t, "env"),
		File:   rapid.SampledFrom([]string{"", "~/x", "~/./x", "~//x", "/x", "/a/../x"}).Draw(t, "file"),
		Lookup: rapid.Bool().Draw(t, "lookup"), Selector: labels.Draw(t, "selector"),
		CreatedAt: time.Unix(int64(rapid.IntRange(0, 2).Draw(t, "created")), 0), ValueVersion: 1,
	}
	return s
})

// In every plan each target has one delivery, every due secret gets or loses
// each of its targets, the winner outranks all losers, and the order of the list
// plays no part.
func TestPlanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(secretGen, 0, 8).Draw(t, "secrets")
		for i := range list {
			list[i].ID = fmt.Sprint("sec", i)
			list[i].Name += fmt.Sprint(i % 4)
		}
		w := core.Workspace{Labels: map[string]string{"a": "1", "b": "2"}}
		p := planFor(w, list)
		if diff := cmp.Diff(fmt.Sprintf("%+v", p), fmt.Sprintf("%+v", planFor(w, rapid.Permutation(list).Draw(t, "shuffled")))); diff != "" {
			t.Fatal("the order of the list matters: " + diff)
		}
		wanted := 0
		for _, s := range list {
			if due(w, s) {
				wanted += count(s.Env != "") + count(s.File != "") + count(s.Lookup)
			}
		}
		if got := len(p.env) + len(p.files) + len(p.lookups) + len(p.conflicts); got != wanted {
			t.Fatalf("%d targets wanted, %d delivered or lost", wanted, got)
		}
		if !slices.IsSortedFunc(p.env, func(a, b delivery) int { return strings.Compare(a.target, b.target) }) {
			t.Fatal("variables are out of order")
		}
		checkWinners(t, w, list, p.env, func(s core.Secret) string { return s.Env })
		checkWinners(t, w, list, p.files, func(s core.Secret) string {
			if s.File == "" {
				return ""
			}
			return vault.CleanFile(s.File)
		})
	})
}

func checkWinners(t *rapid.T, w core.Workspace, list []core.Secret, got []delivery, target func(core.Secret) string) {
	seen := map[string]bool{}
	for _, d := range got {
		if seen[d.target] {
			t.Fatalf("target %s twice", d.target)
		}
		seen[d.target] = true
		if !due(w, d.secret) || target(d.secret) != d.target {
			t.Fatalf("%s is not for %s", d.secret.ID, d.target)
		}
		for _, s := range list {
			if due(w, s) && target(s) == d.target && outranks(s, d.secret) {
				t.Fatalf("%s has %s, though %s goes before it", d.secret.ID, d.target, s.ID)
			}
		}
	}
}

// outranks says the rule once more, in other words.
func outranks(a, b core.Secret) bool {
	order := []core.OwnerKind{core.UserOwner, core.GroupOwner, core.OrgOwner}
	if x, y := slices.Index(order, a.Owner.Kind), slices.Index(order, b.Owner.Kind); x != y {
		return x < y
	}
	if len(a.Selector) != len(b.Selector) {
		return len(a.Selector) > len(b.Selector)
	}
	return a.CreatedAt.Before(b.CreatedAt)
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
