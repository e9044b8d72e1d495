package usage

import (
	"context"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// What users take of the organisation's accounts is counted twice: among the
// user's own counts, and among the organisation's, where the key's Workspace is
// the id of the user. So neither has to be told from the other's.

// UserUsage is what one user took of one of the organisation's accounts.
type UserUsage struct {
	core.Usage
	User string // the name; the id where there is no such user any more
}

// ByUser gives what users took of the organisation's accounts on the days from
// since on (UTC). The actor is an administrator who acts on core.Org.
func ByUser(ctx context.Context, g *guard.Guard, actor core.Actor, since time.Time) ([]UserUsage, error) {
	var out []UserUsage
	act := guard.Act{Action: guard.UsageRead, Subject: "usage", Owner: core.Org}
	err := g.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		counts, err := tx.Usage().List(ctx, core.Org, since)
		if err != nil {
			return err
		}
		names := map[string]string{}
		for _, u := range counts {
			name, err := nameOf(ctx, tx, names, u.Workspace)
			if err != nil {
				return err
			}
			out = append(out, UserUsage{Usage: u, User: name})
		}
		return nil
	})
	return out, err
}

func nameOf(ctx context.Context, tx store.Tx, known map[string]string, id string) (string, error) {
	if name, ok := known[id]; ok {
		return name, nil
	}
	u, err := tx.Users().Get(ctx, id)
	switch core.CodeOf(err) {
	case "":
	case core.NotFound:
		u.Name = id
	default:
		return "", err
	}
	known[id] = u.Name
	return u.Name, nil
}

// ofOrg is the organisation's own count of what a user took.
func ofOrg(u core.Usage) core.Usage {
	u.Workspace, u.Owner = u.Owner.ID, core.Org
	return u
}
