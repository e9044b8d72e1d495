// Package account holds the use cases of accounts: credentials at providers, in
// the pools that the gateway fails over within. Each credential is sealed for
// its upstream's origin, so pointing an account at another host takes entering
// the credential again.
//
// Entries in the audit trail: "account.add", "account.update", "account.delete",
// "account.clear" and "pool.update" one each, in the transaction of the change; a test leaves
// "account.test" as attempt and outcome (the credential was taken), then
// "account.health" with what the provider's answer showed; readings of metadata
// none.
package account

import (
	"context"
	"strconv"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/provider"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/upstream"
)

// Accounts keeps accounts. It is safe for concurrent use.
type Accounts struct {
	guard     *guard.Guard
	keys      *seal.Keys
	providers provider.Registry
	probe     Prober
	rules     upstream.Rules
}

// New makes an Accounts; it does no I/O. probe may be nil, and then Test gives
// an error of code unavailable. Base URLs are held to the rules.
func New(g *guard.Guard, keys *seal.Keys, r provider.Registry, probe Prober, rules upstream.Rules) *Accounts {
	return &Accounts{guard: g, keys: keys, providers: r, probe: probe, rules: rules}
}

// NewAccount is an account to add.
type NewAccount struct {
	Provider   string
	Namespace  string // empty: default
	Label      string
	Key        secret.Secret
	BaseURL    string        // empty: the provider's own
	QuotaGroup string        // accounts that share one limit; empty: its own
	Selector   core.Selector // of workspaces that may use it; empty: all
	Limit      core.Limit    // for each user, of an account of the organisation
	Disabled   bool
}

// Add keeps a new account, last in its pool. Errors: invalid (an unknown
// provider, a base URL or key that the provider's adapter or the rules refuse, a
// limit on an account that is not the organisation's), conflict where the name
// is taken.
func (s *Accounts) Add(ctx context.Context, actor core.Actor, in NewAccount) (core.Account, error) {
	a, err := s.record(actor.Owner, in)
	if err != nil {
		return core.Account{}, err
	}
	act := guard.Act{Action: guard.AccountAdd, Subject: guard.AccountSubject(a.Ref())}
	err = s.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		pool, err := poolOf(ctx, tx, a)
		if err != nil {
			return err
		}
		a.Position = len(pool)
		sealed, err := s.seal(ctx, tx, a, in.Key)
		if err != nil {
			return err
		}
		noteSealed(note, sealed)
		if err := nameTaken(a, tx.Accounts().Create(ctx, sealed)); err != nil {
			return err
		}
		return touch(ctx, tx, a)
	})
	if err != nil {
		return core.Account{}, err
	}
	return a, nil
}

func (s *Accounts) record(o core.Owner, in NewAccount) (core.Account, error) {
	ref := Ref{Provider: in.Provider, Namespace: in.Namespace, Label: in.Label}.filled()
	adapter, err := s.providers.Get(ref.Provider)
	if err != nil {
		return core.Account{}, err
	}
	if err := ref.check(); err != nil {
		return core.Account{}, err
	}
	if err := checkUse(o, in.QuotaGroup, in.Selector, in.Limit); err != nil {
		return core.Account{}, err
	}
	base, err := s.baseURL(adapter, in.BaseURL)
	if err != nil {
		return core.Account{}, err
	}
	if err := adapter.CheckKey(in.Key); err != nil {
		return core.Account{}, err
	}
	at := now()
	return core.Account{
		ID: core.NewID("acc"), Owner: o, Provider: ref.Provider, Namespace: ref.Namespace, Label: ref.Label,
		Kind: core.APIKey, BaseURL: base, QuotaGroup: in.QuotaGroup, Enabled: !in.Disabled,
		Selector: in.Selector, Limit: in.Limit,
		Fingerprint: fingerprint(in.Key), Version: 1, ValueVersion: 1, CreatedAt: at, UpdatedAt: at,
	}, nil
}

func checkGroup(group string) error {
	if group == "" {
		return nil
	}
	return checkPart("quota_group", group)
}

// checkUse holds the rules on who may use an account and how much of it.
func checkUse(o core.Owner, group string, s core.Selector, l core.Limit) error {
	if err := checkGroup(group); err != nil {
		return err
	}
	if err := core.CheckSelector(s); err != nil {
		return err
	}
	switch {
	case l.Requests < 0 || l.Tokens < 0:
		return core.Errorf(core.Invalid, "a limit cannot be below 0").WithField("limit").WithHint("0 is no limit")
	case l != (core.Limit{}) && o != core.Org:
		return core.Errorf(core.Invalid, "only an account of the organisation has a limit for each user").WithField("limit").
			WithHint("leave the limit out, or add the account as the organisation's")
	}
	return nil
}

// baseURL is the upstream in the form to store; empty is the provider's own.
func (s *Accounts) baseURL(a provider.Adapter, raw string) (string, error) {
	info := a.Info()
	if raw == "" {
		raw = info.BaseURL
	}
	if raw == "" {
		return "", core.Errorf(core.Invalid, "an account of %s needs a base URL", info.ID).WithField("base_url").
			WithHint("give the URL that the service's SDK takes, such as --base-url https://api.example.com/v1")
	}
	base, err := a.CheckBaseURL(raw)
	if err != nil {
		return "", err
	}
	return base, s.rules.CheckURL(base)
}

