// Package org holds the use case of the organisation as a whole: it makes the
// organisation's secrets and accounts those of a specification, all of it in one
// transaction.
//
// Entries in the audit trail: "org.apply" one, in the transaction of the change,
// with the names of what was made, changed and removed. A dry run compares
// values too, so that it could be used to guess them: it leaves an attempt and
// an outcome.
package org

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
	"keyfob/internal/vault"
)

// Orgs keeps the organisation's records. It is safe for concurrent use.
type Orgs struct {
	guard    *guard.Guard
	vault    *vault.Vault
	accounts *account.Accounts
}

// New makes an Orgs; it does no I/O.
func New(g *guard.Guard, v *vault.Vault, a *account.Accounts) *Orgs {
	return &Orgs{guard: g, vault: v, accounts: a}
}

// Spec is what the organisation is to have. The order of accounts is that of
// their pools.
type Spec struct {
	Secrets  []vault.Wanted
	Accounts []account.Wanted
}

// Options say how a Spec is applied.
type Options struct {
	Prune  bool // remove what the specification does not name
	DryRun bool // only say what would be done
}

// The kinds of record of a Change.
const (
	Secret  = "secret"
	Account = "account"
)

// Change is one record of the specification, or one that it does not name.
type Change struct {
	Kind   string
	Name   string   // or PROVIDER[/NAMESPACE]/LABEL
	Action string   // create, update, delete, none; extra: it is not in the specification, and stays
	Fields []string // of an update: what changes
}

// gone says whether the record is not of the specification.
func (c Change) gone() bool { return c.Action == vault.Delete || c.Action == vault.Extra }

// Apply makes the organisation's records those of the specification, or none of
// them: actor is an administrator acting on core.Org. The changes are in order of
// the specification, secrets first, then what it does not name. What is as it is
// to be is not written. Errors: forbidden; invalid, with a Detail for everything
// that cannot be, whose Field is such as "secrets[0].file"; exhausted at a limit.
func (o *Orgs) Apply(ctx context.Context, actor core.Actor, spec Spec, opt Options) ([]Change, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	var out []Change
	act := guard.Act{Action: guard.OrgApply, Subject: "org", Detail: map[string]string{
		"prune": strconv.FormatBool(opt.Prune), "dry_run": strconv.FormatBool(opt.DryRun),
	}}
	run := o.guard.Do
	if opt.DryRun {
		run = o.guard.Expose
	}
	err := run(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) (err error) {
		out, err = o.reconcile(ctx, tx, note, actor, spec, opt)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// maxRecords bounds each list of a specification.
const maxRecords = 10_000

func (s Spec) check() error {
	if len(s.Secrets) > maxRecords || len(s.Accounts) > maxRecords {
		return core.Errorf(core.Invalid, "the specification has more than %d secrets or accounts", maxRecords).
			WithHint("leave out what is not needed")
	}
	return nil
}

// reconcile asks for both lists even where the first is refused, so that one
// answer names everything that cannot be. Then nothing more is written.
func (o *Orgs) reconcile(ctx context.Context, tx store.Tx, note guard.Note, actor core.Actor, spec Spec, opt Options) ([]Change, error) {
	secrets, wrong := o.vault.Reconcile(ctx, tx, note, actor, spec.Secrets, opt.Prune, opt.DryRun)
	if wrong != nil && !refused(wrong) {
		return nil, wrong
	}
	accounts, err := o.accounts.Reconcile(ctx, tx, note, actor, spec.Accounts, opt.Prune, opt.DryRun || wrong != nil)
	if wrong != nil || err != nil {
		return nil, together(wrong, err)
	}
	var out []Change
	for _, c := range secrets {
		out = append(out, Change{Kind: Secret, Name: c.Name, Action: c.Action, Fields: c.Fields})
	}
	for _, c := range accounts {
		out = append(out, Change{Kind: Account, Name: c.Ref, Action: c.Action, Fields: c.Fields})
	}
	slices.SortStableFunc(out, func(a, b Change) int { return rank(a) - rank(b) })
	return out, nil
}

// rank puts what is not of the specification last.
func rank(c Change) int {
	if c.gone() {
		return 1
	}
	return 0
}

// refused says whether an error is about entries of a list.
func refused(err error) bool {
	e, ok := errors.AsType[*core.Error](err)
	return ok && e.Code == core.Invalid && len(e.Details) > 0
}

// together is one error of what speaks against both lists. One of anything else
// goes before them.
func together(secrets, accounts error) error {
	switch {
	case accounts == nil:
		return secrets
	case secrets == nil || !refused(accounts):
		return accounts
	}
	a, _ := errors.AsType[*core.Error](secrets)
	b, _ := errors.AsType[*core.Error](accounts)
	details := slices.Concat(a.Details, b.Details)
	e := core.Errorf(core.Invalid, "%d of the secrets and accounts cannot be", len(details)).
		WithHint("change what is named; nothing was done")
	e.Details = details
	return e
}
