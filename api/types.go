package api

import "time"

// Secret is a secret without its value.
type Secret struct {
	ID          string            `json:"id"`   // it never changes
	Name        string            `json:"name"` // unique among its owner's
	Description string            `json:"description"`
	Enabled     bool              `json:"enabled"`            // whether any workspace receives it
	Env         string            `json:"env,omitempty"`      // the variable it is delivered as; left out: none
	File        string            `json:"file,omitempty"`     // the path it is written to, from ~/ or /; left out: none
	Lookup      bool              `json:"lookup"`             // whether code in a workspace may fetch it by name
	Selector    map[string]string `json:"selector,omitempty"` // labels that a workspace must have to receive it; left out: every workspace
	Size        int               `json:"size"`               // bytes of the value
	Version     int64             `json:"version"`            // grows by one with each change; the ETag is made of it
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
	Warnings    []string          `json:"warnings,omitempty"` // of the write that answered this, such as a likely collision
}

// SecretList answers GET /v1/secrets, in order of name.
type SecretList struct {
	Secrets []Secret `json:"secrets"`
	Shared  int      `json:"shared,omitempty"` // on the first page of a user's own: how many the organisation gives them besides, which GET /v1/shared lists
	Next    string   `json:"next,omitempty"`   // the cursor of the next page; empty: there is none
}

// SecretCreate is the body of POST /v1/secrets.
type SecretCreate struct {
	Name        string            `json:"name" minLength:"1" maxLength:"255" pattern:"^[^/?#]+$"`              // 1 to 255 bytes, without / ? # and without spaces at its ends
	Value       Value             `json:"value" minLength:"4"`                                                 // at least a byte, at most 1 MiB unless the server says otherwise, no NUL
	Description string            `json:"description,omitempty" maxLength:"4096"`                              // for people
	Enabled     *bool             `json:"enabled,omitempty"`                                                   // left out: true
	Env         string            `json:"env,omitempty" maxLength:"256" pattern:"^([A-Za-z_][A-Za-z0-9_]*)?$"` // deliver it as this variable; at most 96 KiB then
	File        string            `json:"file,omitempty" maxLength:"4096" pattern:"^(~/|/|$)"`                 // write it to this path, from ~/ or /
	Lookup      bool              `json:"lookup,omitempty"`                                                    // let code in a workspace fetch it by name
	Selector    map[string]string `json:"selector,omitempty" maxProperties:"32"`                               // labels that a workspace must have to receive it; left out: every workspace
}

// SecretUpdate is the body of PATCH /v1/secrets/{name}: what is nil stays.
type SecretUpdate struct {
	Value       *Value             `json:"value,omitempty" minLength:"4"` // a new value
	Description *string            `json:"description,omitempty" maxLength:"4096"`
	Enabled     *bool              `json:"enabled,omitempty"`
	Env         *string            `json:"env,omitempty" maxLength:"256" pattern:"^([A-Za-z_][A-Za-z0-9_]*)?$"` // "" clears
	File        *string            `json:"file,omitempty" maxLength:"4096" pattern:"^(~/|/|$)"`                 // "" clears
	Lookup      *bool              `json:"lookup,omitempty"`                                                    // whether code in a workspace may fetch it by name
	Selector    *map[string]string `json:"selector,omitempty" maxProperties:"32"`                               // {} clears
}

// SecretImport is the body of POST /v1/secrets/import.
type SecretImport struct {
	Format   string            `json:"format" enum:"env,json,yaml"`           // env, json, yaml
	Content  Value             `json:"content" minLength:"4"`                 // the file as it is
	DryRun   bool              `json:"dry_run,omitempty"`                     // only say what would be done
	Env      bool              `json:"env,omitempty"`                         // deliver each as the variable of its name
	Lookup   bool              `json:"lookup,omitempty"`                      // and allow lookup
	Selector map[string]string `json:"selector,omitempty" maxProperties:"32"` // of each
}

// ImportResult says what an import did, or with DryRun would do.
type ImportResult struct {
	DryRun  bool     `json:"dry_run"`
	Secrets []Secret `json:"secrets"` // no ID in a dry run
}

// Reveal answers POST /v1/secrets/{name}/reveal.
type Reveal struct {
	Name    string `json:"name"`
	Version int64  `json:"version"`
	Value   Value  `json:"value"`
}

