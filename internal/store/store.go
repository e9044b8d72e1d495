// Package store is the port through which records are kept. A driver keeps the
// contract that package storetest checks; nothing above it knows which driver
// it has.
//
// Every method of a Tx gives *core.Error: not_found for a missing record,
// conflict for a stale version or a name that is taken, unavailable for a full
// disk, a lock that was not had in time or a read-only file, and internal for a
// damaged store, with a hint.
//
// Times are kept to the microsecond and come back in UTC.
package store

import (
	"context"
	"time"

	"keyfob/internal/core"
)

// Store keeps records.
type Store interface {
	// View runs fn over one consistent state.
	View(ctx context.Context, fn func(Tx) error) error
	// Update runs fn in one write transaction: all of it is durable when Update
	// returns nil, none of it otherwise. fn may run only once.
	Update(ctx context.Context, fn func(Tx) error) error
	// Version is a number that differs after any process committed a change. It
	// is cheap enough to ask several times a second.
	Version(ctx context.Context) (int64, error)
	Close() error
}

// Tx is the state that one transaction sees. It is not safe for concurrent use
// and ends with the function it was given to.
type Tx interface {
	Vault() Vault
	Secrets() Secrets
	Accounts() Accounts
	Health() Health
	Workspaces() Workspaces
	Usage() Usage
	Audit() Audit
	Changes() Changes
	Users() Users
	Tokens() Tokens
	Sessions() Sessions
	Proofs() Proofs
	Pools() Pools
	Profiles() Profiles
	MCPServers() MCPServers
	Checkpoints() Checkpoints
	Idempotency() Idempotency
}

// Page asks for a part of a list: at most Limit records (at least 1) after the
// one whose key is After; "" starts at the first. Each list says what its key is.
type Page struct {
	After string
	Limit int
}

// Vault keeps the header and the owners' wrapped data keys.
type Vault interface {
	Header(ctx context.Context) (core.Header, error)    // not_found before SetHeader
	SetHeader(ctx context.Context, h core.Header) error // conflict if there is one
	// Key is the owner's; not_found if there is none. From an Update that asked for
	// it until its end, no other one changes it: so what is sealed and stored there
	// is never sealed with a key that is gone.
	Key(ctx context.Context, o core.Owner) (core.WrappedKey, error)
	PutKey(ctx context.Context, k core.WrappedKey) error // conflict if the owner has one
	// Keys lists every owner's, in order of owner.
	Keys(ctx context.Context) ([]core.WrappedKey, error)
	// Rewrap replaces the header and every wrapped key with those given, by id;
	// conflict unless they are just the keys that are stored.
	Rewrap(ctx context.Context, h core.Header, keys []core.WrappedKey) error
	// ReplaceKey puts another data key in the place of the owner's; not_found if
	// the owner has none.
	ReplaceKey(ctx context.Context, k core.WrappedKey) error
	// Owners lists the owners of secrets, accounts, pools, MCP servers, profiles
	// and live workspaces, and the users of tokens and browser sessions, in order.
	Owners(ctx context.Context) ([]core.Owner, error)
}

// Secrets keeps secrets by owner and name.
type Secrets interface {
	Get(ctx context.Context, o core.Owner, name string) (core.SealedSecret, error)
	ByID(ctx context.Context, id string) (core.SealedSecret, error) // whose ever it is
	// List is in order of name (bytes), with the ciphertext.
	List(ctx context.Context, o core.Owner) ([]core.SealedSecret, error)
	// Page is in order of name (its key), without reading ciphertext.
	Page(ctx context.Context, o core.Owner, p Page) ([]core.Secret, error)
	// Sealed is a page in order of name (its key), with the ciphertext, of those
	// that another data key than except sealed; "" leaves out none.
	Sealed(ctx context.Context, o core.Owner, except string, p Page) ([]core.SealedSecret, error)
	// Create needs Version 1; conflict if the name is taken.
	Create(ctx context.Context, s core.SealedSecret) error
	// Update replaces the record with this ID whose Version is expect, and
	// stores expect+1 as its Version, whatever s says. The owner never changes.
	Update(ctx context.Context, s core.SealedSecret, expect int64) error
	Delete(ctx context.Context, id string, expect int64) error
}

