// Package account holds the use cases of accounts: credentials at providers, in
// the pools that the gateway fails over within. Each credential is sealed for
// its upstream's origin, so pointing an account at another host takes entering
// the credential again.
//
// Entries in the audit trail: "account.add", "account.update", "account.delete"
// and "account.clear" one each, in the transaction of the change; a test leaves
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
)

// Accounts keeps accounts. It is safe for concurrent use.
type Accounts struct {
	guard     *guard.Guard
	keys      *seal.Keys
	providers provider.Registry
	probe     Prober
}

// New makes an Accounts; it does no I/O. probe may be nil, and then Test gives
// an error of code unavailable.
func New(g *guard.Guard, keys *seal.Keys, r provider.Registry, probe Prober) *Accounts {
	return &Accounts{guard: g, keys: keys, providers: r, probe: probe}
}

// NewAccount is an account to add.
type NewAccount struct {
	Provider   string
	Namespace  string // empty: default
	Label      string
	Key        secret.Secret
	BaseURL    string // empty: the provider's own
	QuotaGroup string // accounts that share one limit; empty: its own
}

// Add keeps a new account, last in its pool. Errors: invalid (an unknown
// provider, a base URL or key that the provider's adapter refuses), conflict
// where the name is taken.
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
		return nameTaken(a, tx.Accounts().Create(ctx, sealed))
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
	if err := checkGroup(in.QuotaGroup); err != nil {
		return core.Account{}, err
	}
	base, err := baseURL(adapter, in.BaseURL)
	if err != nil {
		return core.Account{}, err
	}
	if err := adapter.CheckKey(in.Key); err != nil {
		return core.Account{}, err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	return core.Account{
		ID: core.NewID("acc"), Owner: o, Provider: ref.Provider, Namespace: ref.Namespace, Label: ref.Label,
		Kind: core.APIKey, BaseURL: base, QuotaGroup: in.QuotaGroup, Enabled: true,
		Fingerprint: fingerprint(in.Key), Version: 1, ValueVersion: 1, CreatedAt: now, UpdatedAt: now,
	}, nil
}

func checkGroup(group string) error {
	if group == "" {
		return nil
	}
	return checkPart("quota_group", group)
}

// baseURL is the upstream in the form to store; empty is the provider's own.
func baseURL(a provider.Adapter, raw string) (string, error) {
	info := a.Info()
	if raw == "" {
		raw = info.BaseURL
	}
	if raw == "" {
		return "", core.Errorf(core.Invalid, "an account of %s needs a base URL", info.ID).WithField("base_url").
			WithHint("give the URL that the service's SDK takes, such as --base-url https://api.example.com/v1")
	}
	return a.CheckBaseURL(raw)
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

func (s *Accounts) seal(ctx context.Context, tx store.Tx, a core.Account, key secret.Secret) (core.SealedAccount, error) {
	data, err := s.keys.Ensure(ctx, tx.Vault(), a.Owner)
	if err != nil {
		return core.SealedAccount{}, err
	}
	c, err := data.Seal(seal.AccountBinding(a), key)
	return core.SealedAccount{Account: a, KeyID: data.ID(), Ciphertext: c}, err
}

// noteSealed notes the ciphertext and the upstream it is bound to.
func noteSealed(note guard.Note, a core.SealedAccount) {
	note.Wrote(guard.AccountRecord(a))
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

// List gives the owner's accounts in order of provider, namespace and position,
// and what is held against each by its id. Health that is over is in it too.
func (s *Accounts) List(ctx context.Context, actor core.Actor) ([]core.Account, map[string][]core.Health, error) {
	var out []core.Account
	var health map[string][]core.Health
	err := s.guard.Read(ctx, actor, guard.Act{Action: guard.AccountList, Subject: "accounts"}, func(ctx context.Context, tx store.Tx) error {
		sealed, err := tx.Accounts().List(ctx, actor.Owner)
		if err != nil {
			return err
		}
		for _, a := range sealed {
			out = append(out, a.Account)
		}
		health, err = healthOf(ctx, tx, actor.Owner)
		return err
	})
	return out, health, err
}

func healthOf(ctx context.Context, tx store.Tx, o core.Owner) (map[string][]core.Health, error) {
	list, err := tx.Health().List(ctx, o)
	out := map[string][]core.Health{}
	for _, h := range list {
		if h.Kind != kindOK {
			out[h.AccountID] = append(out[h.AccountID], h)
		}
	}
	return out, err
}

// Delete removes an account, its credential and its health; those behind it in
// the pool move up. Errors: not_found.
func (s *Accounts) Delete(ctx context.Context, actor core.Actor, r Ref) error {
	return s.change(ctx, actor, guard.AccountDelete, r, func(ctx context.Context, tx store.Tx, note guard.Note, a core.SealedAccount) error {
		pool, err := poolOf(ctx, tx, a.Account)
		if err != nil {
			return err
		}
		note.Removed(guard.AccountRecord(a))
		if err := tx.Accounts().Delete(ctx, a.ID, a.Version); err != nil {
			return err
		}
		return renumber(ctx, tx, without(pool, a.ID), "")
	})
}

// Clear ends everything that is held against an account, in every process, by
// starting a new epoch of its health. Errors: not_found.
func (s *Accounts) Clear(ctx context.Context, actor core.Actor, r Ref) error {
	return s.change(ctx, actor, guard.AccountClear, r, func(ctx context.Context, tx store.Tx, note guard.Note, a core.SealedAccount) error {
		return clearHealth(ctx, tx, note, a.Account)
	})
}

// kindOK is the kind of a health record that clears.
const kindOK = "ok"

func clearHealth(ctx context.Context, tx store.Tx, note guard.Note, a core.Account) error {
	note("epoch", strconv.FormatInt(a.Epoch+1, 10))
	return tx.Health().Merge(ctx, []core.Health{{
		AccountID: a.ID, Kind: kindOK, Epoch: a.Epoch + 1, UpdatedAt: time.Now().UTC().Truncate(time.Microsecond),
	}})
}

// change runs fn on one account, inside the guard.
func (s *Accounts) change(ctx context.Context, actor core.Actor, action string, r Ref, fn func(context.Context, store.Tx, guard.Note, core.SealedAccount) error) error {
	if err := r.check(); err != nil {
		return err
	}
	act := guard.Act{Action: action, Subject: guard.AccountSubject(r.String())}
	return s.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		a, err := get(ctx, tx, actor.Owner, r)
		if err != nil {
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