// RevealRequest is its body: on one machine the secret's name again, at a server
// the id of an approved step-up.
type RevealRequest struct {
	Confirm string `json:"confirm,omitempty"` // on one machine: the secret's name again
	StepUp  string `json:"step_up,omitempty"` // at a server: the id of an approved step-up
}

// Provider is a service that accounts can be at.
type Provider struct {
	ID         string   `json:"id"`
	Title      string   `json:"title"`
	BaseURL    string   `json:"base_url,omitempty"`                                   // empty: an account must name its own
	Dialect    string   `json:"dialect" enum:"anthropic,openai,google"`               // anthropic, openai or google
	Policy     string   `json:"policy" enum:"allowed,user_responsibility,prohibited"` // what its terms say of API keys: allowed, user_responsibility, prohibited
	PolicyNote string   `json:"policy_note,omitempty"`
	KeyPage    string   `json:"key_page,omitempty"` // where a person gets an API key
	KeyVars    []string `json:"key_vars,omitempty"` // variables in which its clients look for one
}

// ProviderList answers GET /v1/providers.
type ProviderList struct {
	Providers []Provider `json:"providers"`
}

// Account is an account without its credential.
type Account struct {
	ID          string            `json:"id"`  // it never changes
	Ref         string            `json:"ref"` // PROVIDER[/NAMESPACE]/LABEL
	Provider    string            `json:"provider"`
	Namespace   string            `json:"namespace"`
	Label       string            `json:"label"`                 // its name in its pool
	Kind        string            `json:"kind"`                  // api_key
	BaseURL     string            `json:"base_url"`              // the upstream; the credential is sealed for its origin
	QuotaGroup  string            `json:"quota_group,omitempty"` // accounts that share one limit at the provider; left out: its own
	Enabled     bool              `json:"enabled"`
	Refused     bool              `json:"refused,omitempty"`     // the server sends to no such base URL (its setting upstream_allow): the account is not used
	Position    int               `json:"position"`              // in its pool, from 0
	Fingerprint string            `json:"fingerprint,omitempty"` // the last characters of the key, for people to tell keys apart
	Policy      string            `json:"policy"`                // what the provider's terms say of such keys: allowed, user_responsibility or prohibited
	PolicyNote  string            `json:"policy_note,omitempty"`
	Org         bool              `json:"org,omitempty"`      // it is the organisation's
	Selector    map[string]string `json:"selector,omitempty"` // of workspaces that may use it
	Limit       Limit             `json:"limit,omitzero"`     // for each user, of an organisation's account
	Version     int64             `json:"version"`            // grows by one with each change; the ETag is made of it
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
	Health      []Cooldown        `json:"health"` // empty: ready
}

// Cooldown is what is held against an account now.
type Cooldown struct {
	Model   string    `json:"model,omitempty"` // empty: the whole account
	Kind    string    `json:"kind"`            // what the provider said: limited, expired, no_credit, dead, overloaded or transient
	Reason  string    `json:"reason,omitempty"`
	Until   time.Time `json:"until,omitzero"` // left out: until cleared, tested or replaced
	Seconds Seconds   `json:"seconds_left,omitempty"`
}

// AccountList answers GET /v1/accounts, in order of pool and position.
type AccountList struct {
	Accounts []Account `json:"accounts"`
	Shared   int       `json:"shared,omitempty"` // on the first page of a user's own: how many the organisation gives them besides, which GET /v1/shared lists
	Next     string    `json:"next,omitempty"`   // the cursor of the next page; empty: there is none
}

// AccountCreate is the body of POST /v1/accounts.
type AccountCreate struct {
	Provider   string            `json:"provider" minLength:"1" maxLength:"64"`                                                // one of GET /v1/providers
	Namespace  string            `json:"namespace,omitempty" pattern:"^([A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?)?$"`   // empty: default
	Label      string            `json:"label" pattern:"^[A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?$"`                    // its name in its pool
	Key        Value             `json:"key" minLength:"4"`                                                                    // the credential
	BaseURL    string            `json:"base_url,omitempty" maxLength:"2048"`                                                  // empty: the provider's own
	QuotaGroup string            `json:"quota_group,omitempty" pattern:"^([A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?)?$"` // accounts that share one limit at the provider
	Selector   map[string]string `json:"selector,omitempty" maxProperties:"32"`                                                // labels that a workspace must have to use it; left out: every workspace
	Limit      Limit             `json:"limit,omitzero"`                                                                       // of an organisation's account
}

