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
}

// Vault keeps the header and the owners' wrapped data keys.
type Vault interface {
	Header(ctx context.Context) (core.Header, error)    // not_found before SetHeader
	SetHeader(ctx context.Context, h core.Header) error // conflict if there is one
	Key(ctx context.Context, o core.Owner) (core.WrappedKey, error)
	PutKey(ctx context.Context, k core.WrappedKey) error // conflict if the owner has one
}

// Secrets keeps secrets by owner and name.
type Secrets interface {
	Get(ctx context.Context, o core.Owner, name string) (core.SealedSecret, error)
	// List is in order of name (bytes), with the ciphertext.
	List(ctx context.Context, o core.Owner) ([]core.SealedSecret, error)
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
	// BySession and ByGateway find the live workspace with this token digest.
	BySession(ctx context.Context, digest []byte) (core.Workspace, error)
	ByGateway(ctx context.Context, digest []byte) (core.Workspace, error)
	// Live lists the live ones, oldest first.
	Live(ctx context.Context, o core.Owner) ([]core.Workspace, error)
	Create(ctx context.Context, w core.Workspace) error
	// End marks it ended and forgets its digests; not_found if it is not live.
	End(ctx context.Context, id string, at time.Time) error
}

// Usage keeps counts.
type Usage interface {
	// Add adds each count to the stored one with its key.
	Add(ctx context.Context, counts []core.Usage) error
	List(ctx context.Context, o core.Owner, since time.Time) ([]core.Usage, error)
}

// Audit keeps the writers' chains. It only stores: guard makes the hashes.
type Audit interface {
	// Head is the newest entry of a writer; not_found before the first.
	Head(ctx context.Context, writer string) (core.AuditEntry, error)
	// Append is a conflict unless Seq is the head's plus one.
	Append(ctx context.Context, e core.AuditEntry) error
	// List is newest first, at most limit entries with (At, Seq) older than
	// before; a zero before starts at the newest. A page may be shorter than
	// limit, so that it does not end between entries of one microsecond: the At
	// of its last entry is the before of the next page, until one is empty.
	List(ctx context.Context, o core.Owner, before time.Time, limit int) ([]core.AuditEntry, error)
	// Walk calls fn for each entry of a writer in order of Seq.
	Walk(ctx context.Context, writer string, fn func(core.AuditEntry) error) error
	Writers(ctx context.Context) ([]string, error)
}

// Changes is the log that the feed reads. The driver appends to it itself, one
// row per record that a transaction wrote (usage and audit excepted), and keeps
// at least the newest 10,000.
type Changes interface {
	// After lists changes with a Seq above seq, oldest first, at most limit.
	After(ctx context.Context, seq int64, limit int) ([]core.Change, error)
	// Last is the newest Seq, 0 where there is none.
	Last(ctx context.Context) (int64, error)
}
