package guard

// The actions. Each is what an entry of the audit trail says was done.
const (
	SecretCreate = "secret.create"
	SecretUpdate = "secret.update"
	SecretDelete = "secret.delete"
	SecretImport = "secret.import"
	SecretReveal = "secret.reveal"
	SecretGet    = "secret.get"
	SecretList   = "secret.list"

	ProfileCreate = "profile.create"
	ProfileUpdate = "profile.update"
	ProfileDelete = "profile.delete"
	ProfileUse    = "profile.use" // it was made the active one
	ProfileGet    = "profile.get"
	ProfileList   = "profile.list"

	MCPCreate = "mcp.create"
	MCPUpdate = "mcp.update"
	MCPDelete = "mcp.delete"
	MCPGet    = "mcp.get"
	MCPList   = "mcp.list"

	AccountAdd    = "account.add"
	AccountUpdate = "account.update"
	AccountDelete = "account.delete"
	AccountClear  = "account.clear"
	AccountTest   = "account.test"   // the credential was taken to ask the provider
	AccountHealth = "account.health" // what the provider's answer showed
	AccountGet    = "account.get"
	AccountList   = "account.list"
	PoolUpdate    = "pool.update"
	PoolList      = "pool.list"

	WorkspaceCreate   = "workspace.create"
	WorkspaceUpdate   = "workspace.update"
	WorkspaceRotate   = "workspace.rotate" // its keys were replaced
	WorkspaceEnd      = "workspace.end"
	WorkspaceGet      = "workspace.get"
	WorkspaceList     = "workspace.list"
	WorkspaceSweep    = "workspace.sweep" // workspaces whose process or time is over were ended
	WorkspaceManifest = "workspace.manifest"
	WorkspaceLookups  = "workspace.lookups"
	WorkspaceLookup   = "workspace.lookup"
	WorkspaceReport   = "workspace.report"
	WorkspaceRenew    = "workspace.renew" // it says that it still runs
	WorkspaceLeave    = "workspace.leave" // it ended itself

	TokenCreate   = "token.create"
	TokenDelete   = "token.delete"
	TokenList     = "token.list"
	TokenAsk      = "token.ask"    // an approval was asked for, of a token that ends with no other
	TokenDecide   = "token.decide" // a browser approved or denied it; token.create uses it up
	SessionDelete = "session.delete"
	SessionList   = "session.list"
	LauncherList  = "launcher.list"
	StepUpAsk     = "step_up.ask"
	StepUpDecide  = "step_up.decide"
	StepUpUse     = "step_up.use"  // an approval was used up, for one reveal
	LoginStart    = "login.start"  // a command line asked to be signed in; nobody is known yet
	LoginDecide   = "login.decide" // a browser approved or denied a command line
	LoginGrant    = "login.grant"  // a browser or a command line was signed in
	LinkCreate    = "login.link"   // a one-time link or code was made, on the server's own machine
	UserSelf      = "user.self"
	EventsRead    = "events.read"

	UserCreate = "user.create"
	UserUpdate = "user.update"
	UserList   = "user.list"
	UserSignUp = "user.sign_up" // somebody whom a proxy vouches for came for the first time
	OrgApply   = "org.apply"

	VaultInit      = "vault.init"
	VaultStatus    = "vault.status"
	VaultVerify    = "vault.verify"
	VaultBackup    = "vault.backup"
	VaultRestore   = "vault.restore" // the first entry behind the state that was restored
	VaultRekey     = "vault.rekey"
	VaultReencrypt = "vault.reencrypt"

	AuditList   = "audit.list"
	AuditExport = "audit.export"
	AuditVerify = "audit.verify"
	// AuditCheckpoint: nothing but that what came before was signed.
	AuditCheckpoint = "audit.checkpoint"
	UsageRead       = "usage.read"
)

// SecretSubject names a secret in the audit trail.
func SecretSubject(name string) string { return "secret:" + name }

// AccountSubject names an account by its PROVIDER[/NAMESPACE]/LABEL.
func AccountSubject(ref string) string { return "account:" + ref }

// PoolSubject names a pool by its PROVIDER/NAMESPACE.
func PoolSubject(ref string) string { return "pool:" + ref }

// WorkspaceSubject names a workspace by its id.
func WorkspaceSubject(id string) string { return "workspace:" + id }

// ProfileSubject names an LLM profile.
func ProfileSubject(name string) string { return "profile:" + name }

// MCPSubject names an MCP server.
func MCPSubject(name string) string { return "mcp:" + name }

// TokenSubject names a personal token by its id.
func TokenSubject(id string) string { return "token:" + id }

// SessionSubject names a browser session by its id.
func SessionSubject(id string) string { return "session:" + id }

// ProofSubject names a sign-in link, a code, a login that waits or a step-up by
// its id.
func ProofSubject(id string) string { return "proof:" + id }

// UserSubject names a user by name.
func UserSubject(name string) string { return "user:" + name }