// Accounts keeps accounts by owner, provider, namespace and label.
type Accounts interface {
	Get(ctx context.Context, o core.Owner, provider, namespace, label string) (core.SealedAccount, error)
	ByID(ctx context.Context, id string) (core.SealedAccount, error)
	// List is in order of provider, namespace, position, label.
	List(ctx context.Context, o core.Owner) ([]core.SealedAccount, error)
	Create(ctx context.Context, a core.SealedAccount) error
	// Update is that of Secrets, and leaves the Epoch, which belongs to Health.
	Update(ctx context.Context, a core.SealedAccount, expect int64) error
	// Delete removes the account and its health; its usage stays.
	Delete(ctx context.Context, id string, expect int64) error
}

// MaxModels is how many records of health for single models an account has.
const MaxModels = 256

// Health keeps what is known against accounts.
type Health interface {
	// List gives the records of the owner's accounts whose Epoch is the
	// account's own.
	List(ctx context.Context, o core.Owner) ([]core.Health, error)
	// Merge takes records in commutatively, in any order and number of times:
	// of kind "ok", the account's Epoch becomes at least the record's and older
	// records are dropped; of any other kind, a record with a lower Epoch than
	// the account's is ignored, one with a higher Epoch raises it, and within
	// one epoch the later Until stays, with its kind and reason. Records of
	// accounts that are gone are ignored. Of an account's records for single
	// models the MaxModels that end last stay, since names of models come from
	// clients.
	Merge(ctx context.Context, records []core.Health) error
}

// Workspaces keeps workspaces, live and ended.
type Workspaces interface {
	Get(ctx context.Context, id string) (core.Workspace, error)
	// BySession and ByGateway find the workspace with this token digest that has
	// not ended; whether it has expired is for the caller to say.
	BySession(ctx context.Context, digest []byte) (core.Workspace, error)
	ByGateway(ctx context.Context, digest []byte) (core.Workspace, error)
	// Live lists those that have not ended, oldest first.
	Live(ctx context.Context, o core.Owner) ([]core.Workspace, error)
	// Page is in order of creation, newest first; its key is the id. Only those
	// that f lets through.
	Page(ctx context.Context, o core.Owner, f WorkspaceFilter, p Page) ([]core.Workspace, error)
	// CountLive is the number of the owner's live ones; of all owners' for the
	// zero Owner.
	CountLive(ctx context.Context, o core.Owner) (int, error)
	Create(ctx context.Context, w core.Workspace) error // needs Version 1
	// Update replaces labels, digests, ExpiresAt and UpdatedAt of the live one
	// with this ID whose Version is expect, and stores expect+1.
	Update(ctx context.Context, w core.Workspace, expect int64) error
	// Renew sets ExpiresAt of a live workspace, and is no change of the record:
	// neither its version nor the feed shows it. not_found if it is not live.
	Renew(ctx context.Context, id string, until time.Time) error
	// End marks it ended and forgets its digests; its version grows by one and
	// its UpdatedAt becomes at. not_found if it is not live.
	End(ctx context.Context, id string, at time.Time) error
	// Expired lists at most limit live ones, of every owner, whose ExpiresAt is
	// set and not after now.
	Expired(ctx context.Context, now time.Time, limit int) ([]core.Workspace, error)
}

// WorkspaceFilter narrows a list; the zero value lets every live one through.
type WorkspaceFilter struct {
	Ended    bool          // ended ones too
	Selector core.Selector // labels that it must have
	Launcher string        // that made it; empty: any
}

