package vault

import (
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
)

func TestCollisions(t *testing.T) {
	base := core.Secret{ID: "new", Name: "new", Enabled: true, Env: "TOKEN", File: "~/.kube/config", CreatedAt: time.Unix(200, 0)}
	other := func(edit func(*core.Secret)) core.Secret {
		o := core.Secret{ID: "old", Name: "old", Enabled: true, CreatedAt: time.Unix(100, 0)}
		edit(&o)
		return o
	}
	for _, c := range []struct {
		name, want string
		other      core.Secret
	}{
		{"other variable", "", other(func(o *core.Secret) { o.Env = "OTHER" })},
		{"same variable", `"old" wins as the older`, other(func(o *core.Secret) { o.Env = "TOKEN" })},
		{"younger", "this one wins as the older", other(func(o *core.Secret) { o.Env = "TOKEN"; o.CreatedAt = time.Unix(300, 0) })},
		{"more specific", `"old" wins by its more specific selector`, other(func(o *core.Secret) { o.Env = "TOKEN"; o.Selector = core.Selector{"a": "b"} })},
		{"disabled", "", other(func(o *core.Secret) { o.Env = "TOKEN"; o.Enabled = false })},
		{"itself", "", other(func(o *core.Secret) { o.Env = "TOKEN"; o.ID = "new" })},
		{"same path", "likely the same file", other(func(o *core.Secret) { o.File = "~/.kube//config" })},
		{"linux home", "likely the same file", other(func(o *core.Secret) { o.File = "/home/anna/.kube/config" })},
		{"macOS home", "likely the same file", other(func(o *core.Secret) { o.File = "/Users/anna/.kube/config" })},
		{"root's home", "likely the same file", other(func(o *core.Secret) { o.File = "/root/.kube/config" })},
		{"other home", "", other(func(o *core.Secret) { o.File = "/home/anna/x/.kube/config" })},
		{"elsewhere", "", other(func(o *core.Secret) { o.File = "/etc/.kube/config" })},
		{"below", "directory of the other", other(func(o *core.Secret) { o.File = "~/.kube/config/x" })},
		{"above", "directory of the other", other(func(o *core.Secret) { o.File = "~/.kube" })},
	} {
		got := strings.Join(collisions(base, []core.Secret{c.other}), "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: warnings %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTwoHomesAreTwoFiles(t *testing.T) {
	if samePath("/home/anna/x", "/home/otto/x") || samePath("/home/anna/x", "/root/x") {
		t.Error("files of two users are taken for one")
	}
}

func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b core.Selector
		want bool
	}{
		{nil, nil, true},
		{core.Selector{"a": "1"}, nil, true},
		{core.Selector{"a": "1"}, core.Selector{"b": "2"}, true},
		{core.Selector{"a": "1", "b": "2"}, core.Selector{"a": "1"}, true},
		{core.Selector{"a": "1"}, core.Selector{"a": "2"}, false},
	} {
		if overlap(c.a, c.b) != c.want || overlap(c.b, c.a) != c.want {
			t.Errorf("overlap of %s and %s is not %v", c.a, c.b, c.want)
		}
	}
}
