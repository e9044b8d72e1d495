package account

import (
	"context"
	"slices"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// Wanted is an account that is to be.
type Wanted struct {
	Provider, Namespace, Label string
	Key                        *secret.Secret // nil keeps the one there is
	BaseURL                    string         // empty: the provider's own
	QuotaGroup                 string
	Disabled                   bool
	Selector                   core.Selector
	Limit                      core.Limit
}

// The actions of a Change.
const (
	Create = "create"
	Update = "update"
	Delete = "delete"
	Same   = "none"
	Extra  = "extra" // it is not wanted, and stays
)

// Change is what becomes of one account.
type Change struct {
	Ref    string
	Action string
	Fields []string // of an update: what changes; "position" is its place among those that stay
}

// Reconcile makes the owner's accounts those that are wanted, inside a change
// that the guard runs, and gives what it did: in the order of the list, then
// those that are not in it, which are removed with prune and else stay behind
// the others of their pool. The order of the list is that of each pool. A
// credential that is the stored one already is not sealed anew.
//
// With dryRun nothing is written nor sealed. Errors: invalid, with a Detail for
// each thing that cannot be, whose Field is "accounts[INDEX]" and the field.
func (s *Accounts) Reconcile(ctx context.Context, tx store.Tx, note guard.Note, actor core.Actor, want []Wanted, prune, dryRun bool) ([]Change, error) {
	stored, err := tx.Accounts().List(ctx, actor.Owner)
	if err != nil {
		return nil, err
	}
	r := &reconciler{s: s, tx: tx, note: note, owner: actor.Owner, prune: prune}
	if err := r.plan(ctx, stored, want); err != nil {
		return nil, err
	}
	r.arrange()
	if !dryRun {
		if err := r.write(ctx); err != nil {
			return nil, err
		}
	}
	out := make([]Change, 0, len(r.steps))
	for _, st := range r.steps {
		out = append(out, st.change)
	}
	return out, nil
}

// reconciler is one Reconcile.
type reconciler struct {
	s     *Accounts
	tx    store.Tx
	note  guard.Note
	owner core.Owner
	prune bool
	steps []*step
}

// step is one account from what it is to what it is to be.
type step struct {
	change   Change
	old      core.SealedAccount // zero: it is to be made
	next     core.SealedAccount
	key      *secret.Secret // to seal; nil: the credential stays
	reorders bool
}

func (r *reconciler) plan(ctx context.Context, stored []core.SealedAccount, want []Wanted) error {
	by := map[string]core.SealedAccount{}
	for _, a := range stored {
		by[a.Ref()] = a
	}
	seen := map[string]bool{}
	err := core.CheckEach("accounts", want, func(w Wanted) error {
		st, err := r.wanted(ctx, w, by)
		if err != nil {
			return err
		}
		if seen[st.change.Ref] {
			return core.Errorf(core.Invalid, "it is there twice").WithField("label")
		}
		seen[st.change.Ref] = true
		r.steps = append(r.steps, st)
		return nil
	})
	if err != nil {
		return err
	}
	for _, a := range stored {
		if !seen[a.Ref()] {
			r.steps = append(r.steps, r.unwanted(a))
		}
	}
	return nil
}

func (r *reconciler) unwanted(a core.SealedAccount) *step {
	st := &step{change: Change{Ref: a.Ref(), Action: Extra}, old: a, next: a}
	if r.prune {
		st.change.Action = Delete
	}
	return st
}

func (r *reconciler) wanted(ctx context.Context, w Wanted, by map[string]core.SealedAccount) (*step, error) {
	ref := Ref{Provider: w.Provider, Namespace: w.Namespace, Label: w.Label}
	if err := ref.check(); err != nil {
		return nil, err
	}
	old, there := by[ref.String()]
	if !there {
		return r.made(w, ref)
	}
	return r.changed(ctx, w, ref, old)
}

func (r *reconciler) made(w Wanted, ref Ref) (*step, error) {
	if w.Key == nil {
		return nil, core.Errorf(core.Invalid, "account %s is new and has no key", ref).WithField("key").WithHint("give its key")
	}
	a, err := r.s.record(r.owner, NewAccount{
		Provider: w.Provider, Namespace: w.Namespace, Label: w.Label, Key: *w.Key, BaseURL: w.BaseURL,
		QuotaGroup: w.QuotaGroup, Selector: w.Selector, Limit: w.Limit, Disabled: w.Disabled,
	})
	return &step{change: Change{Ref: ref.String(), Action: Create}, next: core.SealedAccount{Account: a}, key: w.Key}, err
}

func (r *reconciler) changed(ctx context.Context, w Wanted, ref Ref, old core.SealedAccount) (*step, error) {
	adapter, err := r.s.providers.Get(w.Provider)
	if err != nil {
		return nil, err
	}
	if err := checkUse(r.owner, w.QuotaGroup, w.Selector, w.Limit); err != nil {
		return nil, err
	}
	st := &step{change: Change{Ref: ref.String()}, old: old, next: old}
	n := &st.next
	if n.BaseURL, err = r.s.baseURL(adapter, w.BaseURL); err != nil {
		return nil, err
	}
	n.QuotaGroup, n.Enabled, n.Selector, n.Limit = w.QuotaGroup, !w.Disabled, w.Selector, w.Limit
	if w.Key == nil {
		return st, sameOrigin(old.Account, n.Account)
	}
	if err := adapter.CheckKey(*w.Key); err != nil {
		return nil, err
	}
	same, err := r.holds(ctx, old, *w.Key)
	if !same || sameOrigin(old.Account, n.Account) != nil {
		st.key = w.Key
	}
	return st, err
}

// holds says whether the stored credential is this one. One that does not open
// is another.
func (r *reconciler) holds(ctx context.Context, a core.SealedAccount, key secret.Secret) (bool, error) {
	data, err := r.s.keys.Open(ctx, r.tx.Vault(), a.Owner)
	if err != nil {
		return false, err
	}
	value, err := data.Open(sealBinding(a), a.Ciphertext)
	return err == nil && value.Equal(key), nil
}

// arrange gives each account that is to be its position, in the order of the
// steps, and says what each step changes. An account that only moves up or down
// because others come or go does not change its place.
func (r *reconciler) arrange() {
	before, after := map[string][]*step{}, map[string][]*step{}
	for _, st := range r.steps {
		if st.change.Action == Delete {
			continue
		}
		pool := st.next.Provider + "/" + st.next.Namespace
		st.next.Position = len(after[pool])
		after[pool] = append(after[pool], st)
		if st.old.ID != "" {
			before[pool] = append(before[pool], st)
		}
	}
	for _, stayed := range before {
		inOrder := slices.SortedFunc(slices.Values(stayed), func(a, b *step) int { return byPosition(a.old, b.old) })
		for i, st := range stayed {
			st.reorders = inOrder[i] != st
		}
	}
	for _, st := range r.steps {
		st.describe()
	}
}

// describe says what the step changes.
func (st *step) describe() {
	if st.change.Action != "" && st.change.Action != Extra {
		return
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"base_url", st.old.BaseURL != st.next.BaseURL}, {"quota_group", st.old.QuotaGroup != st.next.QuotaGroup},
		{"position", st.reorders}, {"enabled", st.old.Enabled != st.next.Enabled},
		{"selector", st.old.Selector.String() != st.next.Selector.String()}, {"limit", st.old.Limit != st.next.Limit},
		{"key", st.key != nil},
	} {
		if f.set && st.change.Action != Extra {
			st.change.Fields = append(st.change.Fields, f.name)
		}
	}
	switch {
	case st.change.Action == Extra:
	case len(st.change.Fields) > 0:
		st.change.Action = Update
	default:
		st.change.Action = Same
	}
}
