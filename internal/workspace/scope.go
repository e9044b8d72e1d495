package workspace

import (
	"context"
	"math"
	"slices"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// owners are those whose records a workspace of this owner may use.
func owners(o core.Owner) []core.Owner {
	if o == core.Org {
		return []core.Owner{o}
	}
	return []core.Owner{o, core.Org}
}

// matched is w as selectors see it: with the labels that it has by itself.
func matched(ctx context.Context, tx store.Tx, w core.Workspace) (core.Workspace, error) {
	name, err := userName(ctx, tx, w.Owner)
	w.Labels = w.MatchLabels(name)
	return w, err
}

// userName is the name of the user whose records o owns. The user of one machine
// has one though no record says so.
func userName(ctx context.Context, tx store.Tx, o core.Owner) (string, error) {
	if o.Kind != core.UserOwner {
		return "", nil
	}
	u, err := tx.Users().Get(ctx, o.ID)
	switch {
	case err == nil:
		return u.Name, nil
	case core.CodeOf(err) != core.NotFound:
		return "", err
	case o == core.Local:
		return core.LocalUser.ID, nil
	default:
		return "", nil
	}
}

// dueTo is the secrets, without their values, that a workspace is due: of its
// owner and of the organisation. w is as selectors see it.
func dueTo(ctx context.Context, tx store.Tx, w core.Workspace) ([]core.Secret, error) {
	var out []core.Secret
	for _, o := range owners(w.Owner) {
		list, err := plainly(ctx, tx, o)
		if err != nil {
			return nil, err
		}
		out = append(out, only(w, list)...)
	}
	return out, nil
}

// plainly is all of an owner's secrets, without reading a ciphertext.
func plainly(ctx context.Context, tx store.Tx, o core.Owner) ([]core.Secret, error) {
	return tx.Secrets().Page(ctx, o, store.Page{Limit: math.MaxInt32})
}

func only(w core.Workspace, list []core.Secret) []core.Secret {
	return slices.DeleteFunc(list, func(s core.Secret) bool { return !due(w, s) })
}

// sealedFor is what dueTo gives, and the ciphertexts of what is delivered with
// its value, by id. Of their own secrets users have most delivered to most
// workspaces, so those are read at once; of the organisation's few are for one
// workspace, so those are looked through first.
func sealedFor(ctx context.Context, tx store.Tx, w core.Workspace) ([]core.Secret, map[string]core.SealedSecret, error) {
	sealed := map[string]core.SealedSecret{}
	own, err := tx.Secrets().List(ctx, w.Owner)
	if err != nil {
		return nil, nil, err
	}
	var list []core.Secret
	for _, s := range own {
		if due(w, s.Secret) {
			list = append(list, s.Secret)
			sealed[s.ID] = s
		}
	}
	if w.Owner == core.Org {
		return list, sealed, nil
	}
	org, err := plainly(ctx, tx, core.Org)
	if err != nil {
		return nil, nil, err
	}
	all := len(org)
	org = only(w, org)
	got, err := read(ctx, tx, core.Org, org, len(org)*getCost < all)
	for _, s := range got {
		sealed[s.ID] = s
	}
	return append(list, org...), sealed, err
}

// getCost is how many rows a list reads in the time that one get takes, roughly.
const getCost = 8

// read gives the secrets that are delivered with their value: one by one, or
// with all others of the owner.
func read(ctx context.Context, tx store.Tx, o core.Owner, list []core.Secret, singly bool) (out []core.SealedSecret, err error) {
	if !singly && len(list) > 0 {
		return tx.Secrets().List(ctx, o)
	}
	for _, s := range list {
		if s.Env == "" && s.File == "" {
			continue
		}
		got, err := tx.Secrets().Get(ctx, o, s.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, got)
	}
	return out, nil
}