// Usage keeps counts.
type Usage interface {
	// Add adds each count to the stored one with its key.
	Add(ctx context.Context, counts []core.Usage) error
	List(ctx context.Context, o core.Owner, since time.Time) ([]core.Usage, error)
}

// MaxAuditPage is how many bytes the Details of a page of entries have, but for
// the last of them.
const MaxAuditPage = 4 << 20

// Audit keeps the writers' chains. It only stores: guard makes the hashes.
type Audit interface {
	// Head is the newest entry of a writer; not_found before the first.
	Head(ctx context.Context, writer string) (core.AuditEntry, error)
	// Append is a conflict unless Seq is the head's plus one. Of the actor it
	// keeps kind, id and owner.
	Append(ctx context.Context, e core.AuditEntry) error
	// List is newest first, at most limit entries with (At, Seq) older than
	// before; a zero before starts at the newest. A page may be shorter than
	// limit, so that it does not end between entries of one microsecond, and ends
	// early when its Details come to more than MaxAuditPage: the At of its last
	// entry is the before of the next page, until one is empty.
	List(ctx context.Context, o core.Owner, before time.Time, limit int) ([]core.AuditEntry, error)
	// ListAll is List over every owner's entries.
	ListAll(ctx context.Context, before time.Time, limit int) ([]core.AuditEntry, error)
	// Heads is the newest entry of every writer, in order of writer.
	Heads(ctx context.Context) ([]core.Head, error)
	// Walk calls fn for each entry of a writer in order of Seq.
	Walk(ctx context.Context, writer string, fn func(core.AuditEntry) error) error
	// After lists a writer's entries with a Seq above seq, in order, at most limit.
	After(ctx context.Context, writer string, seq int64, limit int) ([]core.AuditEntry, error)
	Writers(ctx context.Context) ([]string, error)
}

// Changes is the log that the feed reads. The driver appends to it itself, one
// row per record that a transaction wrote, and keeps at least the newest 10,000.
// Usage, the audit trail, proofs and idempotency keys are no such records.
//
// A change of a user, token or browser session has that user as its owner; the
// ID of a pool's is PROVIDER/NAMESPACE.
type Changes interface {
	// After lists changes with a Seq above seq, oldest first, at most limit.
	After(ctx context.Context, seq int64, limit int) ([]core.Change, error)
	// Last is the newest Seq, 0 where there is none.
	Last(ctx context.Context) (int64, error)
	// First is the oldest Seq that is kept, 0 where there is none.
	First(ctx context.Context) (int64, error)
}

// Users keeps people.
type Users interface {
	Get(ctx context.Context, id string) (core.User, error)
	ByName(ctx context.Context, name string) (core.User, error)
	ByEmail(ctx context.Context, email string) (core.User, error)
	// Page is in order of name, its key.
	Page(ctx context.Context, p Page) ([]core.User, error)
	Create(ctx context.Context, u core.User) error // needs Version 1; conflict if name or email is taken
	Update(ctx context.Context, u core.User, expect int64) error
}

// Bearers keeps what a user shows to be known.
type Bearers[T any] interface {
	Get(ctx context.Context, id string) (T, error)
	ByDigest(ctx context.Context, digest []byte) (T, error)
	// List is a user's, oldest first, expired ones too.
	List(ctx context.Context, userID string) ([]T, error)
	Create(ctx context.Context, x T) error
	// Used notes when they were last used, by id; those that are gone are
	// ignored, as is a time before the stored one. It is no change.
	Used(ctx context.Context, at map[string]time.Time) error
	Delete(ctx context.Context, id string) error
	// DeleteAll removes every one of a user and gives their number.
	DeleteAll(ctx context.Context, userID string) (int, error)
}

// Tokens keeps personal tokens.
type Tokens interface{ Bearers[core.Token] }

// Sessions keeps browser sessions.
type Sessions interface {
	Bearers[core.BrowserSession]
	// Sweep removes tokens' and browser sessions' records that ended before t.
	Sweep(ctx context.Context, t time.Time) error
}

