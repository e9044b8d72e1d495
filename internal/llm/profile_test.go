package llm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/core"
	"keyfob/internal/llm"
)

func profile(name string) llm.NewProfile {
	return llm.NewProfile{Name: name, Model: "claude-opus", Provider: "anthropic"}
}

func (f fixture) make(t *testing.T, names ...string) {
	t.Helper()
	for _, n := range names {
		if _, err := f.CreateProfile(t.Context(), me, profile(n)); err != nil {
			t.Fatal(err)
		}
	}
}

func (f fixture) active(t *testing.T) string {
	t.Helper()
	list, err := f.Profiles(t.Context(), me)
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, p := range list {
		if p.Active {
			out += p.Name
		}
	}
	return out
}

func TestProfileIsKept(t *testing.T) {
	f := newFixture(t)
	in := profile("work")
	in.Namespace, in.Parameters = "team", []byte(` { "temperature" : 0.10, "stop": ["a", {"b": null}], "big": 12345678901234567890 } `)
	made, err := f.CreateProfile(t.Context(), me, in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Profile(t.Context(), me, "work")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, got); diff != "" {
		t.Error(diff)
	}
	if string(got.Parameters) != `{"temperature":0.10,"stop":["a",{"b":null}],"big":12345678901234567890}` || got.Namespace != "team" || got.Version != 1 {
		t.Errorf("%+v", got)
	}
}

func TestActiveProfile(t *testing.T) {
	f := newFixture(t)
	f.make(t, "b", "a")
	if got := f.active(t); got != "b" {
		t.Errorf("active is %q, want the first one made", got)
	}
	got, err := f.UseProfile(t.Context(), me, "a")
	if err != nil || !got.Active || f.active(t) != "a" {
		t.Errorf("%+v, %v, active %q", got, err, f.active(t))
	}
	if err := f.DeleteProfile(t.Context(), me, "a", got.Version); err != nil {
		t.Fatal(err)
	}
	if got := f.active(t); got != "" {
		t.Errorf("after the active one is gone %q is", got)
	}
	f.make(t, "c")
	if got := f.active(t); got != "" {
		t.Errorf("%q became active though it is not the first", got)
	}
	_, err = f.UseProfile(t.Context(), me, "none")
	wants(t, err, core.NotFound, "name")
}

