package guard

import (
	"slices"

	"keyfob/internal/core"
)

var (
	user      = []core.ActorKind{core.UserActor}
	launch    = []core.ActorKind{core.UserActor, core.LauncherActor}
	workspace = []core.ActorKind{core.WorkspaceActor}
	upkeep    = []core.ActorKind{core.SystemActor}
)

// rule says who may do an act.
type rule struct {
	kinds []core.ActorKind
	scope core.Scopes // what a user's proof must allow; 0: anything
	write bool        // it changes something; to see one of the organisation's values takes admin:read alone
	admin bool        // of the whole server: only on the organisation, so only by an administrator
}

// policy says who may do what. A user acts on records of their own, an
// administrator also on the organisation's, which takes the scopes of an
// administrator too. Every other actor acts on records of its own owner only.
// What does not stand here nobody may do: gateway keys, for one, may do nothing.
var policy = map[string]rule{
	SecretCreate: {user, core.SecretsWrite, true, false},
	SecretUpdate: {user, core.SecretsWrite, true, false},
	SecretDelete: {user, core.SecretsWrite, true, false},
	SecretImport: {user, core.SecretsWrite, true, false},
	SecretReveal: {user, core.SecretsReveal, false, false},
	SecretGet:    {user, core.SecretsRead, false, false},
	SecretList:   {user, core.SecretsRead, false, false},

	ProfileCreate: {user, core.SecretsWrite, true, false},
	ProfileUpdate: {user, core.SecretsWrite, true, false},
	ProfileDelete: {user, core.SecretsWrite, true, false},
	ProfileUse:    {user, core.SecretsWrite, true, false},
	ProfileGet:    {user, core.SecretsRead, false, false},
	ProfileList:   {user, core.SecretsRead, false, false},

	MCPCreate: {user, core.SecretsWrite, true, false},
	MCPUpdate: {user, core.SecretsWrite, true, false},
	MCPDelete: {user, core.SecretsWrite, true, false},
	MCPGet:    {user, core.SecretsRead, false, false},
	MCPList:   {user, core.SecretsRead, false, false},

	AccountAdd:    {user, core.AccountsWrite, true, false},
	AccountUpdate: {user, core.AccountsWrite, true, false},
	AccountDelete: {user, core.AccountsWrite, true, false},
	AccountClear:  {user, core.AccountsWrite, true, false},
	AccountTest:   {user, core.AccountsWrite, true, false},
	AccountHealth: {user, core.AccountsWrite, true, false},
	AccountGet:    {user, core.AccountsRead, false, false},
	AccountList:   {user, core.AccountsRead, false, false},
	PoolUpdate:    {user, core.AccountsWrite, true, false},
	PoolList:      {user, core.AccountsRead, false, false},
	UsageRead:     {user, core.AccountsRead, false, false},

	WorkspaceCreate: {launch, core.WorkspacesKeys, true, false},
	WorkspaceRotate: {launch, core.WorkspacesKeys, true, false},
	WorkspaceUpdate: {launch, core.WorkspacesWrite, true, false},
	WorkspaceEnd:    {launch, core.WorkspacesWrite, true, false},
	WorkspaceGet:    {launch, core.WorkspacesRead, false, false},
	WorkspaceList:   {launch, core.WorkspacesRead, false, false},
	WorkspaceSweep:  {upkeep, 0, true, false},

	WorkspaceManifest: {workspace, 0, true, false},
	WorkspaceLookups:  {workspace, 0, false, false},
	WorkspaceLookup:   {workspace, 0, true, false},
	WorkspaceReport:   {workspace, 0, true, false},
	WorkspaceRenew:    {workspace, 0, false, false},
	WorkspaceLeave:    {workspace, 0, true, false},

	TokenCreate:   {user, core.TokensWrite, true, false},
	TokenDelete:   {user, core.TokensWrite, true, false},
	TokenList:     {user, core.TokensRead, false, false},
	TokenAsk:      {user, core.TokensWrite, true, false},
	TokenDecide:   {user, core.TokensWrite | core.SecretsReveal | core.WorkspacesKeys, true, false}, // as no token has
	SessionDelete: {user, core.TokensWrite, true, false},
	SessionList:   {user, core.TokensRead, false, false},
	LauncherList:  {user, core.TokensRead, false, false},
	StepUpAsk:     {user, core.SecretsReveal, false, false},
	StepUpDecide:  {user, core.SecretsReveal, false, false},
	StepUpUse:     {user, core.SecretsReveal, false, false},
	LoginStart:    {upkeep, 0, true, false},
	LoginDecide:   {user, core.TokensWrite | core.SecretsReveal | core.WorkspacesKeys, true, false},
	LoginGrant:    {upkeep, 0, true, false},
	UserSelf:      {user, 0, false, false},
	EventsRead:    {user, 0, false, false},

	UserCreate: {user, core.AdminWrite, true, true},
	UserUpdate: {user, core.AdminWrite, true, true},
	UserList:   {user, core.AdminRead, false, true},
	UserSignUp: {upkeep, 0, true, false},
	LinkCreate: {upkeep, 0, true, false},
	OrgApply:   {user, core.AdminWrite, true, true},

	VaultInit:      {user, 0, true, false},
	VaultStatus:    {user, core.AdminRead, false, true},
	VaultVerify:    {user, core.AdminRead, true, true},
	VaultBackup:    {user, core.AdminWrite, true, true},
	VaultRestore:   {user, core.AdminWrite, true, true},
	VaultRekey:     {user, core.AdminWrite, true, true},
	VaultReencrypt: {user, core.AdminWrite, true, true},

	AuditList:   {user, core.AuditRead, false, false},
	AuditExport: {user, core.AuditRead | core.AdminRead, false, true},
	AuditVerify: {user, core.AuditRead | core.AdminRead, false, true},

	AuditCheckpoint: {upkeep, 0, true, true},
}

