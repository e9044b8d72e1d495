package account

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// List gives the owner's accounts in order of provider, namespace and position,
// and what is held against each by its id. Health that is over is in it too. A
// page's key is PageKey; a Limit of 0 or less is no limit. Errors: invalid for
// an After that is no key.
func (s *Accounts) List(ctx context.Context, actor core.Actor, p store.Page) ([]core.Account, map[string][]core.Health, error) {
	after, err := parseKey(p.After)
	if err != nil {
		return nil, nil, err
	}
	var out []core.Account
	var health map[string][]core.Health
	err = s.guard.Read(ctx, actor, guard.Act{Action: guard.AccountList, Subject: "accounts"}, func(ctx context.Context, tx store.Tx) error {
		sealed, err := tx.Accounts().List(ctx, actor.Owner)
		if err != nil {
			return err
		}
		for _, a := range sealed {
			if full := p.Limit > 0 && len(out) == p.Limit; !full && after.before(a.Account) {
				out = append(out, a.Account)
			}
		}
		health, err = healthOf(ctx, tx, actor.Owner)
		return err
	})
	return out, health, err
}

// Given lists what the organisation gives the acting user, in List's order:
// accounts that are enabled, but for those that are for another user's workspaces.
// user is the actor's name.
func (s *Accounts) Given(ctx context.Context, actor core.Actor, user string) ([]core.Account, error) {
	var out []core.Account
	err := s.guard.Read(ctx, actor, guard.Act{Action: guard.AccountList, Subject: "organisation"}, func(ctx context.Context, tx store.Tx) error {
		all, err := tx.Accounts().List(ctx, core.Org)
		for _, a := range all {
			if a.Enabled && a.Selector.MayReach(user) {
				out = append(out, a.Account)
			}
		}
		return err
	})
	return out, err
}

// OrgPrefix stands before the name of an organisation's account where a user's
// own stand beside it.
const OrgPrefix = "org:"

// Names gives, by id, the names of all accounts on which the owner has counts: of
// their own, and with OrgPrefix of the organisation's.
func (s *Accounts) Names(ctx context.Context, actor core.Actor) (map[string]string, error) {
	out := map[string]string{}
	err := s.guard.Read(ctx, actor, guard.Act{Action: guard.AccountList, Subject: "accounts"}, func(ctx context.Context, tx store.Tx) error {
		own, err := tx.Accounts().List(ctx, actor.Owner)
		for _, a := range own {
			out[a.ID] = a.Ref()
		}
		if err != nil || actor.Owner == core.Org {
			return err
		}
		shared, err := tx.Accounts().List(ctx, core.Org)
		for _, a := range shared {
			out[a.ID] = OrgPrefix + a.Ref()
		}
		return err
	})
	return out, err
}

// PageKey is an account's key in List. It tells a place in the order, so that a
// page begins in the right place though the account is gone.
func PageKey(a core.Account) string {
	return strings.Join([]string{a.Provider, a.Namespace, strconv.Itoa(a.Position), a.Label}, "/")
}

// key is a place in the order of accounts; nil is before the first.
type key []string

func parseKey(s string) (key, error) {
	if s == "" {
		return nil, nil
	}
	k := key(strings.Split(s, "/"))
	if len(k) == 4 {
		if _, err := strconv.Atoi(k[2]); err == nil {
			return k, nil
		}
	}
	return nil, core.Errorf(core.Invalid, "there is no such place in the list of accounts").WithField("cursor").WithHint("start from the first page")
}

// before says whether the account comes after the key's place.
func (k key) before(a core.Account) bool {
	if k == nil {
		return true
	}
	position, _ := strconv.Atoi(k[2]) // parseKey has read it
	return cmp.Or(cmp.Compare(k[0], a.Provider), cmp.Compare(k[1], a.Namespace), cmp.Compare(position, a.Position), cmp.Compare(k[3], a.Label)) < 0
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

// labels are those of a pool's accounts, in order.
func labels(pool []core.SealedAccount) []string {
	out := make([]string, 0, len(pool))
	for _, a := range slices.SortedFunc(slices.Values(pool), byPosition) {
		out = append(out, a.Label)
	}
	return out
}

func byPosition(a, b core.SealedAccount) int {
	return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Label, b.Label))
}