// fingerprint is the last four characters of a key that is long enough for them
// to give nothing away.
func fingerprint(key secret.Secret) string {
	if key.Len() < 20 {
		return ""
	}
	b := key.Reveal()
	defer clear(b)
	return string(b[len(b)-4:])
}

// now is the time as the store keeps it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (s *Accounts) seal(ctx context.Context, tx store.Tx, a core.Account, key secret.Secret) (core.SealedAccount, error) {
	data, err := s.keys.Ensure(ctx, tx.Vault(), a.Owner)
	if err != nil {
		return core.SealedAccount{}, err
	}
	c, err := data.Seal(seal.AccountBinding(a), key)
	return core.SealedAccount{Account: a, KeyID: data.ID(), Ciphertext: c}, err
}

// Refused says whether the rules have no request go to the account's base URL,
// which they may have come after.
func (s *Accounts) Refused(a core.Account) bool { return s.rules.CheckURL(a.BaseURL) != nil }

// noteSealed notes the upstream that the credential is bound to.
func noteSealed(note guard.Note, a core.SealedAccount) {
	note("upstream", seal.AccountBinding(a.Account).Origin)
}

// Get finds one account, and what is held against it; errors: not_found.
func (s *Accounts) Get(ctx context.Context, actor core.Actor, r Ref) (core.Account, []core.Health, error) {
	if err := r.check(); err != nil {
		return core.Account{}, nil, err
	}
	var out core.Account
	var health []core.Health
	act := guard.Act{Action: guard.AccountGet, Subject: guard.AccountSubject(r.String())}
	err := s.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		a, err := get(ctx, tx, actor.Owner, r)
		if err != nil {
			return err
		}
		by, err := healthOf(ctx, tx, actor.Owner)
		out, health = a.Account, by[a.ID]
		return err
	})
	return out, health, err
}

// Delete removes an account, its credential and its health; those behind it in
// the pool move up. expect is the version that was seen, 0 for whichever there
// is. Errors: not_found, conflict with reason "stale".
func (s *Accounts) Delete(ctx context.Context, actor core.Actor, r Ref, expect int64) error {
	return s.change(ctx, actor, guard.AccountDelete, r, expect, func(ctx context.Context, tx store.Tx, _ guard.Note, a core.SealedAccount) error {
		pool, err := poolOf(ctx, tx, a.Account)
		if err != nil {
			return err
		}
		if err := tx.Accounts().Delete(ctx, a.ID, a.Version); err != nil {
			return err
		}
		if err := renumber(ctx, tx, without(pool, a.ID), ""); err != nil {
			return err
		}
		return touch(ctx, tx, a.Account)
	})
}

// Clear ends everything that is held against an account, in every process, by
// starting a new epoch of its health. expect and errors are those of Delete.
func (s *Accounts) Clear(ctx context.Context, actor core.Actor, r Ref, expect int64) error {
	return s.change(ctx, actor, guard.AccountClear, r, expect, func(ctx context.Context, tx store.Tx, note guard.Note, a core.SealedAccount) error {
		return clearHealth(ctx, tx, note, a.Account)
	})
}

// kindOK is the kind of a health record that clears.
const kindOK = "ok"

func clearHealth(ctx context.Context, tx store.Tx, note guard.Note, a core.Account) error {
	note("epoch", strconv.FormatInt(a.Epoch+1, 10))
	return newEpoch(ctx, tx, a)
}

// change runs fn on one account, inside the guard, if it is at the version that
// is expected.
func (s *Accounts) change(ctx context.Context, actor core.Actor, action string, r Ref, expect int64, fn func(context.Context, store.Tx, guard.Note, core.SealedAccount) error) error {
	if err := r.check(); err != nil {
		return err
	}
	act := guard.Act{Action: action, Subject: guard.AccountSubject(r.String())}
	return s.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		a, err := get(ctx, tx, actor.Owner, r)
		if err != nil {
			return err
		}
		if err := core.CheckVersion("account "+a.Ref(), a.Version, expect); err != nil {
			return err
		}
		return fn(ctx, tx, note, a)
	})
}

func get(ctx context.Context, tx store.Tx, o core.Owner, r Ref) (core.SealedAccount, error) {
	r = r.filled()
	a, err := tx.Accounts().Get(ctx, o, r.Provider, r.Namespace, r.Label)
	if core.CodeOf(err) == core.NotFound {
		return a, core.Errorf(core.NotFound, "there is no account %s", r).WithField("account").
			WithHint("keyfob account list shows those there are").Wrap(err)
	}
	return a, err
}

func nameTaken(a core.Account, err error) error {
	if core.CodeOf(err) != core.Conflict {
		return err
	}
	return core.Errorf(core.Conflict, "there is an account %s already", a.Ref()).WithField("label").
		WithHint("choose another label, or give the one there is a new key").Wrap(err)
}