// Proofs keeps proofs. None is a change.
type Proofs interface {
	Get(ctx context.Context, id string) (core.Proof, error)
	ByDigest(ctx context.Context, digest []byte) (core.Proof, error)
	ByUserCode(ctx context.Context, digest []byte) (core.Proof, error)
	// List is a user's, oldest first, those that are over too.
	List(ctx context.Context, userID string) ([]core.Proof, error)
	// Page is all of them in order of id, its key.
	Page(ctx context.Context, p Page) ([]core.Proof, error)
	Create(ctx context.Context, p core.Proof) error
	// Decide stores State, UserID, Approver, DecidedAt and ExpiresAt of the one
	// with this ID whose State is from; conflict if it is another by now.
	Decide(ctx context.Context, p core.Proof, from core.ProofState) error
	// Pending is how many of a kind are pending and not expired at now.
	Pending(ctx context.Context, k core.ProofKind, now time.Time) (int, error)
	// PendingOf is how many of those are one user's.
	PendingOf(ctx context.Context, k core.ProofKind, userID string, now time.Time) (int, error)
	// DeleteAll removes a user's and gives their number.
	DeleteAll(ctx context.Context, userID string) (int, error)
	// Sweep removes those that expired before t.
	Sweep(ctx context.Context, t time.Time) error
}

// Pools keeps the settings of pools.
type Pools interface {
	// Get gives not_found where none are stored.
	Get(ctx context.Context, o core.Owner, provider, namespace string) (core.Pool, error)
	List(ctx context.Context, o core.Owner) ([]core.Pool, error) // in order of provider, namespace
	// Put stores settings whose Version is expect (0: none are stored) as
	// expect+1; conflict if it is another.
	Put(ctx context.Context, p core.Pool, expect int64) error
}

// Profiles keeps LLM profiles by owner and name; versions are as of Secrets.
type Profiles interface {
	Get(ctx context.Context, o core.Owner, name string) (core.Profile, error)
	ByID(ctx context.Context, id string) (core.Profile, error)
	List(ctx context.Context, o core.Owner) ([]core.Profile, error) // in order of name
	Create(ctx context.Context, p core.Profile) error
	Update(ctx context.Context, p core.Profile, expect int64) error
	Delete(ctx context.Context, id string, expect int64) error
	// Activate makes this one the owner's active profile, and no other; the
	// version of each record that it changes grows by one.
	Activate(ctx context.Context, o core.Owner, id string) error
}

// MCPServers keeps MCP servers by owner and name; versions are as of Secrets.
type MCPServers interface {
	Get(ctx context.Context, o core.Owner, name string) (core.SealedMCPServer, error)
	ByID(ctx context.Context, id string) (core.SealedMCPServer, error)
	List(ctx context.Context, o core.Owner) ([]core.SealedMCPServer, error) // in order of name
	Create(ctx context.Context, m core.SealedMCPServer) error
	Update(ctx context.Context, m core.SealedMCPServer, expect int64) error
	Delete(ctx context.Context, id string, expect int64) error
}

// Checkpoints keeps signed statements of the audit chains' heads.
type Checkpoints interface {
	Last(ctx context.Context) (core.Checkpoint, error) // not_found where there is none
	// Append is a conflict unless Number is the last's plus one.
	Append(ctx context.Context, c core.Checkpoint) error
	// After lists those with a Number above number, in order, at most limit.
	After(ctx context.Context, number int64, limit int) ([]core.Checkpoint, error)
	// Walk calls fn for each in order of Number.
	Walk(ctx context.Context, fn func(core.Checkpoint) error) error
}

// Idempotency keeps answers to requests that made something.
type Idempotency interface {
	Get(ctx context.Context, actor, key string) (core.Idempotency, error)
	Create(ctx context.Context, i core.Idempotency) error // conflict if actor and key are there
	Sweep(ctx context.Context, before time.Time) error
}
