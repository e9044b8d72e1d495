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

// belongings are the secrets, without their values, of those whose records a
// workspace may use.
type belongings struct {
	secrets []core.Secret
	count   map[core.Owner]int // how many each has in all
}

// dueTo reads what a workspace is due, without reading a ciphertext. w is as
// selectors see it.
func dueTo(ctx context.Context, tx store.Tx, w core.Workspace) (belongings, error) {
	b := belongings{count: map[core.Owner]int{}}
	for _, o := range owners(w.Owner) {
		list, err := tx.Secrets().Page(ctx, o, store.Page{Limit: math.MaxInt32})
		if err != nil {
			return belongings{}, err
		}
		b.count[o] = len(list)
		b.secrets = append(b.secrets, slices.DeleteFunc(list, func(s core.Secret) bool { return !due(w, s) })...)
	}
	return b, nil
}

// getCost is how many rows a list reads in the time that one get takes, roughly.
const getCost = 4

// sealed reads the ciphertexts of the wanted secrets, by id: one by one where
// they are few of an owner's, else all at once.
func (b belongings) sealed(ctx context.Context, tx store.Tx, wanted []core.Secret) (map[string]core.SealedSecret, error) {
	by := map[core.Owner][]core.Secret{}
	for _, s := range wanted {
		by[s.Owner] = append(by[s.Owner], s)
	}
	out := make(map[string]core.SealedSecret, len(wanted))
	for o, list := range by {
		got, err := read(ctx, tx, o, list, len(list)*getCost < b.count[o])
		if err != nil {
			return nil, err
		}
		for _, s := range got {
			out[s.ID] = s
		}
	}
	return out, nil
}

func read(ctx context.Context, tx store.Tx, o core.Owner, list []core.Secret, singly bool) (out []core.SealedSecret, err error) {
	if !singly {
		return tx.Secrets().List(ctx, o)
	}
	for _, s := range list {
		got, err := tx.Secrets().Get(ctx, o, s.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, got)
	}
	return out, nil
}