// ofItself are the actions whose subject must be the acting workspace itself.
// Of a lookup the subject is the secret; whose workspace it is for is taken from
// the actor alone.
var ofItself = []string{WorkspaceManifest, WorkspaceLookups, WorkspaceReport, WorkspaceRenew, WorkspaceLeave}

func authorize(a core.Actor, act Act) error {
	r, known := policy[act.Action]
	switch {
	case !known || !slices.Contains(r.kinds, a.Kind):
		return denied(a, act)
	case a.ID == "" || a.Owner.ID == "" || a.Owner != act.Owner:
		return denied(a, act)
	case slices.Contains(ofItself, act.Action) && act.Subject != WorkspaceSubject(a.ID):
		return denied(a, act)
	case r.admin && act.Owner != core.Org:
		return denied(a, act)
	case a.Kind == core.UserActor:
		return r.forUser(a, act)
	}
	return nil
}

// forUser lets a user act on records of their own, and an administrator on the
// organisation's, within what their proof allows.
func (r rule) forUser(a core.Actor, act Act) error {
	need := r.scope
	if act.Owner == core.Org {
		if !a.Admin {
			return notAdmin(act)
		}
		need |= core.AdminRead
		if r.write {
			need |= core.AdminWrite
		}
	} else if act.Owner != (core.Owner{Kind: core.UserOwner, ID: a.ID}) {
		return denied(a, act)
	}
	if !a.Scopes.Has(need) {
		return outOfScope(act, need&^a.Scopes)
	}
	return nil
}

// Allows says whether the policy lets the actor do this at all; it records
// nothing. It is for deciding what to offer.
func Allows(actor core.Actor, action string) bool {
	return authorize(actor, Act{Action: action, Owner: actor.Owner, Subject: WorkspaceSubject(actor.ID)}) == nil
}

func denied(a core.Actor, act Act) error {
	return core.Errorf(core.Forbidden, "%s may not do this: %s", a, act.Action).WithReason("not_allowed").
		WithHint("this takes the owner of the record, not a key of a workspace")
}

func notAdmin(act Act) error {
	return core.Errorf(core.Forbidden, "this takes an administrator: %s", act.Action).WithReason("not_admin").
		WithHint("ask one of your administrators")
}

func outOfScope(act Act, missing core.Scopes) error {
	e := core.Errorf(core.Forbidden, "this token may not do this: %s", act.Action).WithReason("scope")
	for _, n := range missing.Names() {
		e.Details = append(e.Details, core.Detail{Field: "scope", Message: "it lacks " + n})
	}
	return e.WithHint("a token gives others no more than it has: take one that was made with these scopes, or sign in again with keyfob login")
}