// AccountUpdate is the body of PATCH /v1/accounts/{provider}/{namespace}/{label}:
// what is nil stays. BaseURL with another origin needs Key too.
type AccountUpdate struct {
	Label      *string            `json:"label,omitempty" pattern:"^[A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?$"`     // another name
	Namespace  *string            `json:"namespace,omitempty" pattern:"^[A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?$"` // moves it to the end of that pool
	Position   *int               `json:"position,omitempty" minimum:"0"`                                                  // from 0; beyond the end is the end
	Enabled    *bool              `json:"enabled,omitempty"`
	BaseURL    *string            `json:"base_url,omitempty" maxLength:"2048"`                                                  // empty: the provider's own; another origin needs key too
	Key        *Value             `json:"key,omitempty" minLength:"4"`                                                          // a new credential; it clears what is held against the account
	QuotaGroup *string            `json:"quota_group,omitempty" pattern:"^([A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?)?$"` // empty: its own
	Selector   *map[string]string `json:"selector,omitempty" maxProperties:"32"`                                                // {} clears
	Limit      *Limit             `json:"limit,omitempty"`                                                                      // of an organisation's account
}

// AccountTest answers POST /v1/accounts/{…}/test: what one free request to the
// provider showed. A good answer clears what was held against the account.
type AccountTest struct {
	Ref     string   `json:"ref"`
	OK      bool     `json:"ok"`      // the provider takes the credential
	Status  int      `json:"status"`  // of its answer
	Verdict string   `json:"verdict"` // what it means
	Reason  string   `json:"reason,omitempty"`
	Models  []string `json:"models,omitempty"` // that the account may use
}

// WorkspaceCreate is the body of POST /v1/workspaces.
type WorkspaceCreate struct {
	Labels    map[string]string `json:"labels,omitempty" maxProperties:"32"`                                                // by which selectors pick what it receives
	Namespace string            `json:"namespace,omitempty" pattern:"^([A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?)?$"` // of the accounts it may use; left out: default
	Only      []string          `json:"only,omitempty" maxItems:"2000"`                                                     // names of secrets it may have; left out: all
	Except    []string          `json:"except,omitempty" maxItems:"2000"`                                                   // names of secrets it may not have
	Providers map[string]string `json:"providers,omitempty"`                                                                // provider as clients know it, to the one whose accounts answer
	Gateway   bool              `json:"gateway"`                                                                            // whether it gets a gateway key
	Process   string            `json:"process,omitempty"`                                                                  // on one machine: ends with this process, see the run command
	Seconds   Seconds           `json:"seconds,omitempty" minimum:"0" maximum:"31622400"`                                   // its keys are good so long unless it is renewed; 0: until it is stopped
}

// WorkspaceUpdate is the body of PATCH /v1/workspaces/{id}: what is nil stays.
type WorkspaceUpdate struct {
	Labels *map[string]string `json:"labels,omitempty" maxProperties:"32"` // all of them anew
}

// Workspace is a place where an agent runs.
type Workspace struct {
	ID        string            `json:"id"` // it never changes
	Labels    map[string]string `json:"labels,omitempty"`
	Namespace string            `json:"namespace"`
	Gateway   bool              `json:"gateway"`            // whether it has a gateway key
	Launcher  string            `json:"launcher,omitempty"` // that made it for its user
	Version   int64             `json:"version"`            // grows by one with each change, not with a renewal; the ETag is made of it
	CreatedAt time.Time         `json:"created_at"`
	UpdatedAt time.Time         `json:"updated_at"`
	ExpiresAt time.Time         `json:"expires_at,omitzero"` // unless it is renewed; left out: never
	EndedAt   time.Time         `json:"ended_at,omitzero"`   // left out: it is live
}

// WorkspaceCreated carries both keys, once.
type WorkspaceCreated struct {
	Workspace
	SessionKey Key `json:"session_key" pattern:"^kfs_[a-z2-7]{59}$"`          // for code inside the workspace
	GatewayKey Key `json:"gateway_key,omitzero" pattern:"^kfg_[a-z2-7]{59}$"` // for clients of the gateway
}

// WorkspaceList answers GET /v1/workspaces, newest first: the live ones, with
// ?ended=true all.
type WorkspaceList struct {
	Workspaces []Workspace `json:"workspaces"`
	Next       string      `json:"next,omitempty"` // the cursor of the next page; empty: there is none
}

// WorkspaceRenewed answers POST /v1/workspace/renew.
type WorkspaceRenewed struct {
	ExpiresAt time.Time `json:"expires_at,omitzero"` // left out: it does not expire
}

