package vault_test

import (
	"context"
	"slices"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/vault"
)

// stepUps takes the step-ups that it has, each once.
type stepUps struct {
	good  map[string]core.Secret
	asked []string
	then  func() // runs inside Take
}

func (s *stepUps) Take(_ context.Context, actor core.Actor, id string, on core.Secret) error {
	s.asked = append(s.asked, actor.String()+" "+id+" "+on.Name)
	if s.then != nil {
		s.then()
	}
	if g, ok := s.good[id]; !ok || g.ID != on.ID || g.Version != on.Version {
		return core.Errorf(core.Forbidden, "the step-up is not for this").WithReason("step_up_required").WithHint("ask for another")
	}
	delete(s.good, id)
	return nil
}

func serverFixture(t *testing.T, s *stepUps) fixture {
	t.Helper()
	k := guardtest.New(t)
	guardtest.Join(t, k.Store, anna)
	return fixture{vault.New(k.Guard, k.Keys, vault.Limits{}, s), k}
}

// anna is a user who proved herself by a token.
var anna = core.Actor{
	Kind: core.UserActor, ID: "usr_anna", Owner: core.Owner{Kind: core.UserOwner, ID: "usr_anna"},
	Scopes: core.AllScopes &^ (core.AdminRead | core.AdminWrite), Via: core.Via{Kind: core.ViaToken, ID: "tok_1"},
}

func wantForbidden(t *testing.T, what string, v secret.Secret, err error, reason string) {
	t.Helper()
	if e, ok := err.(*core.Error); !ok || e.Code != core.Forbidden || e.Reason != reason || e.Hint == "" || !v.IsZero() {
		t.Errorf("%s gives %#v, want forbidden with %s and no value", what, err, reason)
	}
}

func TestRevealAtAServerTakesAStepUp(t *testing.T) {
	ups := &stepUps{good: map[string]core.Secret{}}
	f := serverFixture(t, ups)
	made, _, err := f.Create(t.Context(), anna, vault.NewSecret{Name: "A", Env: "A", Value: secret.FromString("v")})
	if err != nil {
		t.Fatal(err)
	}
	_, v, err := f.Reveal(t.Context(), anna, "A", vault.Proof{Confirm: "A"})
	wantForbidden(t, "the name as a confirmation", v, err, "step_up_required")
	_, v, err = f.Reveal(t.Context(), anna, "A", vault.Proof{StepUp: "no"})
	wantForbidden(t, "an unknown step-up", v, err, "step_up_required")
	ups.good["yes"] = made
	if _, v, err = f.Reveal(t.Context(), anna, "A", vault.Proof{StepUp: "yes"}); err != nil || string(v.Reveal()) != "v" {
		t.Errorf("approved: %v", err)
	}
	_, v, err = f.Reveal(t.Context(), anna, "A", vault.Proof{StepUp: "yes"})
	wantForbidden(t, "the same once more", v, err, "step_up_required")
	want := []string{"user:usr_anna no A", "user:usr_anna yes A", "user:usr_anna yes A"}
	if !slices.Equal(ups.asked, want) {
		t.Errorf("asked %q", ups.asked)
	}
	f.Verify(t)
}

// Somebody approves that one value is shown; between the click and the reveal
// another is put in its place. What was approved is what goes out, or nothing.
func TestAStepUpIsForTheVersionThatIsShown(t *testing.T) {
	ups := &stepUps{good: map[string]core.Secret{}}
	f := serverFixture(t, ups)
	made, _, err := f.Create(t.Context(), anna, vault.NewSecret{Name: "A", Env: "A", Value: secret.FromString("old")})
	if err != nil {
		t.Fatal(err)
	}
	change := func() {
		v := secret.FromString("new")
		if _, _, err := f.Update(t.Context(), anna, "A", vault.Edit{Value: &v}, 0); err != nil {
			t.Error(err)
		}
	}
	ups.good["x"], ups.then = made, change
	if _, v, err := f.Reveal(t.Context(), anna, "A", vault.Proof{StepUp: "x"}); err != nil || string(v.Reveal()) != "old" {
		t.Errorf("changed while it is taken: %v", err)
	}
	ups.good["y"], ups.then = made, nil
	_, v, err := f.Reveal(t.Context(), anna, "A", vault.Proof{StepUp: "y"})
	wantForbidden(t, "changed before it is taken", v, err, "step_up_required")
}

func TestWithoutStepUpsOnlyThisMachineReveals(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	guardtest.Join(t, f.Store, core.LocalUser)
	f.create(t, vault.NewSecret{Name: "A", Env: "A"})
	for _, kind := range []core.ViaKind{"", core.ViaToken, core.ViaBrowser, core.ViaProxy} {
		actor := core.LocalUser
		actor.Via = core.Via{Kind: kind}
		_, v, err := f.Reveal(t.Context(), actor, "A", vault.Proof{Confirm: "A", StepUp: "x"})
		wantForbidden(t, string(kind), v, err, "step_up_required")
	}
	if f.value(t, "A") != "value of A" {
		t.Error("this machine's user does not get it")
	}
}

func TestStaleVersions(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	f.create(t, vault.NewSecret{Name: "A", Env: "A"})
	text := "x"
	stale := &core.Error{Code: core.Conflict, Reason: "stale"}
	if _, _, err := f.Update(t.Context(), core.LocalUser, "A", vault.Edit{Description: &text}, 2); !is(err, stale) {
		t.Errorf("update: %v", err)
	}
	if err := f.Delete(t.Context(), core.LocalUser, "A", 2); !is(err, stale) {
		t.Errorf("delete: %v", err)
	}
	if got, err := f.Get(t.Context(), core.LocalUser, "A"); err != nil || got.Version != 1 || got.Description != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := f.Delete(t.Context(), core.LocalUser, "A", 1); err != nil {
		t.Error(err)
	}
	f.Verify(t)
}

func is(err error, want *core.Error) bool {
	e, ok := err.(*core.Error)
	return ok && e.Is(want)
}

func TestPages(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	for _, n := range []string{"C", "A", "B"} {
		f.create(t, vault.NewSecret{Name: n, Env: n})
	}
	var got string
	for p := (store.Page{Limit: 2}); ; {
		list, err := f.List(t.Context(), core.LocalUser, p)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, s := range list {
			got += s.Name
		}
		got, p.After = got+"|", list[len(list)-1].Name
	}
	if got != "AB|C|" {
		t.Errorf("pages %s", got)
	}
}
