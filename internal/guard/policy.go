package guard

import (
	"slices"

	"keyfob/internal/core"
)

// The actions. Each is what an entry of the audit trail says was done.
const (
	SecretCreate = "secret.create"
	SecretUpdate = "secret.update"
	SecretDelete = "secret.delete"
	SecretImport = "secret.import"
	SecretReveal = "secret.reveal"
	SecretGet    = "secret.get"
	SecretList   = "secret.list"

	AccountAdd    = "account.add"
	AccountUpdate = "account.update"
	AccountDelete = "account.delete"
	AccountClear  = "account.clear"
	AccountTest   = "account.test"   // the credential was taken to ask the provider
	AccountHealth = "account.health" // what the provider's answer showed
	AccountGet    = "account.get"
	AccountList   = "account.list"

	WorkspaceCreate   = "workspace.create"
	WorkspaceEnd      = "workspace.end"
	WorkspaceList     = "workspace.list"
	WorkspaceSweep    = "workspace.sweep" // workspaces whose process is gone were ended
	WorkspaceManifest = "workspace.manifest"
	WorkspaceLookups  = "workspace.lookups"
	WorkspaceLookup   = "workspace.lookup"
	WorkspaceReport   = "workspace.report"

	VaultInit   = "vault.init"
	VaultStatus = "vault.status"
	VaultVerify = "vault.verify"
	AuditList   = "audit.list"
	UsageRead   = "usage.read"
)

var (
	user      = []core.ActorKind{core.UserActor}
	workspace = []core.ActorKind{core.WorkspaceActor}
	upkeep    = []core.ActorKind{core.SystemActor}
)

// policy says who may do what, to records of the actor's own owner only. What
// does not stand here nobody may do: gateway keys, for one, may do nothing.
var policy = map[string][]core.ActorKind{
	SecretCreate: user, SecretUpdate: user, SecretDelete: user, SecretImport: user,
	SecretReveal: user, SecretGet: user, SecretList: user,

	AccountAdd: user, AccountUpdate: user, AccountDelete: user, AccountClear: user,
	AccountTest: user, AccountHealth: user, AccountGet: user, AccountList: user,

	WorkspaceCreate: user, WorkspaceEnd: user, WorkspaceList: user,
	WorkspaceSweep: upkeep,

	WorkspaceManifest: workspace, WorkspaceLookups: workspace, WorkspaceLookup: workspace, WorkspaceReport: workspace,

	VaultInit: user, VaultStatus: user, VaultVerify: user, AuditList: user, UsageRead: user,
}

// ofItself are the actions whose subject must be the acting workspace itself.
// Of a lookup the subject is the secret; whose workspace it is for is taken from
// the actor alone.
var ofItself = []string{WorkspaceManifest, WorkspaceLookups, WorkspaceReport}

func authorize(a core.Actor, act Act) error {
	switch {
	case !slices.Contains(policy[act.Action], a.Kind):
		return denied(a, act)
	case a.ID == "" || a.Owner.ID == "" || a.Owner != act.Owner:
		return denied(a, act)
	case slices.Contains(ofItself, act.Action) && act.Subject != WorkspaceSubject(a.ID):
		return denied(a, act)
	}
	return nil
}

func denied(a core.Actor, act Act) error {
	return core.Errorf(core.Forbidden, "%s may not do this: %s", a, act.Action).
		WithHint("this takes the owner of the record, not a key of a workspace")
}

// SecretSubject names a secret in the audit trail.
func SecretSubject(name string) string { return "secret:" + name }

// AccountSubject names an account by its PROVIDER[/NAMESPACE]/LABEL.
func AccountSubject(ref string) string { return "account:" + ref }

// WorkspaceSubject names a workspace by its id.
func WorkspaceSubject(id string) string { return "workspace:" + id }