// Manifest answers GET /v1/workspace/manifest: what this workspace is to
// receive now. Files are in order of precedence: where two paths lead to one
// file, the first has it.
type Manifest struct {
	Workspace string           `json:"workspace"`
	Version   int64            `json:"version"` // differs when anything in it does
	Env       []EnvDelivery    `json:"env"`
	Files     []FileDelivery   `json:"files"`
	Lookups   []LookupDelivery `json:"lookups"`
	Gateways  []Gateway        `json:"gateways"`
	Conflicts []TargetConflict `json:"conflicts"`
}

// EnvDelivery is one variable.
type EnvDelivery struct {
	Secret string `json:"secret"`
	Org    bool   `json:"org,omitempty"` // the secret is the organisation's
	Name   string `json:"name"`
	Value  Value  `json:"value"`
}

// FileDelivery is one file. Path begins with "~/" or "/".
type FileDelivery struct {
	Secret string `json:"secret"`
	Org    bool   `json:"org,omitempty"`
	Path   string `json:"path"`
	Value  Value  `json:"value"`
}

// LookupDelivery is one secret that may be fetched by name.
type LookupDelivery struct {
	Secret      string `json:"secret"`
	Org         bool   `json:"org,omitempty"`
	Description string `json:"description,omitempty"`
}

// Gateway is one provider that the gateway answers for: its base URL is the
// gateway's address with Path. There is one for each provider with an enabled
// account.
type Gateway struct {
	Provider string   `json:"provider"`                               // as clients know it: the left side of run's --provider
	Backend  string   `json:"backend"`                                // whose accounts answer
	Dialect  string   `json:"dialect" enum:"anthropic,openai,google"` // anthropic, openai or google
	Path     string   `json:"path"`                                   // /p/PROVIDER/NAMESPACE
	KeyVars  []string `json:"key_vars"`                               // variables in which its clients look for a real key
}

// TargetConflict is a delivery that lost its target to another.
type TargetConflict struct {
	Target string `json:"target"` // env:NAME, file:PATH or lookup:NAME
	Secret string `json:"secret"` // the loser
	Winner string `json:"winner"`
	Why    string `json:"why"`
}

// Outcome is what became of one delivery. No field holds a value.
type Outcome struct {
	Secret   string `json:"secret,omitempty"`
	Delivery string `json:"delivery" enum:"env,file,lookup,gateway"`             // env, file, lookup, gateway
	Target   string `json:"target,omitempty"`                                    // the variable, or the path after resolution
	State    string `json:"state" enum:"delivered,conflict,failed,late,removed"` // delivered, conflict, failed, late, removed
	Over     string `json:"over,omitempty"`                                      // what it stands over: "environment"
	With     string `json:"with,omitempty"`                                      // of a conflict
	Why      string `json:"why,omitempty"`                                       // of a failure
}

// Report is the body of POST /v1/workspace/report: the injection report.
type Report struct {
	Version  int64     `json:"version"` // of the manifest
	Outcomes []Outcome `json:"outcomes" maxItems:"6000"`
}

// LookupList answers GET /v1/workspace/secrets.
type LookupList struct {
	Secrets []LookupDelivery `json:"secrets"`
}

// Status answers GET /v1/status.
type Status struct {
	Accounts   []AccountStatus `json:"accounts"`
	Workspaces int             `json:"workspaces"` // live
	Secrets    int             `json:"secrets"`
	Since      time.Time       `json:"since"` // what the counts cover

	SharedSecrets  int `json:"shared_secrets,omitempty"`  // that the organisation gives whoever asks; GET /v1/shared lists them
	SharedAccounts int `json:"shared_accounts,omitempty"` // the same, of its accounts
}

// AccountStatus is an account with its counts.
type AccountStatus struct {
	Account
	Requests     int64        `json:"requests"`
	Rotations    int64        `json:"rotations"`
	Errors       int64        `json:"errors"`
	InputTokens  int64        `json:"input_tokens"`
	OutputTokens int64        `json:"output_tokens"`
	Unreported   int64        `json:"unreported"`
	Models       []ModelUsage `json:"models,omitempty"`
}

// ModelUsage is the same by model.
type ModelUsage struct {
	Model        string `json:"model"`
	Requests     int64  `json:"requests"`
	Rotations    int64  `json:"rotations"`
	InputTokens  int64  `json:"input_tokens"`
	OutputTokens int64  `json:"output_tokens"`
	Unreported   int64  `json:"unreported"`
}
