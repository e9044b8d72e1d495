package account

import (
	"context"
	"strconv"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// Edit changes an account: what is nil stays.
type Edit struct {
	Label      *string
	Namespace  *string // moves it to the end of that pool, or to Position
	BaseURL    *string // empty: the provider's own; another origin needs Key too
	QuotaGroup *string // empty: its own
	Position   *int    // from 0; beyond the end is the end
	Enabled    *bool
	Key        *secret.Secret // replacing it clears what is held against the account
	Version    int64          // the version that was seen; 0: whichever there is
}

// Update changes an account. Errors: not_found, invalid, conflict where the new
// name is taken or the account is not at Edit.Version any more.
func (s *Accounts) Update(ctx context.Context, actor core.Actor, r Ref, e Edit) (core.Account, error) {
	if err := s.checkEdit(r, e); err != nil {
		return core.Account{}, err
	}
	var out core.Account
	err := s.change(ctx, actor, guard.AccountUpdate, r, func(ctx context.Context, tx store.Tx, note guard.Note, old core.SealedAccount) error {
		note.Names("fields", e.fields())
		if e.Version != 0 && e.Version != old.Version {
			return stale(old.Account, e.Version)
		}
		next, err := s.apply(ctx, tx, note, old, e)
		if err != nil {
			return err
		}
		out = next.Account
		return nil
	})
	return out, err
}

func (s *Accounts) checkEdit(r Ref, e Edit) error {
	if err := r.check(); err != nil {
		return err
	}
	if len(e.fields()) == 0 {
		return core.Errorf(core.Invalid, "the change names nothing to change").
			WithHint("give at least one of label, namespace, base URL, quota group, position, enabled and key")
	}
	if e.Position != nil && *e.Position < 0 {
		return core.Errorf(core.Invalid, "the position %d is below 0", *e.Position).WithField("position").
			WithHint("0 is the first of the pool")
	}
	to := r.filled()
	set(&to.Label, e.Label)
	set(&to.Namespace, e.Namespace)
	if e.Namespace != nil && *e.Namespace == "" {
		return checkPart("namespace", "")
	}
	if err := to.check(); err != nil {
		return err
	}
	if e.QuotaGroup != nil {
		return checkGroup(*e.QuotaGroup)
	}
	return nil
}

// fields names what the edit touches.
func (e Edit) fields() []string {
	var out []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"label", e.Label != nil}, {"namespace", e.Namespace != nil}, {"base_url", e.BaseURL != nil},
		{"quota_group", e.QuotaGroup != nil}, {"position", e.Position != nil}, {"enabled", e.Enabled != nil}, {"key", e.Key != nil},
	} {
		if f.set {
			out = append(out, f.name)
		}
	}
	return out
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func stale(a core.Account, seen int64) error {
	return core.Errorf(core.Conflict, "account %s is at version %d by now, not %d: somebody else changed it", a.Ref(), a.Version, seen).
		WithField("version").WithHint("look at it again, then repeat the change")
}

func (s *Accounts) apply(ctx context.Context, tx store.Tx, note guard.Note, old core.SealedAccount, e Edit) (core.SealedAccount, error) {
	next := old
	set(&next.Label, e.Label)
	set(&next.Namespace, e.Namespace)
	set(&next.QuotaGroup, e.QuotaGroup)
	set(&next.Enabled, e.Enabled)
	next.Version++
	next.UpdatedAt = time.Now().UTC().Truncate(time.Microsecond)
	if ref := next.Ref(); ref != old.Ref() {
		note("to", guard.AccountSubject(ref))
		if err := free(ctx, tx, next.Account); err != nil {
			return next, err
		}
	}
	if err := s.reseal(ctx, tx, note, old, &next, e); err != nil {
		return next, err
	}
	next, err := place(ctx, tx, old, next, e.Position)
	if err != nil {
		return next, err
	}
	if err := tx.Accounts().Update(ctx, next, old.Version); err != nil {
		return next, err
	}
	if e.Key == nil {
		return next, nil
	}
	err = clearHealth(ctx, tx, note, next.Account)
	next.Epoch++
	return next, err
}

// free says whether the name that a is to have is not taken.
func free(ctx context.Context, tx store.Tx, a core.Account) error {
	_, err := tx.Accounts().Get(ctx, a.Owner, a.Provider, a.Namespace, a.Label)
	switch core.CodeOf(err) {
	case "":
		return nameTaken(a, core.Errorf(core.Conflict, "the name is taken"))
	case core.NotFound:
		return nil
	default:
		return err
	}
}

// reseal takes a new base URL and a new key. The credential is bound to the
// origin: without the key another origin is refused, so whoever can edit an
// account cannot have its credential sent elsewhere.
func (s *Accounts) reseal(ctx context.Context, tx store.Tx, note guard.Note, old core.SealedAccount, next *core.SealedAccount, e Edit) error {
	adapter, err := s.providers.Get(old.Provider)
	if err != nil {
		return err
	}
	if e.BaseURL != nil {
		if next.BaseURL, err = baseURL(adapter, *e.BaseURL); err != nil {
			return err
		}
	}
	if e.Key == nil {
		return sameOrigin(old.Account, next.Account)
	}
	if err := adapter.CheckKey(*e.Key); err != nil {
		return err
	}
	next.ValueVersion++
	next.Fingerprint = fingerprint(*e.Key)
	if *next, err = s.seal(ctx, tx, next.Account, *e.Key); err != nil {
		return err
	}
	note("value_version", strconv.FormatInt(next.ValueVersion, 10))
	noteSealed(note, *next)
	return nil
}

func sameOrigin(old, next core.Account) error {
	was, to := seal.AccountBinding(old).Origin, seal.AccountBinding(next).Origin
	if was == to {
		return nil
	}
	return core.Errorf(core.Invalid, "the credential of %s is bound to %s", old.Ref(), was).WithField("base_url").
		WithHint("to point it at %s, give its key too: keyfob account edit %s --base-url URL --key", to, old.Ref())
}
