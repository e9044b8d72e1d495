package core

import "time"

// Secret is a named value of an owner, without the value.
type Secret struct {
	ID           string
	Owner        Owner
	Name         string
	Description  string
	Enabled      bool
	Env          string // environment variable; empty: not delivered so
	File         string // path, "~/…" or absolute; empty: not delivered so
	Lookup       bool   // may be fetched by name from inside a workspace
	Selector     Selector
	Size         int   // bytes of the value
	Version      int64 // of the record: every write adds one
	ValueVersion int64 // of the value: only sealing adds one; bound into the ciphertext
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// SealedSecret is a Secret with its ciphertext.
type SealedSecret struct {
	Secret
	KeyID      string // the owner's data key that sealed it
	Ciphertext []byte
}

// AccountKind is how an account proves itself to its provider.
type AccountKind string

// APIKey is an account with a long-lived key.
const APIKey AccountKind = "api_key"

// DefaultNamespace is the namespace of an account that names none.
const DefaultNamespace = "default"

// Account is one credential at a provider, without the credential. It is
// written PROVIDER[/NAMESPACE]/LABEL.
type Account struct {
	ID           string
	Owner        Owner
	Provider     string
	Namespace    string
	Label        string
	Kind         AccountKind
	BaseURL      string // the upstream, as that provider's official SDK takes it; its origin is bound into the ciphertext
	QuotaGroup   string // accounts that share one limit; empty: its own
	Enabled      bool
	Position     int      // order within the pool, from 0
	Epoch        int64    // of its health: a clear adds one, and older health no longer counts
	Selector     Selector // of workspaces that may use it; empty: all
	Limit        Limit    // for each user, of an account of the organisation
	Fingerprint  string   // last four characters of an API key of at least 20, for people to tell keys apart; else empty
	Version      int64
	ValueVersion int64
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Limit bounds what each user takes of an account on one day (UTC). 0 is no
// limit.
type Limit struct{ Requests, Tokens int64 }

// Pool is how the accounts of one provider and namespace are used. One that is
// not stored has the zero value's settings and version 0.
type Pool struct {
	Owner          Owner
	Provider       string
	Namespace      string
	Strategy       Strategy
	AllowAmbiguous bool // send again though the work may have been done
	Version        int64
	UpdatedAt      time.Time
}

// Strategy is which account of a pool takes a request that belongs to none.
type Strategy string

// The strategies.
const (
	Sticky     Strategy = "sticky"      // the first in the user's order that is not cooling
	RoundRobin Strategy = "round_robin" // each in turn
)

// Ref is PROVIDER/LABEL in the default namespace, else PROVIDER/NAMESPACE/LABEL.
func (a Account) Ref() string {
	if a.Namespace == DefaultNamespace {
		return a.Provider + "/" + a.Label
	}
	return a.Provider + "/" + a.Namespace + "/" + a.Label
}

// SealedAccount is an Account with its ciphertext.
type SealedAccount struct {
	Account
	KeyID      string
	Ciphertext []byte
}

// Health is what is known against an account, for one model or (Model "") for
// the whole account. Records merge commutatively: a higher Epoch wins, within
// one epoch the later Until does. A record of kind "ok" clears the account at
// its epoch.
type Health struct {
	AccountID string
	Model     string
	Kind      string    // limited, expired, no_credit, dead, overloaded, transient, ok
	Until     time.Time // when it ends; Forever: not by itself
	Epoch     int64
	Reason    string // the adapter's own words, never the upstream's
	UpdatedAt time.Time
}

// Forever is an Until that no clock reaches.
var Forever = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// Workspace is a place where an agent runs.
type Workspace struct {
	ID            string
	Owner         Owner
	Labels        map[string]string
	Namespace     string            // of the accounts it may use; empty: default
	Only          []string          // names of secrets it may have; empty: all
	Except        []string          // names of secrets it may not have
	Providers     map[string]string // gateway path's provider to the provider whose accounts answer ("openai" -> "openrouter")
	Gateway       bool              // whether it has a gateway key
	Process       string            // which process keeps it, see core.Process; empty: none
	Launcher      string            // that made it for its owner; empty: the owner did
	SessionDigest []byte
	GatewayDigest []byte
	Version       int64
	CreatedAt     time.Time
	UpdatedAt     time.Time
	ExpiresAt     time.Time // its keys are worth nothing from then on unless it is renewed; zero: never
	EndedAt       time.Time // zero: live
}

// LiveAt says whether the workspace's keys are good.
func (w Workspace) LiveAt(now time.Time) bool {
	return w.EndedAt.IsZero() && (w.ExpiresAt.IsZero() || now.Before(w.ExpiresAt))
}

// WrappedKey is an owner's data key as the root key wrapped it.
type WrappedKey struct {
	ID        string
	Owner     Owner
	RootKeyID string
	Wrapped   []byte
	CreatedAt time.Time
}

// Header is what a vault says of itself.
type Header struct {
	Custody   string // the driver that keeps the root key
	RootKeyID string
	CreatedAt time.Time
}

// AuditEntry is one link of a writer's chain. Hash covers every other field and
// the previous entry's hash.
type AuditEntry struct {
	Writer   string
	Seq      int64 // from 1, without gaps
	At       time.Time
	Actor    Actor
	Action   string // such as "secret.set"
	Owner    Owner
	Subject  string            // such as "secret:NPM_TOKEN"
	Outcome  string            // attempt, ok, denied, failed
	Detail   map[string]string // names, versions, digests; never values
	PrevHash []byte
	Hash     []byte
}

// Head is the newest entry of one writer's chain.
type Head struct {
	Writer string
	Seq    int64
	Hash   []byte
}

// Checkpoint is a signed statement of all writers' heads at one moment. Each
// names the hash of the one before.
type Checkpoint struct {
	Number    int64 // from 1, without gaps
	At        time.Time
	Heads     []Head // in order of writer
	PrevHash  []byte
	Hash      []byte // covers everything but the signature
	KeyID     string // of the key that signed
	Signature []byte // over Hash
}

// UsageKey is what usage is counted by.
type UsageKey struct {
	Owner     Owner
	AccountID string
	Model     string
	Workspace string
	Day       string // UTC, 2006-01-02
}

// Usage counts requests and tokens. Tokens that an answer did not report are
// counted in Unreported, never as 0.
type Usage struct {
	UsageKey
	Requests     int64 // answers handed to a client, and requests that were sent and given up
	Rotations    int64 // attempts that failed over to another account
	Errors       int64 // answers with status 400 or more handed to a client
	InputTokens  int64
	OutputTokens int64
	Unreported   int64 // answers that did not report all of their usage
	Estimated    int64 // tokens that the unreported ones count for against a limit, and nowhere else
}

// Change says that a record changed.
type Change struct {
	Seq   int64
	Kind  string // secret, account, pool, health, workspace, profile, mcp, user, token, session, key, header
	Owner Owner
	ID    string
}