func TestProfileUpdate(t *testing.T) {
	f := newFixture(t)
	f.make(t, "a")
	got, err := f.UpdateProfile(t.Context(), me, "a", llm.ProfileEdit{Model: to("gpt"), Provider: to("openai"), Parameters: to([]byte(`{"n":1}`))}, 1)
	if err != nil || got.Model != "gpt" || got.Provider != "openai" || got.Namespace != "default" || got.Version != 2 || !got.Active {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = f.UpdateProfile(t.Context(), me, "a", llm.ProfileEdit{Model: to("x")}, 1)
	stale(t, err)
	stale(t, f.DeleteProfile(t.Context(), me, "a", 1))
	got, err = f.UpdateProfile(t.Context(), me, "a", llm.ProfileEdit{Parameters: to([]byte(`{ }`))}, 0)
	if err != nil || got.Parameters != nil || got.Model != "gpt" {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = f.UpdateProfile(t.Context(), me, "a", llm.ProfileEdit{}, 0)
	wants(t, err, core.Invalid, "")
	_, err = f.UpdateProfile(t.Context(), me, "none", llm.ProfileEdit{Model: to("x")}, 0)
	wants(t, err, core.NotFound, "name")
	if stored, err := f.Profile(t.Context(), me, "a"); err != nil || !cmp.Equal(stored, got) {
		t.Errorf("%+v, %v", stored, err)
	}
}

func TestProfilesThatCannotBe(t *testing.T) {
	f := newFixture(t)
	deep := strings.Repeat(`{"a":`, 17) + "1" + strings.Repeat("}", 17)
	for field, bad := range map[string][]llm.NewProfile{
		"name":      {{}, {Name: "a/b"}, {Name: " a"}},
		"model":     {{Name: "a"}, {Name: "a", Model: strings.Repeat("m", 201)}, {Name: "a", Model: "a\nb"}, {Name: "a", Model: "\xff"}, {Name: "a", Model: " a"}},
		"provider":  {{Name: "a", Model: "m"}, {Name: "a", Model: "m", Provider: "nobody"}},
		"namespace": {{Name: "a", Model: "m", Provider: "openai", Namespace: "a b"}},
	} {
		for _, in := range bad {
			_, err := f.CreateProfile(t.Context(), me, in)
			wants(t, err, core.Invalid, field)
		}
	}
	for _, text := range []string{
		`[]`, `1`, `null`, `"x"`, `{`, `{}{}`, `{"a":1,"a":2}`, `{"x":{"a":1,"\u0061":2}}`, deep, `{"a":"` + strings.Repeat("x", 16<<10) + `"}`, "{\"a\":\"\xff\"}", `{"a":01}`,
		`{"a":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`, `{"a":1} x`, "\ufeff{}",
	} {
		in := profile("a")
		in.Parameters = []byte(text)
		_, err := f.CreateProfile(t.Context(), me, in)
		wants(t, err, core.Invalid, "parameters")
		if err != nil && len(text) > 4 && strings.Contains(err.Error(), text) {
			t.Errorf("the error repeats the parameters: %v", err)
		}
	}
	if got := f.Acts(t); got != nil {
		t.Errorf("what cannot be left entries: %q", got)
	}
	f.make(t, "a")
	_, err := f.CreateProfile(t.Context(), me, profile("a"))
	wants(t, err, core.Conflict, "name")
}

func TestProfilesAreTheOwners(t *testing.T) {
	f := newFixture(t)
	f.make(t, "a")
	if _, err := f.Profile(t.Context(), ann, "a"); core.CodeOf(err) != core.NotFound {
		t.Errorf("another user: %v", err)
	}
	if _, err := f.CreateProfile(t.Context(), ann, profile("a")); err != nil {
		t.Errorf("a name of another user's: %v", err)
	}
	if _, err := f.CreateProfile(t.Context(), small, profile("b")); core.CodeOf(err) != core.Forbidden {
		t.Errorf("a token that may only read: %v", err)
	}
	if _, err := f.Profiles(t.Context(), core.Actor{Kind: core.WorkspaceActor, ID: "w", Owner: core.Local}); core.CodeOf(err) != core.Forbidden {
		t.Errorf("a workspace: %v", err)
	}
	want := []string{"profile.create profile:a ok", "profile.create profile:a ok", "profile.create profile:b denied", "profile.list profiles denied"}
	if diff := cmp.Diff(want, f.Acts(t)); diff != "" {
		t.Error(diff)
	}
}

func TestProfileLimit(t *testing.T) {
	f := newFixture(t)
	for i := range llm.MaxProfiles {
		f.make(t, fmt.Sprintf("p%d", i))
	}
	_, err := f.CreateProfile(t.Context(), me, profile("more"))
	wants(t, err, core.Exhausted, "")
	if err := f.DeleteProfile(t.Context(), me, "p7", 0); err != nil {
		t.Fatal(err)
	}
	f.make(t, "more")
}

// Names of what people make are names that they can see.
func TestNamesThatCannotBeSeen(t *testing.T) {
	f := newFixture(t)
	for name, want := range map[string]core.Code{"seen": "", "a\u202eb": core.Invalid, "\u200b": core.Invalid} {
		if _, err := f.CreateProfile(t.Context(), core.LocalUser, profile(name)); core.CodeOf(err) != want {
			t.Errorf("profile %+q: %v", name, err)
		}
		if _, err := f.CreateMCP(t.Context(), core.LocalUser, remote(name)); core.CodeOf(err) != want {
			t.Errorf("MCP server %+q: %v", name, err)
		}
	}
}
