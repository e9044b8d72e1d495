package guard_test

import (
	"context"
	"errors"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

func nothingRead(context.Context, store.Tx) error { return nil }

// Who may do what for whom, and with which proof.
func TestPolicyOfAServer(t *testing.T) {
	admin := core.Actor{Kind: core.UserActor, ID: "usr_bob", Owner: core.Owner{Kind: core.UserOwner, ID: "usr_bob"}, Admin: true, Scopes: core.AllScopes}
	with := func(a core.Actor, s core.Scopes) core.Actor { a.Scopes = s; return a }
	launcher := core.Actor{Kind: core.LauncherActor, ID: "coder", Owner: ann, Scopes: core.AllScopes}
	for _, c := range []struct {
		name, action string
		actor        core.Actor
		owner        core.Owner // zero: the actor's own
		reason       string     // of a refusal; empty: allowed
	}{
		{"a user's own", guard.SecretCreate, someone, core.Owner{}, ""},
		{"another user's", guard.SecretGet, someone.On(admin.Owner), core.Owner{}, "not_allowed"},
		{"an administrator on a user's", guard.SecretReveal, admin.On(ann), core.Owner{}, "not_allowed"},
		{"an administrator makes a workspace for a user", guard.WorkspaceCreate, admin.On(ann), core.Owner{}, "not_allowed"},
		{"a user on the organisation's", guard.SecretGet, someone.On(core.Org), core.Owner{}, "not_admin"},
		{"an administrator on the organisation's", guard.SecretCreate, admin.On(core.Org), core.Owner{}, ""},
		{"the actor's owner is not the record's", guard.SecretCreate, admin, core.Org, "not_allowed"},
		{"users, on the organisation", guard.UserList, admin.On(core.Org), core.Owner{}, ""},
		{"users, on one's own", guard.UserList, admin, core.Owner{}, "not_allowed"},
		{"users, by a user", guard.UserUpdate, someone.On(core.Org), core.Owner{}, "not_admin"},
		{"a token that reads", guard.SecretList, with(someone, core.SecretsRead), core.Owner{}, ""},
		{"a token that reads, writing", guard.SecretDelete, with(someone, core.SecretsRead), core.Owner{}, "scope"},
		{"a token that writes, revealing", guard.SecretReveal, with(someone, core.SecretsRead|core.SecretsWrite), core.Owner{}, "scope"},
		{"a token without scopes, of itself", guard.UserSelf, with(someone, 0), core.Owner{}, ""},
		{"an administrator's token without admin:read", guard.SecretList, with(admin, core.SecretsRead).On(core.Org), core.Owner{}, "scope"},
		{"with admin:read it reads", guard.SecretList, with(admin, core.SecretsRead|core.AdminRead).On(core.Org), core.Owner{}, ""},
		{"with admin:read it writes", guard.SecretCreate, with(admin, core.SecretsWrite|core.AdminRead).On(core.Org), core.Owner{}, "scope"},
		{"with admin:write too it writes", guard.SecretCreate, with(admin, core.SecretsWrite|core.AdminRead|core.AdminWrite).On(core.Org), core.Owner{}, ""},
		{"with admin:read it reveals", guard.SecretReveal, with(admin, core.SecretsReveal|core.AdminRead).On(core.Org), core.Owner{}, ""},
		{"with admin:read it asks to reveal", guard.StepUpAsk, with(admin, core.SecretsReveal|core.AdminRead).On(core.Org), core.Owner{}, ""},
		{"without admin:read it does not reveal", guard.SecretReveal, with(admin, core.SecretsReveal).On(core.Org), core.Owner{}, "scope"},
		{"an administrator's role alone does not reveal", guard.SecretReveal, with(admin, core.AdminRead|core.AdminWrite).On(core.Org), core.Owner{}, "scope"},
		{"a token that makes tokens asks for one that lasts", guard.TokenAsk, with(someone, core.TokensWrite), core.Owner{}, ""},
		{"a token that makes none asks", guard.TokenAsk, with(someone, core.AllScopes&^core.TokensWrite), core.Owner{}, "scope"},
		{"the strongest token approves", guard.TokenDecide, with(someone, core.AllScopes&^core.SecretsReveal), core.Owner{}, "scope"},
		{"the strongest that reveals approves", guard.TokenDecide, with(someone, core.AllScopes&^core.WorkspacesKeys), core.Owner{}, "scope"},
		{"an administrator approves a user's token", guard.TokenDecide, admin.On(ann), core.Owner{}, "not_allowed"},
		{"a launcher makes a workspace", guard.WorkspaceCreate, launcher, core.Owner{}, ""},
		{"a launcher reads secrets", guard.SecretList, launcher, core.Owner{}, "not_allowed"},
		{"a launcher without a user", guard.WorkspaceCreate, launcher.On(core.Owner{}), core.Owner{}, "not_allowed"},
		{"a launcher on the organisation", guard.UserCreate, launcher.On(core.Org), core.Owner{}, "not_allowed"},
		{"a link, by an administrator", guard.LinkCreate, admin.On(core.Org), core.Owner{}, "not_allowed"},
		{"a checkpoint, by a user", guard.AuditCheckpoint, admin.On(core.Org), core.Owner{}, "not_allowed"},
		{"a checkpoint, by the guard", guard.AuditCheckpoint, core.System("audit", core.Org), core.Owner{}, ""},
		{"a sign-in, by the server", guard.LoginGrant, core.System("login", ann), core.Owner{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			err := f.Read(t.Context(), c.actor, guard.Act{Action: c.action, Subject: "x", Owner: c.owner}, nothingRead)
			if c.reason == "" {
				if err != nil || !guard.Allows(c.actor, c.action) {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, &core.Error{Code: core.Forbidden, Reason: c.reason}) {
				t.Errorf("error %v, want %s", err, c.reason)
			}
			if e := f.entries(t); len(e) != 1 || e[0].Outcome != guard.Denied || e[0].Action != c.action {
				t.Errorf("entries %+v", e)
			}
		})
	}
}

// Whoever copies an administrator's reveal token, which has no audit:read, is
// refused the list of everybody's entries, and so must have no other way to the
// same: neither the export of the whole trail, nor what its verification names.
func TestTheTrailHasNoOtherWayAround(t *testing.T) {
	admin := core.Actor{Kind: core.UserActor, ID: "usr_bob", Owner: core.Org, Admin: true}
	reveal := core.SecretsRead | core.SecretsReveal | core.AdminRead
	for _, action := range []string{guard.AuditList, guard.AuditExport, guard.AuditVerify} {
		for scopes, want := range map[core.Scopes]bool{reveal: false, core.AuditRead: false, reveal | core.AuditRead: true} {
			admin.Scopes = scopes
			if got := guard.Allows(admin, action); got != want {
				t.Errorf("%s with %v: allowed %v, want %v", action, scopes.Names(), got, want)
			}
		}
	}
}
