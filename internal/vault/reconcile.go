package vault

import (
	"context"
	"slices"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// Wanted is a secret that is to be. It is enabled unless Disabled.
type Wanted struct {
	Name, Description, Env, File string
	Value                        *secret.Secret // nil keeps the one there is
	Disabled, Lookup             bool
	Selector                     core.Selector
}

// The actions of a Change.
const (
	Create = "create"
	Update = "update"
	Delete = "delete"
	None   = "none"
	Extra  = "extra" // it is not wanted, and stays
)

// Change is what Reconcile does to one secret.
type Change struct {
	Name   string
	Action string
	Fields []string // of an update: what changes
}

// Reconcile makes the owner's secrets those that are wanted, inside a change that
// the guard runs, and gives what it did: in the order of the list, then those
// that are not in it, in order of name, which are removed with prune. A value
// that is the stored one already is not sealed anew.
//
// With dryRun nothing is written nor sealed. Errors: invalid, with a Detail for
// each thing that cannot be, whose Field is "secrets[INDEX]" and the field;
// exhausted at a limit.
func (v *Vault) Reconcile(ctx context.Context, tx store.Tx, note guard.Note, actor core.Actor, want []Wanted, prune, dryRun bool) ([]Change, error) {
	r := &reconciler{v: v, tx: tx, note: note, owner: actor.Owner, stored: map[string]core.Secret{}}
	stored, err := list(ctx, tx, actor.Owner)
	if err != nil {
		return nil, err
	}
	for _, s := range stored {
		r.stored[s.Name] = s
	}
	if err := r.plan(ctx, want); err != nil {
		return nil, err
	}
	r.unwanted(stored, prune)
	if err := v.limits.checkAll(r.staying(stored), r.changing()...); err != nil {
		return nil, err
	}
	out := make([]Change, 0, len(r.steps))
	for _, st := range r.steps {
		out = append(out, st.change)
	}
	if dryRun {
		return out, nil
	}
	return out, r.write(ctx)
}

// reconciler is one Reconcile.
type reconciler struct {
	v      *Vault
	tx     store.Tx
	note   guard.Note
	owner  core.Owner
	stored map[string]core.Secret
	steps  []step
}

// step is one secret from what it is to what it is to be.
type step struct {
	change Change
	next   core.Secret
	value  *secret.Secret // to seal; nil: it stays
}

func (r *reconciler) plan(ctx context.Context, want []Wanted) error {
	seen := map[string]bool{}
	return core.CheckEach("secrets", want, func(w Wanted) error {
		st, err := r.wanted(ctx, w)
		if err != nil {
			return err
		}
		if seen[w.Name] {
			return core.Errorf(core.Invalid, "the secret %q is there twice", w.Name).WithField("name")
		}
		seen[w.Name] = true
		r.steps = append(r.steps, st)
		return nil
	})
}

func (r *reconciler) unwanted(stored []core.Secret, prune bool) {
	taken := map[string]bool{}
	for _, st := range r.steps {
		taken[st.next.Name] = true
	}
	for _, s := range stored {
		if taken[s.Name] {
			continue
		}
		st := step{change: Change{Name: s.Name, Action: Extra}, next: s}
		if prune {
			st.change.Action = Delete
		}
		r.steps = append(r.steps, st)
	}
}

// staying is what is stored but is not removed.
func (r *reconciler) staying(stored []core.Secret) []core.Secret {
	gone := map[string]bool{}
	for _, st := range r.steps {
		gone[st.next.ID] = st.change.Action == Delete
	}
	return slices.DeleteFunc(slices.Clone(stored), func(s core.Secret) bool { return gone[s.ID] })
}

func (r *reconciler) changing() (out []core.Secret) {
	for _, st := range r.steps {
		if st.change.Action == Create || st.change.Action == Update {
			out = append(out, st.next)
		}
	}
	return out
}
