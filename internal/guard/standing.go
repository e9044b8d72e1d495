package guard

import (
	"context"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// standing refuses an act of somebody who was disabled, or is no administrator
// any more, since they proved themselves. It looks inside the act's own
// transaction, so that nothing that was under way comes after the disabling.
func standing(ctx context.Context, tx store.Tx, actor core.Actor, act Act) error {
	id := actor.ID
	switch {
	case actor.Kind == core.LauncherActor:
		id = actor.Owner.ID
	case actor.Kind != core.UserActor || !remote(actor.Via.Kind):
		return nil
	}
	u, err := tx.Users().Get(ctx, id)
	if core.CodeOf(err) == core.NotFound || err == nil && u.Disabled {
		return core.Errorf(core.Unauthenticated, "the user is disabled").WithReason("user_disabled").
			WithHint("ask one of your administrators")
	}
	if err == nil && act.Owner == core.Org && u.Role != core.RoleAdmin {
		return notAdmin(act)
	}
	return err
}

// remote says whether somebody proved themselves to a server.
func remote(k core.ViaKind) bool {
	return k == core.ViaToken || k == core.ViaBrowser || k == core.ViaProxy
}
