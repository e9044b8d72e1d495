package account

import (
	"context"
	"strconv"

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
	Selector   *core.Selector // empty: all workspaces
	Limit      *core.Limit    // of an account of the organisation
	Key        *secret.Secret // replacing it clears what is held against the account
}

// Update changes an account. expect is the version that was seen, 0 for
// whichever there is. Errors: not_found, invalid, conflict where the new name is
// taken or (reason "stale") the account is at another version.
func (s *Accounts) Update(ctx context.Context, actor core.Actor, r Ref, e Edit, expect int64) (core.Account, error) {
	if err := s.checkEdit(actor.Owner, r, e); err != nil {
		return core.Account{}, err
	}
	var out core.Account
	err := s.change(ctx, actor, guard.AccountUpdate, r, expect, func(ctx context.Context, tx store.Tx, note guard.Note, old core.SealedAccount) error {
		note.Names("fields", e.fields())
		next, err := s.apply(ctx, tx, note, old, e)
		if err != nil {
			return err
		}
		out = next.Account
		return nil
	})
	return out, err
}

func (s *Accounts) checkEdit(o core.Owner, r Ref, e Edit) error {
	if err := r.check(); err != nil {
		return err
	}
	if len(e.fields()) == 0 {
		return core.Errorf(core.Invalid, "the change names nothing to change").
			WithHint("give at least one of label, namespace, base URL, quota group, position, enabled, selector, limit and key")
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
	var use core.Account
	set(&use.QuotaGroup, e.QuotaGroup)
	set(&use.Selector, e.Selector)
	set(&use.Limit, e.Limit)
	return checkUse(o, use.QuotaGroup, use.Selector, use.Limit)
}

// fields names what the edit touches.
func (e Edit) fields() []string {
	var out []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"label", e.Label != nil}, {"namespace", e.Namespace != nil}, {"base_url", e.BaseURL != nil},
		{"quota_group", e.QuotaGroup != nil}, {"position", e.Position != nil}, {"enabled", e.Enabled != nil},
		{"selector", e.Selector != nil}, {"limit", e.Limit != nil}, {"key", e.Key != nil},
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

func (s *Accounts) apply(ctx context.Context, tx store.Tx, note guard.Note, old core.SealedAccount, e Edit) (core.SealedAccount, error) {
	next := old
	set(&next.Label, e.Label)
	set(&next.Namespace, e.Namespace)
	set(&next.QuotaGroup, e.QuotaGroup)
	set(&next.Enabled, e.Enabled)
	set(&next.Selector, e.Selector)
	set(&next.Limit, e.Limit)
	next.Version++
	next.UpdatedAt = now()
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
	if err := touchMoved(ctx, tx, old.Account, next.Account); err != nil {
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
		if next.BaseURL, err = s.baseURL(adapter, *e.BaseURL); err != nil {
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
