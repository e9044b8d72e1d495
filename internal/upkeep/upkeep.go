// Package upkeep keeps a vault sound: it shows whether what is stored still
// opens.
package upkeep

import (
	"context"
	"fmt"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/store"
)

// Upkeep works on one vault. It is safe for concurrent use.
type Upkeep struct {
	guard *guard.Guard
	keys  *seal.Keys
}

// New makes an Upkeep; it does no I/O.
func New(g *guard.Guard, keys *seal.Keys) *Upkeep { return &Upkeep{guard: g, keys: keys} }

// Values says which stored values open.
type Values struct {
	Secrets, Accounts int
	Problems          []string // one line each, naming the record and never a value
}

// VerifyValues opens every value of the actor's owner and drops it at once.
func (u *Upkeep) VerifyValues(ctx context.Context, actor core.Actor) (Values, error) {
	var out Values
	act := guard.Act{Action: guard.VaultVerify, Subject: "vault", Owner: actor.Owner}
	err := u.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		var err error
		out, err = u.verify(ctx, tx, actor.Owner)
		return err
	})
	return out, err
}

func (u *Upkeep) verify(ctx context.Context, tx store.Tx, o core.Owner) (Values, error) {
	var out Values
	secrets, err := tx.Secrets().List(ctx, o)
	if err != nil {
		return out, err
	}
	accounts, err := tx.Accounts().List(ctx, o)
	if err != nil {
		return out, err
	}
	if len(secrets)+len(accounts) == 0 {
		return out, nil
	}
	key, err := u.keys.Open(ctx, tx.Vault(), o)
	if err != nil {
		return out, err
	}
	for _, s := range secrets {
		out.Secrets++
		if _, err := key.Open(seal.SecretBinding(s.Secret), s.Ciphertext); err != nil {
			out.Problems = append(out.Problems, fmt.Sprintf("secret %s does not open: it was changed outside Keyfob", s.Name))
		}
	}
	for _, a := range accounts {
		out.Accounts++
		if _, err := key.Open(seal.AccountBinding(a.Account), a.Ciphertext); err != nil {
			out.Problems = append(out.Problems, fmt.Sprintf("account %s does not open: it, or its base URL, was changed outside Keyfob", a.Ref()))
		}
	}
	return out, nil
}
